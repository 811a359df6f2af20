"""Lesson 02 in a real JupyterLab: the memory follows the sliders, and the unrolled graph is stepped through."""

import shutil
from pathlib import Path

import pytest

from tests.browser.exploring import PARTS, ExplorerPage

pytestmark = pytest.mark.browser

LESSON = Path(__file__).parents[2] / "notebooks" / "02_recurrent_models.ipynb"
LEFT = f"name => {{ const y = {PARTS}[0].data.find(trace => trace.name === name).y; return y[y.length - 1] }}"
STEPPED = "[...document.querySelectorAll('.js-plotly-plot')].find(p => p._transitionData?._frames?.length === 7)"
KNOWN = f"() => ({STEPPED}).data.find(trace => trace.name === 'known').x.length"


def test_the_memory_follows_the_sliders_and_the_graph_is_stepped(notebook, lab_root: Path):
    shutil.copy(LESSON, lab_root)
    panel = ExplorerPage(notebook, LESSON.name)
    panel.run_all()
    panel.commit("more than there was at first")
    assert notebook.page.evaluate(LEFT, "LSTM") < 0.01
    panel.turn("forget bias", *["ArrowRight"] * 6)
    panel.wait_for_title("forget gate 0.953")
    assert notebook.page.evaluate(LEFT, "LSTM") > 1
    panel.turn("norm of W", "Home")
    panel.wait_for_title("Norm 0,")
    assert notebook.page.evaluate(LEFT, "LSTM") == pytest.approx(notebook.page.evaluate(LEFT, "rule, LSTM"), rel=0.5)
    panel.turn("norm of W", *["ArrowRight"] * 5)
    panel.wait_for_title("Norm 0.5,")
    panel.wait_until_told("So it came.")
    panel.pictures("memory")
    panel.redraw_times("norm of W", "ArrowRight")

    notebook.show_cell(notebook.cell_with("unrolled_graph("))
    page = notebook.page
    page.wait_for_function(f"() => {STEPPED}")
    page.evaluate(f"() => {{ ({STEPPED}).scrollIntoView({{block: 'center'}}) }}")
    assert page.evaluate(KNOWN) == 12
    page.locator(".js-plotly-plot .slider-rail-touch-rect").first.click(position={"x": 2, "y": 20})
    page.wait_for_function(f"() => ({KNOWN})() === 1")
    notebook.picture("unrolled_start")
    page.locator(".js-plotly-plot .updatemenu-button", has_text="Play").first.click()
    page.wait_for_function(f"() => ({KNOWN})() === 12", timeout=20_000)
    notebook.picture("unrolled")
    notebook.assert_clean()
