"""The soak: a learner who does not go home.  Run by soak.sh.

Lesson 00's run trains behind its panel in a real JupyterLab in a real browser.  Sliders are moved at random by
keyboard, the notebook's tab is hidden and shown, closed and opened again, the page frozen as a browser freezes what
nobody looks at, the connection cut.  Every ten seconds the kernel's resident memory and the page's JavaScript heap
(collected first) are noted.  Growth is the slope of a line through the samples after the warm-up, as a share of their
mean.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

from conftest import chromium_path
from lessons_lib.experiments.artefact import write_artefact
from lessons_lib.experiments.machine import describe_machine
from lessons_lib.files import results_folder
from lessons_lib.panels.transport import AGAIN_SECONDS
from tests.browser.lab import CHROMIUM_FLAGS, LabNotebook, lab_server, write_notebook
from tests.browser.steering import PanelPage
from tests.waiting import wait_for

CELL = """\
from lessons_lib.lessons.lesson_00 import experiment as first_minute
from lessons_lib.panels import TrainingPanel
from lessons_lib.runs import Run

run = Run(
    first_minute.factory(),
    first_minute.settings(),
    name="first minute",
    probe=first_minute.probe(),
    twin=True,
)
TrainingPanel(run, context_length=20)"""

SAMPLE_SECONDS = 10.0
PATIENCE_MS = 300_000  # on a machine that does other work as well
WARM_UP = 0.25  # of the time
ALLOWED_PER_HOUR = 0.05
SLIDERS = ("truncation k", "λ")
KEYS = ("ArrowLeft", "ArrowRight", "PageDown", "PageUp", "Home", "End")
# What a learner does, and how often.
ACTIONS = {"slider": 40, "pause": 4, "hide": 4, "freeze": 3, "close": 1, "cut": 3, "look": 10}


def resident_mb(process: int) -> float:
    """The resident memory of a process (Linux), MB."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmRSS"))) / 1024


def growth_per_hour(seconds: list[float], values: list[float]) -> float:
    """Slope of the least-squares line, as a share of the values' mean, per hour."""
    return float(np.polyfit(seconds, values, 1)[0]) * 3600 / float(np.mean(values))


class Learner:
    """Somebody at the page who does one thing after the other."""

    def __init__(self, panel: PanelPage, chance: random.Random):
        self.panel, self.notebook, self.page = panel, panel.notebook, panel.notebook.page
        self.chance, self.done = chance, Counter[str]()
        self.devtools = self.page.context.new_cdp_session(self.page)

    def act(self) -> None:
        what = self.chance.choices(list(ACTIONS), list(ACTIONS.values()))[0]
        getattr(self, what)()
        self.done[what] += 1

    def slider(self) -> None:
        handle = self.panel.slider(self.chance.choice(SLIDERS))
        for _ in range(self.chance.randint(1, 8)):
            handle.press(self.chance.choice(KEYS))

    def pause(self) -> None:
        time.sleep(AGAIN_SECONDS)  # sooner, a press is half of a double press
        self.panel.button("Pause").click()
        wait_for(lambda: self.panel.kernel("state") == "paused", PATIENCE_MS / 1000, "Pause did not reach the run")
        time.sleep(AGAIN_SECONDS)
        self.panel.button("Play").click()
        wait_for(lambda: self.panel.kernel("state") == "running", PATIENCE_MS / 1000, "Play did not reach the run")

    def hide(self) -> None:
        """Another tab of JupyterLab in front for a while."""
        self.notebook.command("launcher:create")
        time.sleep(self.chance.uniform(1, 5))
        self.notebook.command("application:close")
        self.notebook.command("docmanager:open", path=self.notebook.name)

    def freeze(self) -> None:
        """What a browser does to a tab that nobody sees."""
        self.devtools.send("Page.setWebLifecycleState", {"state": "frozen"})
        time.sleep(self.chance.uniform(1, 5))
        self.devtools.send("Page.setWebLifecycleState", {"state": "active"})

    def close(self) -> None:
        self.notebook.close_tab()
        time.sleep(1)
        self.notebook.reopen_tab()
        self.notebook.show_cell(0)
        self.page.wait_for_function(f"() => ({self.panel.LOSS})()?.x?.length > 0", timeout=PATIENCE_MS)

    def cut(self) -> None:
        """And the next moves are made before JupyterLab has connected again."""
        self.notebook.cut_connection()

    def look(self) -> None:
        time.sleep(self.chance.uniform(1, 4))

    def page_mb(self) -> float:
        self.devtools.send("HeapProfiler.collectGarbage")
        return self.devtools.send("Runtime.getHeapUsage")["usedSize"] / 2**20


