"""Lesson 03 in a real JupyterLab: the tree follows the sliders, and the picture of WaveNet plays."""

import shutil
from pathlib import Path

import pytest

from tests.browser.exploring import ExplorerPage

pytestmark = pytest.mark.browser

LESSON = Path(__file__).parents[2] / "notebooks" / "03_feed_forward_models.ipynb"
ANIMATED = "[...document.querySelectorAll('.js-plotly-plot')].find(p => p._transitionData?._frames?.length === 5)"
LEAVES = f"() => ({ANIMATED}).data[2].x.length"  # nodes of the tree that are drawn as read


def test_the_tree_follows_the_sliders_and_the_picture_plays(notebook, lab_root: Path):
    shutil.copy(LESSON, lab_root)
    panel = ExplorerPage(notebook, LESSON.name)
    panel.run_all()
    panel.commit("16")
    assert panel.titles() == ["Receptive field 16", "By gradient: 16 inputs read, the farthest at lag 15"]
    panel.turn("layers", "ArrowRight")
    panel.wait_for_title("Receptive field 32")
    panel.wait_for_title("32 inputs read, the farthest at lag 31")
    panel.turn("layers", "ArrowLeft")
    panel.turn("growth", "ArrowRight")
    panel.wait_for_title("Receptive field 41")
    panel.wait_for_title("16 inputs read, the farthest at lag 40")
    panel.wait_until_told("So it came.")
    panel.pictures("dilated")
    panel.redraw_times("kernel", "ArrowRight")

    notebook.show_cell(notebook.cell_with("dilated_tree("))
    page = notebook.page
    page.wait_for_function(f"() => {ANIMATED}")
    assert page.evaluate(LEAVES) == 1, "the tree is grown before Play"
    page.evaluate(f"() => {{ ({ANIMATED}).scrollIntoView({{block: 'center'}}) }}")
    page.locator(".js-plotly-plot .updatemenu-button", has_text="Play").first.click()
    page.wait_for_function(f"() => ({LEAVES})() === 31", timeout=20_000)
    notebook.picture("wavenet")
    notebook.assert_clean()
