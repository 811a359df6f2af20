"""Races between feed-forward and recurrent models: six tasks, equal parameters, the same batches in the same order.

``race`` is a generator, so that a race can be watched; ``finish`` runs one to its end.  ``RACES`` stores the final
scores for every context length k and seed on copying and language, ``ADDING`` and ``MUSIC`` those on adding and on
music, the latter at two lengths (translation and waveforms have experiments of their own).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from lessons_lib.corpora.download import JSB_CHORALES, WIKITEXT2
from lessons_lib.experiments import chorales
from lessons_lib.experiments.chorales import JSB_LABEL
from lessons_lib.experiments.experiment import Case, Experiment
from lessons_lib.experiments.reading import HELD_OUT_TOKENS, WORDS_LABEL
from lessons_lib.experiments.training import trained
from lessons_lib.lessons.lesson_06 import adding, copying, race_tasks, translation, waveforms
from lessons_lib.lessons.lesson_06.race_tasks import ENTRANTS, TASKS, Task
from lessons_lib.models.size import parameter_count
from lessons_lib.training import Settings, TrainingState, training_step
from lessons_lib.training.checkpoint import settings_to_json

SEEDS = (0, 1, 2)
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

    def settings(progress: float) -> Settings:
        return task.settings(name, batches, progress)

    done = trained(lambda: (model, batches), settings, steps=task.steps, seed=seed)
    score = task.score(done.model, False)
    return Point(task.name, name, context_length, seed, score, done.parameters, done.seconds)


def cases(*tasks: str) -> list[Case]:
    """Everyone on these tasks, at every k."""
    found: list[Case] = []
    for seed, task in product(SEEDS, tasks):
        who = ENTRANTS[task]
        entrants = [(who["feed_forward"], k) for k in who["contexts"]] + [(name, None) for name in who["recurrent"]]
        found += [{"task": task, "name": name, "context_length": k, "seed": seed} for name, k in entrants]
    return found


def measure(task: str, **entrant: Any) -> Point:
    """One case."""
    return train_alone(TASKS[task](), **entrant)


RACES = Experiment(
    "races",
    "feed-forward against recurrent models, at every context length k, on copying and language",
    cases("copying", "language"),
    measure,
    Point,
    {
        "optimizer": "adam",
        "copying": {
            "unit": "share of right answers",
            "steps": copying.STEPS,
            "delay": copying.DELAY,
            "length": copying.LENGTH,
            "symbols": copying.SYMBOLS,
            "batch_size": copying.BATCH_SIZE,
            "held_out_seed": copying.HELD_OUT_SEED,
            "width": copying.WIDTH,
            "parameters": race_tasks.COPY_PARAMETERS,
            "layers_and_kernel_sizes": race_tasks.COPY_SHAPES,
            "settings": settings_to_json(copying.settings()),
        },
        "language": {
            "unit": f"nats per word, {WORDS_LABEL}",
            "steps": race_tasks.LANGUAGE_TRAINING_STEPS,
            "batch_size": race_tasks.LANGUAGE_BATCH,
            "steps_of_a_batch": race_tasks.LANGUAGE_STEPS,
            "held_out_words": HELD_OUT_TOKENS,
            "embedding": race_tasks.EMBEDDING,
            "parameters": race_tasks.LANGUAGE_PARAMETERS,
            "layers_and_kernel_sizes": race_tasks.LANGUAGE_SHAPES,
            "learning_rates": race_tasks.LANGUAGE_RATES,
            "gradient_clip": race_tasks.LANGUAGE_CLIP,
        },
    },
    data=WIKITEXT2,
)
ADDING = Experiment(
    "adding",
    "the same race on adding two marked numbers",
    cases("adding"),
    measure,
    Point,
    {
        "optimizer": "adam",
        "adding": {
            "unit": "mean squared error",
            "steps": adding.STEPS,
            "length": adding.LENGTH,
            "batch_size": adding.BATCH_SIZE,
            "held_out_seed": adding.HELD_OUT_SEED,
            "parameters": race_tasks.COPY_PARAMETERS,
            "layers_and_kernel_sizes": race_tasks.ADDING_SHAPES,
            "settings": settings_to_json(adding.settings()),
        },
    },
)


@dataclass(frozen=True)
class MusicPoint(Point):
    """One finished training on music, scored at its best epoch.

    ``epochs``: the length of the training; ``epoch``: the best one, counted from 1; ``valid``: nats per frame of the
    validation pieces then.
    """

    epochs: int
    epoch: int
    valid: float


def measure_music(task: str, name: str, context_length: int | None, seed: int, epochs: int) -> MusicPoint:
    """One case; the rate falls in a line to zero over the epochs, and the validation pieces choose one of them."""
    race = TASKS[task](epochs)
    model, batches = race.factory(name, context_length, seed)()
    how = race.settings(name, batches, 0.0)
    fit = chorales.fit_model(model, batches, how, epochs=epochs, seed=seed, falling=True)
    score, size, seconds = race.score(fit.model, False), parameter_count(fit.model), round(fit.seconds, 1)
    valid = fit.valid[fit.epoch - 1]
    return MusicPoint(task, name, context_length, seed, score, size, seconds, epochs, fit.epoch, valid)


# Trained until flat: the second length must not be better than the first, on the validation pieces.
FEED_FORWARD_EPOCHS, RECURRENT_EPOCHS = (20, 40), (40, 80)
MUSIC = Experiment(
    "music_race",
    "the same race on music, each at two lengths of training",
    [
        {**case, "epochs": epochs}
        for case in cases("music")
        for epochs in (FEED_FORWARD_EPOCHS if case["context_length"] else RECURRENT_EPOCHS)
    ],
    measure_music,
    MusicPoint,
    {
        "optimizer": "adam",
        "music": {
            "unit": f"nats per frame, {JSB_LABEL}",
            "rate": "falls in a line to zero",
            "kept": "the best epoch",
            "batch_size": chorales.BATCH_SIZE,
            "parameters": race_tasks.MUSIC_PARAMETERS,
            "layers_and_kernel_sizes": race_tasks.MUSIC_SHAPES,
            "learning_rates": race_tasks.MUSIC_RATES,
            "gradient_clip": chorales.GRADIENT_CLIP,
        },
    },
    data={"jsb": JSB_CHORALES},
)


def music_by_length(points: Sequence[MusicPoint]) -> dict[tuple[str, int | None], dict[int, list[MusicPoint]]]:
    """By entrant (name and context length) its trainings of each length; first the one that validated best."""
    found: dict[tuple[str, int | None], dict[int, list[MusicPoint]]] = {}
    for p in points:
        found.setdefault((p.name, p.context_length), {}).setdefault(p.epochs, []).append(p)

    def loss(item: tuple[int, list[MusicPoint]]) -> float:
        return sum(p.valid for p in item[1]) / len(item[1])

    return {who: dict(sorted(lengths.items(), key=loss)) for who, lengths in found.items()}


def published() -> list[Point]:
    """The stored points of all six tasks, from races, adding, music, translation and waveforms.

    Raises:
        OSError: one of them is not there.
    """
    points: list[Point] = RACES.read().points + ADDING.read().points
    for lengths in music_by_length(MUSIC.read().points).values():
        points += next(iter(lengths.values()))
    for p in (p for p in waveforms.WAVEFORMS.read().points if p.steps == waveforms.TRAINING_STEPS):
        points.append(Point("waveform", p.row, p.context_length, p.seed, p.bits, p.parameters, p.seconds))
    for q in translation.TRANSLATIONS.read().points:
        if q.task == translation.WINDOW_TASK and q.family in ("attention", "convolutional"):
            name, window = ("LSTM + attention", None) if q.family == "attention" else (q.family, q.seen)
            points.append(Point("translation", name, window, q.seed, q.exact_match, q.parameters, q.seconds))
    return points
