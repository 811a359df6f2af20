"""Lesson 12's live pair in a real JupyterLab: the forget ceiling moves while both models train."""

import shutil
from pathlib import Path

import pytest

from tests.browser.steering import steer_lesson

pytestmark = pytest.mark.browser

LESSON = Path(__file__).parents[2] / "notebooks" / "12_wikitext2.ipynb"


def test_the_ceiling_moves_and_the_twin_trains_on(notebook, lab_root: Path):
    shutil.copy(LESSON, lab_root)
    sliders = {"f̄": "ArrowRight", "truncation k": "ArrowLeft"}
    panel = steer_lesson(notebook, LESSON.name, answer="higher by 2 to 20 %", sliders=sliders)
    assert float(panel.kernel("settings.stable_set.forget_ceiling")) > 0.64
    assert int(panel.kernel("settings.truncation_length")) < 35
    assert panel.kernel("history.twin_steps[0]") == "0"
