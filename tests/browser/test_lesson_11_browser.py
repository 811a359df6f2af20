"""Lesson 11's twins in a real JupyterLab: locked, played, steered, begun again."""

import re
import shutil
import time
from pathlib import Path

import pytest

from lessons_lib.panels.transport import AGAIN_SECONDS
from tests.waiting import wait_for

pytestmark = pytest.mark.browser

LESSON = Path(__file__).parents[2] / "notebooks" / "11_same_training.ipynb"
GAP = """() => [...document.querySelectorAll('.lessons-live-plot-part')]
    .flatMap(part => part.data ?? []).find(trace => trace.name === 'k = 20')"""
HIGH = f"() => {{ const y = ({GAP})()?.y ?? []; return y.length > 1 && Math.min(...y) > 0.5 }}"


def test_the_twins_are_steered_while_they_train(notebook, lab_root: Path):
    shutil.copy(LESSON, lab_root)
    page = notebook.open(LESSON.name).page

    def button(name: str):
        return page.locator(".jupyter-button", has_text=re.compile(rf"^\s*{re.escape(name)}\s*$"))

    notebook.run_all()
    page.wait_for_function(GAP, timeout=300_000)
    assert page.locator(".jp-RenderedText[data-mime-type$='error']").count() == 0
    button("Play").scroll_into_view_if_needed()
    assert button("Play").is_disabled()
    button("to less than a thirtieth").click()
    wait_for(lambda: button("Play").is_enabled(), 15, "the answer did not unlock Play")
    button("Play").click()
    page.wait_for_function(f"() => ({GAP})()?.x?.length > 2", timeout=60_000)

    page.locator(".widget-slider", has_text="λ").locator(".noUi-handle").press("ArrowLeft")
    bound = "round(panel.settings.stable_set.bound, 6)"
    wait_for(lambda: notebook.kernel(bound) == "0.75", 15, "λ did not reach the twins")
    button("2 × orthogonal, free").click()
    wait_for(lambda: notebook.kernel("panel.player.state") == "ready", 15, "the other start did not begin again")
    button("Play").click()
    page.wait_for_function(HIGH, timeout=60_000)
    time.sleep(AGAIN_SECONDS)  # sooner, it would be half of a double press
    button("Pause").click()
    wait_for(lambda: notebook.kernel("panel.player.state") == "paused", 15, "Pause did not reach the twins")
    notebook.picture("twins")
    notebook.assert_clean()
