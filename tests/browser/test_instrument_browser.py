"""The training panel in a real JupyterLab: seen in one view, worked by keyboard, lost by nothing."""

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lessons_lib.panels.transport import AGAIN_SECONDS
from tests.browser.lab import PANEL, LabNotebook, write_notebook
from tests.browser.steering import PanelPage
from tests.waiting import wait_for

pytestmark = pytest.mark.browser

# A model small enough for a busy machine, in a module of its own: a script can import it.
TINY = """\
import torch
from lessons_lib.corpora import Stream
from lessons_lib.experiments.training import from_seed
from lessons_lib.models import LanguageModel, TanhRNN
from lessons_lib.runs import Probe
from lessons_lib.training import Settings

TOKENS = torch.randint(9, (4001,), generator=torch.Generator().manual_seed(0))
SETTINGS = Settings(12, learning_rate=0.5, gradient_clip=1.0)

@from_seed
def factory(seed=0):
    model = LanguageModel(TanhRNN(8, 8), 9, 8)
    torch.nn.init.orthogonal_(model.core.cells[0].weight_hh_l0, gain=2.0)
    return model, Stream(TOKENS, 4, 12, unit="words")

def probe():
    return Probe(Stream(TOKENS, 1, 100)[0], TOKENS[:40].view(1, -1), max_context=12, max_lag=12)
"""
CELL = """\
import tiny
from lessons_lib.panels import TrainingPanel
from lessons_lib.runs import Run
run = Run(tiny.factory(seed=0), tiny.SETTINGS, name="tiny", probe=tiny.probe(), twin=True)
panel = TrainingPanel(run, first="error", speed="normal")
panel"""
CELLS = [CELL, "kept = 1"]
PLOTS = 4


@pytest.fixture(scope="module")
def page(shared_notebook, lab_root: Path) -> PanelPage:
    """One page for the whole file, the file browser closed."""
    (lab_root / "tiny.py").write_text(TINY)
    write_notebook(lab_root / "instrument.ipynb", CELLS)
    shared_notebook.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    shared_notebook.open("instrument.ipynb")
    shared_notebook.page.evaluate("() => window.jupyterapp.shell.collapseLeft()")
    panel = PanelPage(shared_notebook)
    run_cell(panel)
    return panel


def run_cell(panel: PanelPage) -> None:
    panel.notebook.run_cell(0)
    drawn = f"() => document.querySelectorAll('.lessons-live-plot-part.js-plotly-plot').length === {PLOTS}"
    panel.notebook.page.wait_for_function(drawn, timeout=120_000)


def playing(panel: PanelPage) -> PanelPage:
    """The panel with its run under way, whatever the test before has left."""
    if panel.kernel("state") != "running":
        time.sleep(AGAIN_SECONDS)
        panel.button("Play").click()
        wait_for(lambda: panel.kernel("state") == "running", 60, "Play did not reach the run")
        time.sleep(AGAIN_SECONDS)  # what is pressed next is no half of a double press
    return panel


def boxes(notebook: LabNotebook, width: int, height: int) -> dict[str, list[dict]]:
    """Where the panel's parts are, once it is scrolled to, and the notebook's own window."""
    notebook.page.set_viewport_size({"width": width, "height": height})
    # JupyterLab lays its window out some time after the page's change of size, and the plots follow the window.
    notebook.page.wait_for_function("""() => {
        const edge = document.querySelector('.jp-WindowedPanel-outer').getBoundingClientRect().right;
        const plots = [...document.querySelectorAll('.lessons-live-plot-part')];
        return Math.abs(innerWidth - edge) < 60 && plots.every(p => p.layout.width === p.clientWidth);
    }""")
    notebook.page.evaluate("() => document.querySelector('.lessons-panel').scrollIntoView({block: 'start'})")
    return notebook.page.evaluate("""() => {
        const at = selector => [...document.querySelectorAll(selector)].map(e => e.getBoundingClientRect())
            .filter(r => r.width > 0).map(({left, top, right, bottom}) => ({left, top, right, bottom}));
        return {
            window: at('.jp-WindowedPanel-outer'),
            buttons: at('.lessons-panel .jupyter-button'),
            sliders: at('.lessons-number'),
            meter: at('.lessons-meter'),
            plots: at('.lessons-live-plot-part'),
        };
    }""")


