"""Lesson 05 in a real JupyterLab: the next measurement uses the length that the keyboard set."""

import shutil
import time
from pathlib import Path

import pytest

from tests.browser.steering import PanelPage
from tests.waiting import wait_for

pytestmark = pytest.mark.browser

LESSON = Path(__file__).parents[2] / "notebooks" / "05_why_feed_forward.ipynb"
PANEL = "__import__('lessons_lib.panels.panel', fromlist=['_panels'])._panels['ThroughputPanel', 'throughput']"
DRAWN = "[...document.querySelectorAll('.lessons-live-plot-part')].flatMap(p => p.data ?? [])"


def test_the_length_moves_while_it_measures(notebook, lab_root: Path):
    shutil.copy(LESSON, lab_root)
    panel = PanelPage(notebook.open(LESSON.name))
    notebook.run_all()
    notebook.show_cell(notebook.cell_with("ThroughputPanel(prediction"))
    notebook.page.wait_for_function(f"() => {DRAWN}.some(t => t.name === 'TCN')", timeout=300_000)
    panel.button("Play").scroll_into_view_if_needed()
    panel.commit("the TCN, by twice or more")
    panel.button("Play").click()
    wait_for(lambda: int(notebook.kernel(f"len({PANEL}.records)")) > 3, 60, "nothing was measured")
    slider = panel.slider("length")
    slider.focus()
    for _ in range(3):
        slider.press("ArrowLeft")
        time.sleep(0.1)
    wait_for(lambda: notebook.kernel(f"{PANEL}.records[-1].length") == "61", 20, "no measurement used the new length")
    notebook.page.wait_for_function(f"() => {DRAWN}.find(t => t.name === 'TCN').x.length >= 2", timeout=30_000)
    assert notebook.page.locator(".jp-RenderedText[data-mime-type$='error']").count() == 0
    notebook.assert_clean()
