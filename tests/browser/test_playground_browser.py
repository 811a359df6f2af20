"""The playground in a real JupyterLab: built by clicking, trained, refused, found again."""

import shutil
from pathlib import Path

import pytest

from tests.browser.steering import PanelPage
from tests.waiting import wait_for

pytestmark = pytest.mark.browser

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "playground.ipynb"
PLAYGROUND = "__import__('lessons_lib.playground.panel').playground.panel.Playground._latest"
RUN = f"{PLAYGROUND}.panel.run"
DRAWN = "() => document.querySelectorAll('.lessons-live-plot-part.js-plotly-plot').length === 4"


@pytest.fixture(scope="module")
def page(shared_notebook, lab_root: Path) -> PanelPage:
    """One learner at one page, the file browser closed: each test goes on where the one before left it."""
    shutil.copy(NOTEBOOK, lab_root)
    shared_notebook.page.set_viewport_size({"width": 1366, "height": 768})
    page = PanelPage(shared_notebook.open(NOTEBOOK.name), RUN)
    shared_notebook.page.evaluate("() => window.jupyterapp.shell.collapseLeft()")
    shared_notebook.run_all()
    page.button("Build").wait_for(timeout=300_000)
    return page


def choose(page: PanelPage, **menus: str) -> None:
    """Take lines of the menus, by label, in a form that is open or to be opened."""
    if page.button("Choose again").count():
        page.button("Choose again").click()
    for label, line in menus.items():
        page.notebook.page.get_by_label(label.replace("_", " "), exact=True).select_option(line)
        wait_for(lambda label=label, line=line: chosen(page, label) == line, 60, f"{line} did not reach the kernel")


def chosen(page: PanelPage, label: str) -> str:
    name = label.replace("optimiser", "optimizer")
    return page.notebook.kernel(f"{PLAYGROUND}.{name}.choice.value")


def build_and_train(page: PanelPage, model: str, corpus: str) -> None:
    """Press Build and Play; the plots are drawn, and the losses come."""
    page.button("Build").click()
    page.button("Choose again").wait_for(timeout=120_000)
    name = page.kernel("name")
    assert name.startswith(f"{model}, width")
    assert name.endswith(f" on {corpus}")
    page.notebook.page.wait_for_function(DRAWN, timeout=120_000)
    page.play()
    page.notebook.page.wait_for_function(f"() => ({page.LOSS})()?.x?.length >= 5", timeout=120_000)


def test_what_stands_in_the_form_at_first_is_built_and_trains_in_one_view(page):
    build_and_train(page, "tanh-RNN", chosen(page, "corpus"))
    assert page.notebook.page.get_by_role("checkbox", name="bound").is_enabled(), "the stable set's knob is ready"
    page.notebook.page.evaluate("() => document.querySelector('.lessons-panel').scrollIntoView({block: 'start'})")
    ends = page.notebook.page.evaluate("""() => [
        document.querySelector('.jp-WindowedPanel-outer').getBoundingClientRect().bottom,
        ...[...document.querySelectorAll('.lessons-live-plot-part')].map(p => p.getBoundingClientRect().bottom),
    ]""")
    assert max(ends[1:]) <= ends[0]


def test_another_choice_ends_the_run_and_trains(page):
    old = page.notebook.kernel(f"id({RUN})")
    choose(page, corpus="copying", model="TCN")
    assert chosen(page, "optimiser") == "Adam"
    build_and_train(page, "TCN", "copying")
    assert page.notebook.kernel(f"id({RUN})") != old
    threads = page.notebook.kernel("[t.name for t in __import__('threading').enumerate() if t.name.startswith('run ')]")
    assert threads == f"['run {page.kernel('name')}']"
    page.notebook.page.get_by_text("this model has no recurrent matrix").wait_for()


def test_without_a_text_it_is_refused_in_a_line_and_the_run_goes_on(page):
    choose(page, corpus="your own text, characters", model="gated recurrence", stable_set="eigenvalue-disc")
    page.button("Build").click()
    page.notebook.page.get_by_text("Not built: upload a text file first, of 10 MB at most").wait_for()
    steps = page.steps()
    wait_for(lambda: page.steps() > steps, 60, "the run that was there did not go on")


def test_a_text_of_ones_own_is_uploaded_and_trains_in_its_stable_set(page, tmp_path):
    text = tmp_path / "mine.txt"
    text.write_text("The quick brown fox jumps over the lazy dog. " * 20_000)
    with page.notebook.page.expect_file_chooser() as chooser:
        page.notebook.page.get_by_role("button", name="Upload a text file").click()
    chooser.value.set_files(text)
    page.notebook.page.get_by_text("mine.txt: 900,000 characters.").wait_for()
    build_and_train(page, "gated recurrence", "your own text, characters")
    assert page.kernel("settings.stable_set.knob_value") == "0.98"
    page.notebook.page.get_by_text("Loss, nats per character").first.wait_for()


def test_a_page_reloaded_without_a_save_finds_what_was_built(page, lab_root):
    notebook = page.notebook
    shutil.copy(NOTEBOOK, lab_root)  # as it is on the disk when nothing was saved
    notebook.page.reload()
    notebook._wait_until_ready()
    steps = page.steps()
    notebook.run_all()
    page.button("Show the run that is going on").click(timeout=120_000)
    wait_for(lambda: page.steps() > steps, 60, "the run was not found")
    assert chosen(page, "model") == "gated recurrence"
    notebook.page.wait_for_function(f"steps => ({page.LOSS})()?.x?.length > steps", arg=steps, timeout=60_000)
    notebook.assert_clean()


def test_a_restarted_kernel_is_said_in_one_line(page):
    page.notebook.restart_kernel()
    said = page.notebook.page.get_by_text("The kernel was restarted")
    said.first.wait_for()
    assert [said.nth(i).is_visible() for i in range(said.count())].count(True) == 1