@pytest.mark.parametrize(("width", "height"), [(1366, 768), (1280, 800)])
def test_controls_meter_and_plots_stand_in_one_view(page, width, height):
    found = boxes(page.notebook, width, height)
    (window,) = found.pop("window")
    assert {name: len(parts) for name, parts in found.items() if name != "buttons"} == {
        "sliders": 3,
        "meter": 1,
        "plots": PLOTS,
    }
    for name, parts in found.items():
        for part in parts:
            assert window["top"] <= part["top"], name
            assert part["bottom"] <= window["bottom"], name
            assert window["left"] <= part["left"] < part["right"] <= window["right"], name


def test_a_narrow_page_shows_them_in_reading_order(page):
    found = boxes(page.notebook, 900, 900)
    (window,) = found["window"]
    assert max(part["bottom"] for part in found["sliders"]) <= found["meter"][0]["top"] + 1
    assert found["meter"][0]["bottom"] <= min(part["top"] for part in found["plots"]) + 1
    assert all(part["right"] <= window["right"] for parts in found.values() for part in parts)
    page.notebook.page.set_viewport_size({"width": 1366, "height": 768})


def test_the_lessons_picture_comes_first_and_every_plot_explains_itself(page):
    rooms = page.notebook.page.locator(".lessons-live-plot-room")
    assert rooms.first.get_by_role("button").get_attribute("aria-label").startswith("What is “Error from forgetting")
    said = page.notebook.page.locator(".lessons-live-plot-says")
    assert [said.nth(i).is_visible() for i in range(PLOTS)] == [True] * PLOTS
    playing(page)
    wait_for(lambda: not any(said.nth(i).is_visible() for i in range(PLOTS)), 60)
    rooms.first.get_by_role("button").focus()
    rooms.first.get_by_role("button").press("Shift")  # the focus is a keyboard's
    assert said.first.is_visible()
    page.button("Pause").focus()
    assert not said.first.is_visible()


def test_play_and_pause_keep_the_keyboards_focus(page):
    focused = "() => document.activeElement.textContent.trim()"
    playing(page).button("Pause").focus()
    for state, offered in (("paused", "Play"), ("running", "Pause")):
        time.sleep(AGAIN_SECONDS)
        page.notebook.page.keyboard.press("Space")
        wait_for(lambda state=state: page.kernel("state") == state, 30)
        page.notebook.page.wait_for_function(f"() => ({focused})() === '{offered}'")


def test_sliders_have_names_and_letters_do_not_reach_the_cells(page):
    slider = page.notebook.page.get_by_role("slider", name="learning rate")
    assert slider.get_attribute("aria-valuetext") == "0.5"
    slider.press("ArrowLeft")
    wait_for(lambda: page.notebook.kernel("run.settings.learning_rate") != "0.5")
    number = page.notebook.kernel("run.settings.learning_rate")
    assert slider.get_attribute("aria-valuetext") == number
    assert page.notebook.page.get_by_role("textbox", name="learning rate, typed").input_value() == number
    slider.press("d")
    slider.press("d")
    assert page.notebook.page.evaluate(f"() => {PANEL}.content.widgets.length") == 2
    assert slider.is_visible()


def test_a_status_line_is_updated_and_not_replaced(page):
    playing(page)
    lines = "[...document.querySelectorAll('.lessons-panel .lessons-status[role=status]')]"
    page.notebook.page.evaluate(f"() => {{ window.line = {lines}.find(e => e.textContent.includes('Running')) }}")
    page.button("Pause").click()
    page.notebook.page.wait_for_function(
        "() => window.line.isConnected && window.line.textContent.includes('Paused at step')"
    )


