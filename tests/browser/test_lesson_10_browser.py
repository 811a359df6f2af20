"""Lesson 10 in a real JupyterLab: error and bound follow λ and ε, and a model is steered while it trains."""

from pathlib import Path

import nbformat
import pytest

from tests.browser.steering import PanelPage
from tests.waiting import wait_for

pytestmark = pytest.mark.browser

LESSON = Path(__file__).parents[2] / "notebooks" / "10_same_predictions.ipynb"
LAST = """name => [...document.querySelectorAll('.lessons-live-plot-part')]
    .flatMap(part => part.data ?? []).find(trace => trace.name === name)?.y?.at(-1)"""


def test_error_and_bound_follow_the_sliders_and_the_training(notebook, lab_root: Path):
    opened = nbformat.read(LESSON, as_version=4)
    for cell in opened.cells:  # the second panel stands in an optional section, which is stored collapsed
        cell.metadata.pop("jp-MarkdownHeadingCollapsed", None)
    nbformat.write(opened, lab_root / LESSON.name)
    panel = PanelPage(notebook.open(LESSON.name), "run")
    panel.run_all()
    page = notebook.page
    explored = page.locator(".widget-slider", has_text="λ").first
    rate, locked = explored.locator(".noUi-handle"), explored.locator("[disabled]")
    assert locked.count() > 0, "free before the bet"
    page.locator(".jupyter-button", has_text="falls all the same").click()
    digits = page.locator(".widget-slider", has_text="digits of ε").locator(".noUi-handle")
    wait_for(lambda: locked.count() == 0, 15, "the bet did not unlock the sliders")
    before = wait_for(lambda: page.evaluate(LAST, "theorem"), 30, "the picture was not drawn")
    rate.press("ArrowLeft")
    page.wait_for_function(f"before => ({LAST})('theorem') < before", arg=before, timeout=10_000)
    assert page.evaluate(LAST, "measured") < page.evaluate(LAST, "theorem")
    digits.press("ArrowRight")
    page.wait_for_function(f"() => Math.abs(({LAST})('ε') - 1e-4) < 1e-8", timeout=10_000)

    panel.button("Play").scroll_into_view_if_needed()
    panel.commit("smaller, and no theorem says why")
    panel.play()
    panel.switch_on("bound")
    bound = page.locator(".widget-slider", has_text="λ").locator(".noUi-handle").last
    bound.press("ArrowLeft")
    wait_for(lambda: float(panel.kernel("settings.stable_set.bound")) < 2.5, 10, "λ did not move")
    panel.button("Stop").click()
    wait_for(lambda: panel.kernel("state") == "stopped", 15, "Stop did not reach the run")
    notebook.assert_clean()
