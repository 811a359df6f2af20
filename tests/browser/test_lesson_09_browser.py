"""Lesson 09's first panel in a real JupyterLab: λ moves by keyboard while the RNN trains."""

import shutil
from pathlib import Path

import pytest

from tests.browser.steering import steer_lesson

pytestmark = pytest.mark.browser

LESSON = Path(__file__).parents[2] / "notebooks" / "09_projection.ipynb"


def test_the_bound_moves_while_it_trains(notebook, lab_root: Path):
    shutil.copy(LESSON, lab_root)
    sliders = {"λ": "ArrowLeft", "truncation k": "ArrowLeft"}
    panel = steer_lesson(notebook, LESSON.name, answer="about the same", sliders=sliders, switch="bound")
    assert float(panel.kernel("settings.stable_set.bound")) < 2.5
    page = notebook.page
    page.get_by_role("tab", name="Listen").click()
    panel.button("Compose and play").click()
    roll = page.get_by_role("img", name="Piano roll")
    roll.wait_for()
    assert roll.locator("rect").count() > 20
    page.wait_for_function("() => document.querySelector('audio').duration > 5")
    notebook.assert_clean()
