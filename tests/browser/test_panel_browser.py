"""Lesson 00's panel in a real JupyterLab."""

import shutil
from pathlib import Path

import pytest

from tests.browser.steering import (
    PanelPage,
    assert_history_survives_reopening,
    assert_reruns_leave_one,
    assert_survives_a_cut,
    assert_survives_a_restart,
    steer_lesson,
)

pytestmark = pytest.mark.browser

LESSONS = Path(__file__).parents[2] / "notebooks"
LESSON, ANSWER = "00_start_here.ipynb", "lower"


@pytest.fixture(scope="module")
def panel(shared_notebook, lab_root: Path) -> PanelPage:
    """One learner at one page: each test goes on where the one before left it."""
    shutil.copy(LESSONS / LESSON, lab_root)
    sliders = {"truncation k": "ArrowLeft", "λ": "ArrowLeft"}
    return steer_lesson(shared_notebook, LESSON, answer=ANSWER, sliders=sliders, switch="bound")


def test_moves_reach_the_next_step(panel):
    assert int(panel.kernel("settings.truncation_length")) < 50
    assert float(panel.kernel("settings.stable_set.bound")) < 2.5


def test_a_reopened_tab_shows_the_whole_history(panel):
    assert_history_survives_reopening(panel)


def test_ten_reruns_leave_one_run(panel):
    assert_reruns_leave_one(panel)


def test_the_page_survives_a_cut_connection(panel):
    assert_survives_a_cut(panel)


def test_the_page_survives_a_restart(panel):
    assert_survives_a_restart(panel, ANSWER)