def test_a_comma_is_a_point_and_a_number_out_of_range_is_refused_in_a_line(page):
    playing(page).switch_on("bound")
    typed = page.notebook.page.get_by_role("textbox", name="λ, typed")
    typed.fill("0,9")
    typed.press("Enter")
    wait_for(lambda: page.notebook.kernel("run.settings.stable_set.knob_value") == "0.9", 30)
    wait_for(lambda: typed.input_value() == "0.9", 30)
    typed.fill("1e9")
    typed.press("Enter")
    page.notebook.page.get_by_text("1e9 is outside the range from 0.05 to 2.5: still 0.9.").wait_for()
    wait_for(lambda: typed.input_value() == "0.9", 30)
    assert page.notebook.kernel("run.settings.stable_set.knob_value") == "0.9"


def test_a_page_reloaded_without_a_save_finds_its_living_run(page, lab_root):
    notebook = page.notebook
    wait_for(lambda: playing(page).steps() > 20, 120)
    changes = page.changes()
    write_notebook(lab_root / "instrument.ipynb", CELLS)  # as it is on the disk when nothing was saved
    notebook.page.reload()
    notebook._wait_until_ready()
    assert notebook.page.locator(".lessons-panel").count() == 0
    assert page.kernel("state") == "running"
    run_cell(page)
    taken = page.notebook.kernel("run.earlier.step_count")
    assert page.button("Play").is_disabled()
    page.button("Show the run that is going on").click()
    wait_for(lambda: page.kernel("state") == "running" and page.steps() > int(taken) + 5, 120)
    assert page.changes() == changes
    notebook.page.wait_for_function(f"taken => ({page.LOSS})()?.x?.length > taken", arg=int(taken), timeout=60_000)
    assert notebook.page.evaluate(f"() => ({page.LOSS})().x[0]") == 0


def test_twenty_moves_by_keyboard_copied_as_code_give_the_same_losses(page, lab_root):
    notebook = page.notebook
    moves = random.Random(0)
    before = playing(page).changes()
    while page.changes() < before + 20:
        name = moves.choice(["truncation k", "λ", "learning rate"])
        slider = notebook.page.get_by_role("slider", name=name)
        slider.press(moves.choice(["ArrowLeft", "ArrowRight", "PageUp", "PageDown"]))
    page.button("Pause").click()
    wait_for(lambda: page.kernel("state") == "paused", 30)
    page.button("Copy as code").click()
    notebook.page.get_by_text("Copied: paste it into an empty cell.").wait_for()
    cell = notebook.page.evaluate("() => navigator.clipboard.readText()")
    assert cell == notebook.kernel("run.script()").strip() + "\n"
    fresh = [sys.executable, "-c", cell + "\nimport json; print(json.dumps(losses))"]
    done = subprocess.run(fresh, cwd=lab_root, capture_output=True, text=True, check=True)
    losses = json.loads(done.stdout.splitlines()[-1])
    assert losses == json.loads(notebook.kernel("__import__('json').dumps(run.history.loss)"))


def test_a_saved_run_stands_as_a_ghost_behind_the_next(page, lab_root):
    notebook = page.notebook
    notebook.execute(
        "import pathlib, lessons_lib.panels.past_runs as past; past.runs_folder = lambda: pathlib.Path('my_runs')"
    )
    wait_for(lambda: playing(page).steps() > 0, 60)
    page.button("Save run").click()
    notebook.page.get_by_text("Saved in my_runs/").wait_for()
    (place,) = (lab_root / "my_runs").iterdir()
    page.button("Reset").click()
    wait_for(lambda: notebook.kernel("len(panel.plot.ghosts)") != "0", 15, "Reset left no ghost of the saved run")
    title = notebook.kernel("panel.plot.ghosts[-1].title")
    legend = notebook.page.get_by_text(title, exact=True).first
    legend.wait_for()
    page.button("Clear").click()
    legend.wait_for(state="detached")
    notebook.page.get_by_label("show a saved run").select_option(place.name)
    legend.wait_for()
    notebook.assert_clean()


def test_a_restarted_kernel_is_said_in_one_line(page):
    notebook = page.notebook
    notebook.restart_kernel()
    notebook.page.get_by_text("The kernel was restarted").wait_for()
    assert notebook.page.get_by_text("The kernel was restarted").count() == 1
    marks = """() => [...document.querySelectorAll('.lessons-panel .jupyter-widgets-disconnected')]
        .filter(e => getComputedStyle(e, '::before').content !== 'none').length"""
    assert notebook.page.evaluate(marks) == 0
