"""Races between feed-forward and recurrent models: six tasks, equal parameters, the same batches in the same order.

``race`` is a generator, so that a race can be watched; ``finish`` runs one to its end.  ``python -m
lessons_lib.lessons.lesson_06.races`` writes ``data/results/races.json``: the final scores for every context length k
and seed, on copying, language and music, and ``adding.json`` (translation and waveforms have studies of their own).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from lessons_lib.experiments.artefact import read_artefact, results_folder
from lessons_lib.experiments.gather import gather
from lessons_lib.experiments.machine import device_name
from lessons_lib.lessons.lesson_06 import translation, waveforms
from lessons_lib.lessons.lesson_06.race_tasks import LANGUAGE_RATES, MUSIC_RATES, TASKS, Task
from lessons_lib.models.size import parameter_count
from lessons_lib.training import TrainingState, training_step

SEEDS = (0, 1, 2)
RATES = {"learning_rates": {"language": LANGUAGE_RATES, "music": MUSIC_RATES}}
SMOOTHED = 10  # batches over which a loss is averaged


# -- the race ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Standing:
    """Where one entrant stands.

    ``context_length``: None for the whole past.  ``seconds``: its own training time so far.  ``loss``: mean of its last
    batches, in nats; NaN before the first.  ``score``: the latest one, None before the first.
    """

    name: str
    context_length: int | None
    parameters: int
    batches: int
    seconds: float
    loss: float
    score: float | None


@dataclass
class _Runner:
    name: str
    context_length: int | None
    training: TrainingState
    seconds: float = 0.0
    losses: deque[float] = field(default_factory=lambda: deque(maxlen=SMOOTHED))
    score: float | None = None

    def standing(self) -> Standing:
        loss = sum(self.losses) / len(self.losses) if self.losses else float("nan")
        parameters = parameter_count(self.training.model)
        return Standing(self.name, self.context_length, parameters, self.training.step, self.seconds, loss, self.score)


def race(
    task: Task, k: int, *, steps: int | None = None, seed: int = 0, equal: str = "batches", scores: int = 10
) -> Iterator[list[Standing]]:
    """Train all entrants side by side; after every round where each of them stands, the feed-forward one first.

    Args:
        k: context length of the feed-forward entrant.
        steps: batches for everyone (None: the task's own number).
        equal: "batches", one for each in every round; or "seconds": next is who has used the least time, until
            the slowest has read ``steps`` batches.
        scores: how often everyone is scored on the way, the end included.

    Raises:
        ValueError: a k the task does not have, fewer than 1 step or score, or an unknown ``equal``.
    """
    steps = task.steps if steps is None else steps
    if equal not in ("batches", "seconds") or steps < 1 or scores < 1:
        raise ValueError(
            f'equal={equal!r}: choose "batches" or "seconds"; steps={steps} and scores={scores}: at least 1'
        )
    runners = []
    for name, context_length in task.entrants(k).items():
        model, batches = task.factory(name, context_length, seed)()
        training = TrainingState.begin(model, batches, seed=seed, optimizer="adam")
        runners.append(_Runner(name, context_length, training))
    return _laps(task, runners, steps, equal, scores)


def _laps(task: Task, runners: list[_Runner], steps: int, equal: str, scores: int) -> Iterator[list[Standing]]:
    slowest, scored = 0, 0
    while slowest < steps:
        for runner in runners if equal == "batches" else [min(runners, key=lambda r: r.seconds)]:
            settings = task.settings(runner.name, runner.training.stream, slowest / steps)
            began = time.perf_counter()
            runner.losses.append(float(training_step(runner.training, settings).loss))
            runner.seconds += time.perf_counter() - began
        slowest = min(runner.training.step for runner in runners)
        if slowest * scores >= (scored + 1) * steps:
            scored += 1
            for runner in runners:
                runner.score = task.score(runner.training.model.eval(), slowest < steps)
        yield [runner.standing() for runner in runners]


def finish(task: Task, k: int, **options: Any) -> list[Standing]:
    """Race to the end, scored once, there.  Arguments as for :func:`race`."""
    return deque(race(task, k, scores=1, **options), maxlen=1)[0]


# -- score against k --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Point:
    """One finished training: ``context_length`` is None for a recurrent model; ``seconds`` of processor time."""

    task: str
    name: str
    context_length: int | None
    seed: int
    score: float
    parameters: int
    seconds: float


def train_alone(task: Task, name: str, context_length: int | None, seed: int) -> Point:
    """One entrant's whole training without the others: the same batches, the same settings, the same score."""
    model, batches = task.factory(name, context_length, seed)()
    training = TrainingState.begin(model, batches, seed=seed, optimizer="adam")
    began = time.process_time()
    for step in range(task.steps):
        training_step(training, task.settings(name, batches, step / task.steps))
    seconds = round(time.process_time() - began, 1)
    score = task.score(training.model.eval(), False)
    return Point(task.name, name, context_length, seed, score, parameter_count(model), seconds)


def study(
    path: Path,
    seeds: Sequence[int] = SEEDS,
    tell: Callable[[str], None] = lambda line: None,
    names: Sequence[str] = ("copying", "language", "music"),
) -> None:
    """Everyone on these tasks, at every k: writes the artefact, and goes on with one half done."""
    torch.set_num_threads(1)
    tasks = {name: TASKS[name]() for name in names}
    jobs: list[dict[str, Any]] = []
    for seed in seeds:
        for name, task in tasks.items():
            entrants = [(task.feed_forward, k) for k in task.contexts] + [(rival, None) for rival in task.recurrent]
            jobs += [{"task": name, "name": who, "context_length": k, "seed": seed} for who, k in entrants]

    def measure(task: str, **job: Any) -> dict[str, Any]:
        return asdict(train_alone(tasks[task], **job))

    content = {
        "study": "races",
        "config": {name: {"unit": task.unit, "steps": task.steps} for name, task in tasks.items()} | RATES,
        "device": device_name(torch.device("cpu")),
    }
    gather(path, content, jobs, measure, tell)


def published() -> list[Point]:
    """The stored points of all six tasks, from the artefacts of races, adding, translation and waveforms.

    Raises:
        OSError: one of them is not there; the module of that name in ``lessons_lib.experiments`` writes it.
    """
    folder = results_folder()
    points = [Point(**p) for name in ("races", "adding") for p in read_artefact(folder / f"{name}.json")["points"]]
    for p in (p for p in waveforms.published()[0] if p.steps == waveforms.TRAINING_STEPS):
        points.append(Point("waveform", p.row, p.context_length, p.seed, p.bits, p.parameters, p.seconds))
    for q in translation.published():
        if q.task == translation.WINDOW_TASK and q.family in ("attention", "convolutional"):
            name, window = ("LSTM + attention", None) if q.family == "attention" else (q.family, q.seen)
            points.append(Point("translation", name, window, q.seed, q.exact_match, q.parameters, q.seconds))
    return points


def main() -> None:
    """Write the artefacts: about twelve minutes of one CPU core."""
    study(results_folder() / "races.json", tell=print)
    study(results_folder() / "adding.json", tell=print, names=["adding"])


if __name__ == "__main__":
    main()
