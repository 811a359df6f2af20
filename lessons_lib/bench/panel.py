"""What a live panel costs: CPU time per training step with it and without, paired, in a real kernel.

Lesson 00's own run trains three ways in turn: alone; with a panel that publishes its curves ten times a second;
with the panel, the probes and the held-out loss.  The kernel is a process of its own, whose messages somebody
reads, and every frame is acknowledged as a browser would: nothing is left out that costs CPU on the kernel's side.
"""

from __future__ import annotations

import json
import statistics
import time
from dataclasses import replace
from typing import Any

from lessons_lib.bench import Gate
from lessons_lib.experiments.reading import text as read_text
from lessons_lib.lessons.lesson_00 import experiment as first_minute
from lessons_lib.panels.training_panel import TrainingPanel
from lessons_lib.runs import Run
from lessons_lib.stability import SpectralBall
from lessons_lib.training import Settings

STEPS, PAIRS = 250, 5
PUBLISHING_LIMIT, PROBES_LIMIT = 0.03, 0.20


def cost_of_a_run(panel: bool, probe: bool, steps: int = STEPS) -> dict[str, float]:
    """Train ``steps`` steps: CPU seconds per step of this whole process, pictures and probes per second."""
    text = read_text()
    settings: Settings = replace(first_minute.settings(), stable_set=SpectralBall(first_minute.BOUND))
    run = Run(
        first_minute.factory(),
        settings,
        name="bench",
        steps=steps,
        probe=first_minute.probe(text) if probe else None,
    )
    news = 0

    def acknowledge(_: Run) -> None:
        nonlocal news
        news += 1
        shown.plot._receive(shown.plot, {"op": "drawn", "frame": shown.plot._frame}, [])  # what a browser says

    if panel:
        shown = TrainingPanel(run)
        run.listeners.append(acknowledge)
    began, cpu = time.monotonic(), time.process_time()
    run.start()
    run.result()
    cpu, seconds = time.process_time() - cpu, time.monotonic() - began
    found = {"step": cpu / steps, "news": news / seconds, "probes": len(run.history.probes) / seconds}
    if panel:
        shown.close()
    run.close()
    return found


def in_a_kernel(code: str) -> Any:
    """Run ``code`` in a fresh Jupyter kernel and give what it prints, read as JSON.

    Raises:
        RuntimeError: the code failed; the traceback is the message.
    """
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(kernel_name="python3")
    printed: list[str] = []

    def read(message: dict[str, Any]) -> None:
        content = message["content"]
        if message["msg_type"] == "stream" and content["name"] == "stdout":
            printed.append(content["text"])
        if message["msg_type"] == "error":
            raise RuntimeError("\n".join(content["traceback"]))

    try:
        client.execute_interactive(code, output_hook=read, timeout=600)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    return json.loads("".join(printed))


def gates() -> list[Gate]:
    """Publishing at 10 Hz, and probes with the held-out loss at 1 Hz, as shares of a training step's CPU time."""
    rounds = in_a_kernel(
        "import json, torch\n"
        "torch.set_num_threads(1)\n"
        "from lessons_lib.bench.panel import cost_of_a_run\n"
        "ways = ((False, False), (True, False), (True, True))\n"
        "cost_of_a_run(True, True, steps=30)\n"
        f"print(json.dumps([[cost_of_a_run(*way) for way in ways] for _ in range({PAIRS})]))"
    )
    alone, drawn, probed = zip(*rounds, strict=True)

    def extra(dearer: Any, cheaper: Any) -> float:
        return statistics.median(d["step"] / c["step"] - 1 for d, c in zip(dearer, cheaper, strict=True))

    def rate(found: Any, name: str) -> float:
        return statistics.median(one[name] for one in found)

    return [
        Gate("lesson 00's step alone, CPU ms", 1000 * rate(alone, "step")),
        Gate("publishing curves, of a step's CPU", extra(drawn, alone), PUBLISHING_LIMIT),
        Gate("pictures per second", rate(drawn, "news"), 8, at_least=True),
        Gate("probes and held-out loss, of a step's CPU", extra(probed, drawn), PROBES_LIMIT),
        Gate("probes per second", rate(probed, "probes"), 0.9, at_least=True),
        Gate("everything together, of a step's CPU", extra(probed, alone)),
    ]
