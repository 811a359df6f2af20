import pytest

from tests.browser.lab import LabNotebook, write_notebook

pytestmark = pytest.mark.browser

CELL = """\
from lessons_lib.panels import LivePlot
plot = LivePlot(
    {"loss": {"mode": "lines"}, "spectrum": {"mode": "markers", "xaxis": "x2", "yaxis": "y2"}},
    {"height": 320, "grid": {"rows": 1, "columns": 2, "pattern": "independent"}, "showlegend": False},
    narrow={"width": 400, "height": 600},
    alt="a falling loss",
)
plot"""

DRAWN = "() => document.querySelector('.lessons-live-plot')?.data?.map(trace => trace.y?.length ?? 0)"


@pytest.fixture
def open_plot(lab_root, notebook: LabNotebook):
    write_notebook(lab_root / "plot.ipynb", [CELL])
    notebook.open("plot.ipynb").run_all()
    notebook.page.wait_for_function(f"{DRAWN}", timeout=30_000)
    return notebook


def wait_until_drawn(notebook: LabNotebook, *lengths: int) -> None:
    notebook.page.wait_for_function(f"lengths => ({DRAWN})()?.join() === lengths", arg=",".join(map(str, lengths)))


def background(notebook: LabNotebook) -> str:
    return notebook.page.evaluate("() => document.querySelector('.lessons-live-plot').layout.paper_bgcolor")


def test_a_live_plot_draws_and_redraws(open_plot):
    open_plot.execute("plot.draw(append={'loss': ([1, 2], [3., 2.])}, replace={'spectrum': ([0], [1.])})")
    wait_until_drawn(open_plot, 2, 1)
    open_plot.execute("plot.draw(append={'loss': ([3], [1.])}, replace={'spectrum': ([0, 1], [2., 1.])})")
    wait_until_drawn(open_plot, 3, 2)
    assert open_plot.page.evaluate("() => [...document.querySelector('.lessons-live-plot').data[0].y]") == [3, 2, 1]
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
    notebook.page.wait_for_function("() => document.querySelectorAll('.lessons-live-plot.js-plotly-plot').length === 2")
    assert notebook.kernel("len(sent)") == "1"
    notebook.assert_clean()


def test_the_picture_follows_the_theme(open_plot):
    open_plot.use_theme(dark=False)
    light = background(open_plot)
    open_plot.use_theme(dark=True)
    open_plot.page.wait_for_function(
        "light => document.querySelector('.lessons-live-plot').layout.paper_bgcolor !== light", arg=light
    )
    open_plot.use_theme(dark=False)
    open_plot.assert_clean()


def test_the_picture_fits_its_cell(open_plot):
    width = "() => document.querySelector('.lessons-live-plot').layout.width"
    wide = open_plot.page.evaluate(width)
    open_plot.page.set_viewport_size({"width": 700, "height": 700})
    open_plot.page.wait_for_function(f"wide => ({width})() < wide", arg=wide)
    box = open_plot.page.locator(".lessons-live-plot").bounding_box()
    assert box["x"] + box["width"] <= 700
    assert box["height"] == (600 if box["width"] < 400 else 320)


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
    assert open_plot.page.evaluate("() => [...document.querySelector('.lessons-live-plot').data[0].y]") == list(
        range(40)
    )
