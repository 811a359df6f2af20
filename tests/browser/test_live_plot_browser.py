import pytest

from tests.browser.lab import LabNotebook, write_notebook

pytestmark = pytest.mark.browser

CELL = """\
from lessons_lib.panels import LivePlot
plot = LivePlot(
    {"loss": {"mode": "lines"}, "spectrum": {"mode": "markers", "plot": "right"}},
    {"left": {"height": 320}, "right": {"height": 320}},
    alt="a falling loss",
)
plot"""

PARTS = "[...document.querySelectorAll('.lessons-live-plot-part')]"
DRAWN = f"() => {PARTS}.map(part => part.data?.[0]?.y?.length ?? (part.data ? 0 : -1))"
LOSS = f"() => [...{PARTS}[0].data[0].y]"


@pytest.fixture
def open_plot(lab_root, notebook: LabNotebook):
    write_notebook(lab_root / "plot.ipynb", [CELL])
    notebook.open("plot.ipynb").run_all()
    wait_until_drawn(notebook, 0, 0)
    return notebook


def wait_until_drawn(notebook: LabNotebook, *lengths: int) -> None:
    notebook.page.wait_for_function(f"lengths => ({DRAWN})()?.join() === lengths", arg=",".join(map(str, lengths)))


def background(notebook: LabNotebook) -> str:
    return notebook.page.evaluate("() => document.querySelector('.lessons-live-plot-part').layout.paper_bgcolor")


def test_a_live_plot_draws_and_redraws(open_plot):
    open_plot.execute("plot.draw(append={'loss': ([1, 2], [3., 2.])}, replace={'spectrum': ([0], [1.])})")
    wait_until_drawn(open_plot, 2, 1)
    open_plot.execute("plot.draw(append={'loss': ([3], [1.])}, replace={'spectrum': ([0, 1], [2., 1.])})")
    wait_until_drawn(open_plot, 3, 2)
    assert open_plot.page.evaluate(LOSS) == [3, 2, 1]
    open_plot.execute("plot.clear()")
    wait_until_drawn(open_plot, 0, 0)
    open_plot.assert_clean()


def test_two_plots_share_one_copy_of_plotly(lab_root, notebook):
    count = """\
import plotly.offline
sent, source = [], plotly.offline.get_plotlyjs()
plotly.offline.get_plotlyjs = lambda: sent.append(1) or source"""
    write_notebook(lab_root / "two.ipynb", [count, CELL, CELL])
    notebook.open("two.ipynb").run_all()
    notebook.page.wait_for_function(
        "() => document.querySelectorAll('.lessons-live-plot-part.js-plotly-plot').length === 4"
    )
    assert notebook.kernel("len(sent)") == "1"
    notebook.assert_clean()


def test_the_picture_follows_the_theme(open_plot):
    open_plot.use_theme(dark=False)
    light = background(open_plot)
    open_plot.use_theme(dark=True)
    open_plot.page.wait_for_function(
        "light => document.querySelector('.lessons-live-plot-part').layout.paper_bgcolor !== light", arg=light
    )
    open_plot.use_theme(dark=False)
    open_plot.assert_clean()


def test_plots_stand_side_by_side_or_below_each_other(open_plot):
    def places():
        return open_plot.page.evaluate(
            f"() => {PARTS}.map(p => p.getBoundingClientRect()).map(r => [r.left, r.top, r.right])"
        )

    (left, top, _), (next_left, next_top, _) = places()
    assert (top, left) < (next_top + 1, next_left)
    open_plot.page.set_viewport_size({"width": 700, "height": 700})
    open_plot.page.wait_for_function(
        f"() => {PARTS}[1].getBoundingClientRect().left === {PARTS}[0].getBoundingClientRect().left"
    )
    open_plot.page.wait_for_function(f"() => {PARTS}.every(part => part.layout.width === part.clientWidth)")
    assert all(right <= 700 for _, _, right in places())


def test_the_picture_is_described_in_words(open_plot):
    assert open_plot.page.get_by_role("img", name="a falling loss").count() == 1
    open_plot.execute("plot.alt = 'a risen loss'")
    open_plot.page.get_by_role("img", name="a risen loss").wait_for()


def test_a_reopened_tab_shows_the_whole_history(open_plot):
    open_plot.execute("plot.draw(append={'loss': (range(100), range(100))})")
    wait_until_drawn(open_plot, 100, 0)
    open_plot.close_tab()
    open_plot.reopen_tab()
    wait_until_drawn(open_plot, 100, 0)
    open_plot.execute("plot.draw(append={'loss': ([100], [100])})")
    wait_until_drawn(open_plot, 101, 0)
    open_plot.assert_clean()


def test_frames_lost_with_the_connection_are_made_up(open_plot):
    open_plot.execute("""
import threading, time
def draw():
    for step in range(40):
        plot.draw(append={'loss': ([step], [step])}); time.sleep(.1)
threading.Thread(target=draw).start()""")
    open_plot.page.wait_for_function(f"() => ({DRAWN})()[0] > 3")
    open_plot.cut_connection()
    wait_until_drawn(open_plot, 40, 0)
    assert open_plot.page.evaluate(LOSS) == list(range(40))
