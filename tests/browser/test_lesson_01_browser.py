"""Lesson 01's sliders in a real JupyterLab: the cliff follows k."""

import shutil
from pathlib import Path

import pytest

from tests.browser.exploring import PARTS, ExplorerPage

pytestmark = pytest.mark.browser

LESSON = Path(__file__).parents[2] / "notebooks" / "01_two_kinds.ipynb"
# Lags at which the named curve of the second plot lies above the floor, its lowest value.
FELT = f"""name => {{
    const curve = {PARTS}[1].data.find(trace => trace.name === name);
    const y = [...curve.y];
    const floor = 10 ** {PARTS}[1].layout.yaxis.range[0] * 10;
    return y.filter(v => v > floor).length;
}}"""


def test_the_cliff_follows_k(notebook, lab_root: Path):
    shutil.copy(LESSON, lab_root)
    panel = ExplorerPage(notebook, LESSON.name)
    panel.run_all()
    panel.commit("about as much as of the input 7 steps back")
    assert [notebook.page.evaluate(FELT, name) for name in ("RNN", "windowed", "convolution")] == [40, 8, 8]
    panel.turn("context length k", "ArrowRight")
    panel.wait_for_title("k = 9")
    panel.wait_until_told("So it came.")
    assert [notebook.page.evaluate(FELT, name) for name in ("RNN", "windowed", "convolution")] == [40, 9, 9]
    panel.turn("changed input", "ArrowLeft")
    panel.wait_for_title("Input 9 changed")
    panel.redraw_times("context length k", "ArrowRight")
    panel.pictures("two_kinds")
    notebook.assert_clean()
