"""Sliders steer whichever way JupyterLab sends their messages: to the kernel's main thread, or to a subshell's."""

import pytest

from tests.browser.lab import LabNotebook, write_notebook
from tests.browser.steering import PanelPage
from tests.waiting import wait_for

pytestmark = pytest.mark.browser

KERNELS = "@jupyterlab/apputils-extension:kernels-settings"
CELL = """\
import threading

from lessons_lib.experiments.reading import embedded_language
from lessons_lib.lessons.lesson_00 import experiment as first_minute
from lessons_lib.panels import TrainingPanel
from lessons_lib.runs import Run

text = embedded_language()
run = Run(first_minute.factory(0, text), first_minute.settings(), name="first minute", probe=first_minute.probe(text))
update, on_main = run.update, []


def noted(**changes):
    on_main.append(threading.current_thread() is threading.main_thread())
    return update(**changes)


run.update = noted
TrainingPanel(run, context_length=20)"""


@pytest.fixture
def open_with(lab_root, notebook: LabNotebook):
    """Opens the panel's notebook under a setting; JupyterLab's own comes back afterwards."""
    write_notebook(lab_root / "messages.ipynb", [CELL])

    def open_with(**settings) -> PanelPage:
        notebook.open("messages.ipynb").use_setting(KERNELS, **settings)
        panel = PanelPage(notebook.open("messages.ipynb"))
        panel.run_all()
        return panel

    yield open_with
    notebook.use_setting(KERNELS)


@pytest.mark.parametrize("over_subshells", ["disabled", "perComm", "perCommTarget"])
def test_sliders_steer_whichever_thread_hears_them(open_with, over_subshells):
    panel = open_with(commsOverSubshells=over_subshells)
    panel.play()
    panel.switch_on("bound")
    panel.notebook.execute("on_main.clear()")  # the cell itself, which made the panel, ran on the main thread
    before = panel.changes()
    for label in ("truncation k", "λ"):
        slider = panel.slider(label)
        for _ in range(3):
            slider.press("ArrowLeft")
            wait_for(lambda before=before: panel.changes() > before, 30, f"a move of {label} reached no step")
            before = panel.changes()
    assert int(panel.kernel("settings.truncation_length")) == 47
    assert float(panel.kernel("settings.stable_set.bound")) == pytest.approx(2.35)
    # Where subshells are switched on, JupyterLab sends messages to either kind of thread.
    assert panel.notebook.kernel("all(on_main)") == "True" or over_subshells != "disabled"
    panel.button("Pause").click()
    wait_for(lambda: panel.kernel("state") == "paused", 30, "Pause did not reach the run")
    panel.notebook.assert_clean()
