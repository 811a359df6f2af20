"""Lesson 07 in a real JupyterLab: n moves by keyboard while the n-gram LSTM trains."""

import shutil
import time
from pathlib import Path

import pytest

from tests.browser.steering import PanelPage
from tests.waiting import wait_for

pytestmark = pytest.mark.browser

LESSON = Path(__file__).parents[2] / "notebooks" / "07_n_gram_lstm.ipynb"
PANEL = "__import__('lessons_lib.panels.panel', fromlist=['_panels'])._panels['OrderPanel', 'n-gram']"


def test_n_moves_while_it_trains_and_the_next_steps_use_it(notebook, lab_root: Path):
    shutil.copy(LESSON, lab_root)
    panel = PanelPage(notebook.open(LESSON.name))
    notebook.run_all()
    drawn = "() => [...document.querySelectorAll('.lessons-live-plot-part')].flatMap(p => p.data ?? [])"
    notebook.page.wait_for_function(f"{drawn}.some(t => t.name === 'n-gram LSTM')", timeout=300_000)
    panel.button("Play").scroll_into_view_if_needed()
    panel.commit("hardly moves")
    panel.button("Play").click()
    steps = f"len({PANEL}.records)"
    wait_for(lambda: int(notebook.kernel(steps)) > 20, 60, "the training did not start")
    slider = panel.slider("n")
    slider.focus()
    for _ in range(5):
        slider.press("ArrowLeft")
        time.sleep(0.1)
    wait_for(lambda: notebook.kernel(f"{PANEL}.records[-1].n") == "45", 20, "no step used the new n")
    assert notebook.kernel(f"{PANEL}.records[0].n") == "50"
    measured = f"{drawn}.find(t => t.name === 'these weights')?.x?.length === 49"
    notebook.page.wait_for_function(measured, timeout=60_000)
    assert notebook.page.locator(".jp-RenderedText[data-mime-type$='error']").count() == 0
    notebook.assert_clean()
