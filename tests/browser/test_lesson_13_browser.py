"""Lesson 13 in a real JupyterLab: the count follows the gain, and a switch passes states on while a model trains."""

import re
import shutil
from pathlib import Path

import nbformat
import pytest

from tests.browser.exploring import ExplorerPage
from tests.browser.steering import PanelPage
from tests.waiting import wait_for

pytestmark = pytest.mark.browser

LESSON = Path(__file__).parents[2] / "notebooks" / "13_open_questions.ipynb"


def test_the_count_follows_the_gain_and_jumps(notebook, lab_root: Path):
    shutil.copy(LESSON, lab_root)
    panel = ExplorerPage(notebook, LESSON.name, cell="panel.panel(")
    panel.run_all()
    panel.commit("about 100")

    def count() -> int:
        return int(re.match(r"(\d+) iterations for 256 steps", panel.titles()[0]).group(1))

    few = count()
    panel.turn("gain", *["ArrowRight"] * 24, apart=0.05)
    panel.wait_for_title("exponent +0.1")
    assert few < 10
    assert count() > 60
    panel.pictures("newton")
    panel.redraw_times("gain", "ArrowLeft")
    notebook.assert_clean()


def test_the_switch_passes_states_on_while_the_model_trains(notebook, lab_root: Path):
    opened = nbformat.read(LESSON, as_version=4)
    for cell in opened.cells:  # the panel stands in an optional section, which is stored collapsed
        cell.metadata.pop("jp-MarkdownHeadingCollapsed", None)
    nbformat.write(opened, lab_root / LESSON.name)
    panel = PanelPage(notebook.open(LESSON.name), "live")
    notebook.run_all()
    notebook.show_cell(notebook.cell_with("PassingPanel("))
    notebook.page.wait_for_function(panel.LOSS, timeout=300_000)
    panel.commit("above that up to word 32")
    panel.play()
    assert panel.kernel("stream.carries_state") == "False"
    notebook.page.get_by_role("checkbox", name="pass the state on").press("Space")
    wait_for(lambda: panel.kernel("stream.carries_state") == "True", 15, "the switch did not reach the stream")
    before = panel.steps()
    wait_for(lambda: panel.steps() > before + 5, 60, "no step after the switch")
    notebook.assert_clean()
