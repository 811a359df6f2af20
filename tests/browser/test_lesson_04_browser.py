"""Lesson 04 in a real JupyterLab: the truncation length moves while the model trains."""

import shutil
from pathlib import Path

import pytest

from tests.browser.steering import steer_lesson

pytestmark = pytest.mark.browser

LESSON = Path(__file__).parents[2] / "notebooks" / "04_truncated_backpropagation.ipynb"


def test_k_moves_while_the_model_trains_and_the_best_losses_are_drawn(notebook, lab_root: Path):
    shutil.copy(LESSON, lab_root)
    sliders = {"truncation k": "ArrowRight", "learning rate": "ArrowLeft"}
    panel = steer_lesson(notebook, LESSON.name, answer="stays at 0.40", sliders=sliders)
    assert int(panel.kernel("settings.truncation_length")) > 2, "the lesson's run begins at 2"
    words = notebook.page.locator(".lessons-live-plot-part .annotation-text")
    assert words.filter(has_text="best with 4 or more").count() == 1
