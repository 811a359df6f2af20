"""Toy translation: recurrent with attention, convolutional, Transformer, at equal steps on the same pairs.

``TRANSLATIONS`` stores the exact match on meanings that no training has seen: every family on every task, and on one
task the convolutional family with encoder windows of several lengths.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from lessons_lib.corpora import Batches, DateFormats, NumberWords, Translation
from lessons_lib.experiments.experiment import Case, Experiment
from lessons_lib.experiments.training import from_seed, trained
from lessons_lib.models import ConvolutionalTranslator, RecurrentTranslator, TransformerTranslator, Translator
from lessons_lib.models.size import widest
from lessons_lib.training import Settings, default_device, linear_decay

BATCH_SIZE, STEPS, SEEDS = 64, 500, (0, 1, 2)
ROWS = 1024  # of test pairs that a score is measured on
LEARNING_RATE, GRADIENT_CLIP = 3e-3, 1.0
TASKS: dict[str, Callable[..., Translation]] = {
    "words to digits": NumberWords,
    "digits to words": lambda split, **options: NumberWords(split, to_words=True, **options),
    "dates": DateFormats,
}
# About 300,000 parameters each.  The encoder's windows reach 6 symbols to both sides, because what a digit is
# called depends on how many follow.
FAMILIES: dict[str, partial[Any]] = {
    "attention": partial(RecurrentTranslator, width=96),
    "convolutional": partial(ConvolutionalTranslator, width=64, layers=3, kernel_size=5),
    "Transformer": partial(TransformerTranslator, width=72, layers=2, heads=4),
}
PARAMETERS = 306_000
# Encoder windows, in symbols, and the (layers, kernel size) that make them: 1 + layers (kernel size - 1).
# The longest is the family's own.
WINDOWS = {1: (3, 1), 3: (1, 3), 5: (2, 3), 7: (3, 3), 13: (3, 5)}
WINDOW_TASK = "digits to words"  # what a digit is called depends on how many follow


def batches(task: str, split: str = "train", *, seed: int = 0, length: int = 10_000) -> Translation:
    """Pairs of one of ``TASKS``; what the "test" split means is never in "train"."""
    return TASKS[task](split, batch_size=BATCH_SIZE, batches=length, seed=seed, device=default_device())


@cache
def windowed(window: int) -> Callable[..., Translator]:
    """The convolutional family with another encoder window (one of ``WINDOWS``), as wide as its parameters allow."""
    layers, kernel_size = WINDOWS[window]
    symbols = batches(WINDOW_TASK)

    def build(width: int) -> Translator:
        ids = {"pad": symbols.pad, "bos": symbols.bos, "eos": symbols.eos}
        return ConvolutionalTranslator(symbols.vocabulary_size, width, layers, kernel_size, **ids)

    return partial(ConvolutionalTranslator, width=widest(build, PARAMETERS), layers=layers, kernel_size=kernel_size)


@from_seed
def factory(family: str, task: str, seed: int = 0, window: int | None = None) -> tuple[Translator, Translation]:
    """The translator and its batches.

    ``window``: how many source symbols the convolutional encoder sees at each place; None: the family's own.
    """
    make, pairs = FAMILIES[family] if window is None else windowed(window), batches(task, seed=seed)
    return make(pairs.vocabulary_size, pad=pairs.pad, bos=pairs.bos, eos=pairs.eos), pairs


def settings(pairs: Batches, progress: float = 0.0) -> Settings:
    """For Adam; the rate falls in a line over the second half, ``progress`` going from 0 to 1."""
    rate = LEARNING_RATE * linear_decay(progress, hold=0.5)
    return Settings(truncation_length=pairs.steps, learning_rate=rate, gradient_clip=GRADIENT_CLIP)


def exact_match(model: Translator, task: str, rows: int = ROWS) -> float:
    """Share of test sources whose whole translation, written greedily, is right."""
    pairs = batches(task, "test", length=rows // BATCH_SIZE)
    scores = [pairs.exact_match(model.translate(source, pairs.target_width), targets) for source, targets in pairs]
    return sum(scores) / len(scores)


@dataclass(frozen=True)
class Point:
    """One trained translator: exact match on unseen meanings, and what it cost in processor seconds."""

    task: str
    family: str
    seed: int
    exact_match: float
    seconds: float
    parameters: int
    window: int | None = None

    @property
    def seen(self) -> int:
        """How many source symbols the convolutional encoder sees at each place."""
        return max(WINDOWS) if self.window is None else self.window


def point(
    family: str, task: str, seed: int = 0, window: int | None = None, *, steps: int = STEPS, rows: int = ROWS
) -> Point:
    """Train for ``steps`` batches, then translate ``rows`` meanings that no training has seen."""
    build = factory(family, task, seed, window)
    falling = partial(settings, batches(task))
    done = trained(build, lambda progress: falling(progress * steps / (steps + 1)), steps=steps, seed=seed)
    match = exact_match(done.model, task, rows)
    return Point(task, family, seed, match, done.seconds, done.parameters, window)


def cases() -> list[Case]:
    """The first seed of everything comes first, then the other seeds of the task with the windows."""
    models: list[tuple[str, int | None]] = [(family, None) for family in FAMILIES]
    windows = [("convolutional", window) for window in WINDOWS if window != max(WINDOWS)]
    kinds = [
        {"task": task, "family": family, "window": window}
        for task in sorted(TASKS, key=WINDOW_TASK.__ne__)
        for family, window in models + windows * (task == WINDOW_TASK)
    ]
    return [{**kind, "seed": seed} for seeds in (SEEDS[:1], SEEDS[1:]) for kind in kinds for seed in seeds]


TRANSLATIONS = Experiment(
    "translation",
    "toy translation by recurrent, convolutional and Transformer models",
    cases(),
    point,
    Point,
    {
        "batch_size": BATCH_SIZE,
        "steps": STEPS,
        "learning_rate": LEARNING_RATE,
        "gradient_clip": GRADIENT_CLIP,
        "optimizer": "adam",
        "sizes": {name: make.keywords for name, make in FAMILIES.items()},
        "windows": {"parameters": PARAMETERS, "layers_and_kernel_sizes": WINDOWS},
        "scored": ROWS,
    },
    unit=f"share of {ROWS} unseen meanings whose whole translation is right",
)
