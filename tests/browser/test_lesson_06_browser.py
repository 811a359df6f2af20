"""Lesson 06's race in a real JupyterLab: locked, raced, another k and another task."""

import re
import shutil
import time
from pathlib import Path

import pytest

from lessons_lib.panels.transport import AGAIN_SECONDS
from tests.waiting import wait_for

pytestmark = pytest.mark.browser

LESSON = Path(__file__).parents[2] / "notebooks" / "06_where_feed_forward_matches.ipynb"
TRACE = """name => [...document.querySelectorAll('.lessons-live-plot-part')]
    .flatMap(part => part.data ?? []).find(trace => trace.name === name)"""


def drawn(name: str, points: int) -> str:
    return f"() => (({TRACE})('{name}')?.x?.length ?? 0) >= {points}"


def test_the_race_is_run_again_with_another_k_and_on_another_task(notebook, lab_root: Path):
    shutil.copy(LESSON, lab_root)
    page = notebook.open(LESSON.name).page

    def button(name: str):
        return page.locator(".jupyter-button", has_text=re.compile(rf"^\s*{re.escape(name)}\s*$")).first

    def state() -> str:
        return notebook.kernel("panel.player.state")

    notebook.run_all()
    page.wait_for_function(drawn("chance", 2), timeout=300_000)
    assert page.locator(".jp-RenderedText[data-mime-type$='error']").count() == 0
    button("Play").scroll_into_view_if_needed()
    assert button("Play").is_disabled()
    button("hardly more than chance").click()
    wait_for(lambda: button("Play").is_enabled(), 15, "the answer did not unlock Play")
    button("Play").click()
    page.wait_for_function(drawn("tanh-RNN", 2), timeout=60_000)
    wait_for(lambda: state() == "finished", 60, "the race did not end")
    assert page.locator("table[aria-label='race card: copying'] tr").count() == 5

    page.locator(".widget-slider", has_text="k").locator(".noUi-handle").first.press("ArrowLeft")
    wait_for(lambda: notebook.kernel("panel.context.value") == "43", 15, "k did not reach the panel")
    wait_for(lambda: state() == "ready", 15, "another k did not begin another race")
    page.locator(".widget-dropdown select").first.select_option("translation")
    page.wait_for_function(drawn("convolutional", 0), timeout=60_000)
    wait_for(lambda: notebook.kernel("panel.task.name") == "translation", 30, "the task did not change")
    button("Play").click()
    page.wait_for_function(drawn("LSTM + attention", 2), timeout=60_000)
    time.sleep(AGAIN_SECONDS)  # sooner, it would be half of a double press
    button("Pause").click()
    wait_for(lambda: state() in ("paused", "finished"), 30, "Pause did not reach the race")
    notebook.picture("race")
    notebook.assert_clean()