def soak(minutes: float, seed: int, folder: Path) -> Path:
    """Do it, tell it and write it.

    Raises:
        AssertionError: an error on the page, a request to another host, or a run that stopped training.
    """
    chance, points = random.Random(seed), []
    with tempfile.TemporaryDirectory() as root, sync_playwright() as playwright:
        write_notebook(Path(root) / "soak.ipynb", [CELL])
        with lab_server(Path(root), Path(root) / "jupyterlab.log") as address:
            browser = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_FLAGS)
            page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
            page.set_default_timeout(PATIENCE_MS)
            panel = PanelPage(LabNotebook(page, address).open("soak.ipynb"))
            panel.run_all()
            panel.play()
            panel.switch_on("bound")
            process = int(panel.notebook.kernel("__import__('os').getpid()"))
            learner = Learner(panel, chance)
            began = due = time.monotonic()
            while (now := time.monotonic() - began) < 60 * minutes:
                if time.monotonic() >= due:
                    due += SAMPLE_SECONDS
                    sample = {"kernel_mb": resident_mb(process), "page_mb": learner.page_mb()}
                    points.append(
                        {"seconds": round(now, 1)}
                        | {name: round(value, 2) for name, value in sample.items()}
                        | {"steps": panel.steps(), "drawn": panel.loss_points()}
                    )
                    if len(points) % 6 == 1:
                        print(points[-1], dict(learner.done), flush=True)
                learner.act()
            assert points[-1]["steps"] > points[len(points) // 2]["steps"], "the run stopped training"
            panel.notebook.assert_clean()
            panel.notebook.shut_down_kernels()
            browser.close()
    warm = [point for point in points if point["seconds"] >= WARM_UP * 60 * minutes]
    seconds = [point["seconds"] for point in warm]
    growth = {name: round(growth_per_hour(seconds, [p[f"{name}_mb"] for p in warm]), 4) for name in ("kernel", "page")}
    path = folder / "soak.json"
    write_artefact(
        path,
        {
            "study": "soak",
            "unit": "MB: resident memory of the kernel, JavaScript heap of the page after a collection",
            "config": {
                "command": "tests/soak.sh",
                "minutes": minutes,
                "warm_up_minutes": WARM_UP * minutes,
                "sample_seconds": SAMPLE_SECONDS,
                "actions": ACTIONS,
            },
            "seeds": [seed],
            "device": describe_machine(),
            "growth_per_hour": growth,
            "allowed_per_hour": ALLOWED_PER_HOUR,
            "done": dict(learner.done),
            "page_errors": len(panel.notebook.errors),
            "points": points,
        },
    )
    for name, share in growth.items():
        verdict = "met" if share <= ALLOWED_PER_HOUR else "NOT MET"
        print(f"{name}: {100 * share:+.1f} % an hour after the warm-up (limit {100 * ALLOWED_PER_HOUR:g} %, {verdict})")
    print(f"{len(points)} samples in {minutes:g} minutes, {dict(learner.done)}, no page error: {path}")
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description="A live panel, used without a pause: what it costs in memory.")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=results_folder(), help="for soak.json")
    given = parser.parse_args()
    if chromium_path() is None:
        raise SystemExit("no chromium was found: install one, or name it in BROWSER_PATH")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    soak(given.minutes, given.seed, given.folder)


if __name__ == "__main__":
    main()
