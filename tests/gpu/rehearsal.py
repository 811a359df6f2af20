"""What a machine with CUDA has to show.  Run by rehearsal.sh; every part runs on a CPU, too, as far as it can there.

On CUDA: the tests marked ``cuda``; a live run steered from another thread; what its panel costs; a full-vocabulary
training step beside the plain way; lesson 05's race against the length; lessons 00 and 12 under strict nbval.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from lessons_lib.bench.panel import cost_of_a_run
from lessons_lib.bench.training import CORES, build
from lessons_lib.experiments.artefact import write_artefact
from lessons_lib.experiments.machine import describe_machine, device_name
from lessons_lib.files import results_folder
from lessons_lib.lessons.lesson_00 import experiment as first_minute
from lessons_lib.lessons.lesson_05.experiment import throughput
from lessons_lib.runs import Run
from lessons_lib.stability import SpectralBall
from lessons_lib.training import default_device, training_step
from tests.waiting import wait_for

NOTEBOOKS = ("notebooks/00_start_here.ipynb", "notebooks/12_wikitext2.ipynb")


def steered(changes: int) -> dict[str, Any]:
    """Change λ from this thread while lesson 00's run trains in its own: seconds to the step that used each change."""
    run = Run(first_minute.factory(), first_minute.settings(), name="rehearsal", probe=first_minute.probe(), twin=True)
    try:
        run.start()
        wait_for(lambda: run.step_count > 5 or run.state == "failed", 120, "the run did not start")
        asked = []
        for number in range(changes):
            seen = len(run.history.changes)
            asked.append(time.monotonic())
            run.update(stable_set=SpectralBall(0.5 + 0.4 * (number % 2)))
            wait_for(lambda seen=seen: len(run.history.changes) > seen, 60, "a change reached no step")
        run.stop()
        run.result(60)
        waits = sorted(change.at - at for change, at in zip(run.history.changes, asked, strict=True))
    finally:
        run.close()
    return {
        "changes": changes,
        "median_ms": 1000 * statistics.median(waits),
        "p95_ms": 1000 * waits[max(0, round(0.95 * len(waits)) - 1)],
        "largest_ms": 1000 * waits[-1],
    }


def panel_cost(steps: int, pairs: int) -> dict[str, float]:
    """CPU time that publishing curves adds to a step, and curves and probes together, as shares of it; medians."""
    ways = {"alone": (False, False), "curves": (True, False), "probes too": (True, True)}
    cost_of_a_run(True, True, steps=5)
    rounds = [{name: cost_of_a_run(*way, steps=steps)["step"] for name, way in ways.items()} for _ in range(pairs)]
    return {
        "step_cpu_ms": 1000 * statistics.median(one["alone"] for one in rounds),
        "curves_share": statistics.median(one["curves"] / one["alone"] - 1 for one in rounds),
        "curves_and_probes_share": statistics.median(one["probes too"] / one["alone"] - 1 for one in rounds),
    }


def step_times(core: str, repeats: int) -> dict[str, float]:
    """Wall time of a full-vocabulary training step, ours and the plain way, alternating; medians."""
    device = default_device()
    state, plain, settings = build(core)
    state.model.to(device)
    plain.to(device)
    batches = [tuple(part.to(device) for part in state.stream[index]) for index in range(repeats + 1)]
    carried, taken = None, []

    def ours() -> None:
        training_step(state, settings)

    def theirs() -> None:
        nonlocal carried
        _, carried = plain.training_step(*batches[state.step - 1], carried)

    def seconds(work: Callable[[], None]) -> float:
        began = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - began

    for _ in range(repeats + 1):
        taken.append((seconds(ours), seconds(theirs)))
    mine, others = (statistics.median(column) for column in zip(*taken[1:], strict=True))  # the first warms up
    return {"ours_ms": 1000 * mine, "plain_ms": 1000 * others, "times_as_fast": others / mine}


def race(lengths: Sequence[int]) -> list[dict[str, Any]]:
    """Lesson 05's two models against the length of their sequence, on this device."""
    return [asdict(throughput(family, length)) for length in lengths for family in ("lstm", "tcn")]


def pytest_passes(*words: str) -> str:
    """The last line of a pytest run.

    Raises:
        RuntimeError: it failed; what it printed is the message.
    """
    answer = subprocess.run(
        [sys.executable, "-m", "pytest", *words],
        env=os.environ | {"LESSONS_BUDGET": "ci", "OMP_NUM_THREADS": "1", "PLOTLY_RENDERER": "plotly_mimetype"},
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode:
        raise RuntimeError(answer.stdout[-4000:] + answer.stderr[-2000:])
    return answer.stdout.strip().splitlines()[-1]


def rehearse(folder: Path, *, cuda: bool) -> dict[str, Any]:
    """All parts that this machine can play; writes ``gpu.json`` into the folder."""

    def told(name: str, part: Any) -> Any:
        print(f"{name}: {part}", flush=True)
        return part

    found: dict[str, Any] = {}
    if cuda:
        found["cuda_tests"] = told("tests marked cuda", pytest_passes("-m", "cuda", "tests"))
    found["steering"] = told("steering", steered(100 if cuda else 10))
    found["panel"] = told("panel", panel_cost(*((250, 5) if cuda else (10, 1))))
    cores = CORES if cuda else ["rnn"]
    found["training_step"] = {core: told(f"{core} step", step_times(core, 20 if cuda else 1)) for core in cores}
    if cuda:
        found["race"] = told("lesson 05's race", race((64, 256, 1024)))
        found["notebooks"] = told("lessons 00 and 12", pytest_passes("--nbval", *NOTEBOOKS))
    content = {
        "study": "gpu",
        "unit": "ms, shares of a step's CPU time, ratios: see each part's name",
        "config": {"command": "tests/gpu/rehearsal.sh", "cuda": cuda},
        "device": device_name(default_device()),
        "described": describe_machine(),
        "points": [{"part": name, "found": part} for name, part in found.items()],
    }
    write_artefact(folder / "gpu.json", content)
    return content


def main() -> None:
    argparse.ArgumentParser(description="What only a machine with CUDA can show.").parse_args()
    if torch.cuda.is_available():
        rehearse(results_folder(), cuda=True)
        print(f"written: {results_folder() / 'gpu.json'}")
        return
    with tempfile.TemporaryDirectory() as folder:
        rehearse(Path(folder), cuda=False)
    print("no CUDA device here: its tests, the full measurements, lesson 05's race and lessons 00 and 12 are skipped")


if __name__ == "__main__":
    main()
