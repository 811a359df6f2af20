"""Lesson 13 in a real JupyterLab: the learner's own choice trains, and λ moves meanwhile."""

import shutil
from pathlib import Path

import pytest

from tests.browser.steering import steer_lesson

pytestmark = pytest.mark.browser

LESSON = Path(__file__).parents[2] / "notebooks" / "13_open_questions.ipynb"


def test_a_choice_of_ones_own_is_steered_while_it_trains(notebook, lab_root: Path):
    shutil.copy(LESSON, lab_root)
    sliders = {"λ": "ArrowLeft", "learning rate": "ArrowLeft"}
    panel = steer_lesson(notebook, LESSON.name, answer="near the lower level", sliders=sliders, switch="bound")
    assert float(panel.kernel("settings.stable_set.bound")) < 2.5
    assert panel.kernel("model.context_length") == "7"
    words = notebook.page.locator(".lessons-live-plot-part .annotation-text")
    assert words.filter(has_text="best with 7 words").count() == 1
    assert notebook.page.locator("text=to be written").count() >= 2
