"""Toy translation: recurrent with attention, convolutional, Transformer, at equal steps on the same pairs.

``python -m lessons_lib.lessons.lesson_06.translation`` writes ``data/results/translation.json``: every family on every
task, and on one task the convolutional family with encoder windows of several lengths.  ``points`` hold the exact
match on meanings that no training has seen, one for each seed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path

import torch

from lessons_lib.corpora import Batches, DateFormats, NumberWords, Translation
from lessons_lib.experiments.artefact import read_artefact, results_folder
from lessons_lib.experiments.gather import gather
from lessons_lib.experiments.machine import device_name
from lessons_lib.models import ConvolutionalTranslator, RecurrentTranslator, TransformerTranslator, Translator
from lessons_lib.models.size import parameter_count, widest
from lessons_lib.training import Mailbox, Settings, default_device, linear_decay, train

BATCH_SIZE, STEPS, SEEDS = 64, 500, (0, 1, 2)
ROWS = 1024  # of test pairs that a score is measured on
LEARNING_RATE = 3e-3
TASKS: dict[str, Callable[..., Translation]] = {
    "words to digits": NumberWords,
    "digits to words": lambda split, **options: NumberWords(split, to_words=True, **options),
    "dates": DateFormats,
}
# About 300,000 parameters each.  The encoder's windows reach 6 symbols to both sides, because what a digit is
# called depends on how many follow.
FAMILIES: dict[str, Callable[..., Translator]] = {
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


def factory(
    family: str, task: str, seed: int = 0, window: int | None = None
) -> Callable[[], tuple[Translator, Translation]]:
    """A function that builds the translator and its batches; the same each time it is called.

    ``window``: how many source symbols the convolutional encoder sees at each place; None: the family's own.
    """
    make = FAMILIES[family] if window is None else windowed(window)

    def build() -> tuple[Translator, Translation]:
        pairs = batches(task, seed=seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = make(pairs.vocabulary_size, pad=pairs.pad, bos=pairs.bos, eos=pairs.eos)
        return model.to(default_device()), pairs

    return build


def settings(pairs: Batches, progress: float = 0.0) -> Settings:
    """For Adam; the rate falls in a line over the second half, ``progress`` going from 0 to 1."""
    rate = LEARNING_RATE * linear_decay(progress, hold=0.5)
    return Settings(truncation_length=pairs.steps, learning_rate=rate, gradient_clip=1.0)


def exact_match(model: Translator, task: str, rows: int = ROWS) -> float:
    """Share of test sources whose whole translation, written greedily, is right."""
    pairs = batches(task, "test", length=rows // BATCH_SIZE)
    scores = [pairs.exact_match(model.translate(source, pairs.target_width), targets) for source, targets in pairs]
    return sum(scores) / len(scores)


@dataclass(frozen=True)
class Translated:
    """One training: losses in nats per symbol and step, exact match on test meanings, seconds, parameters."""

    loss: list[float]
    exact_match: float
    seconds: float
    parameters: int


def learn(
    family: str, task: str, *, steps: int = STEPS, seed: int = 0, rows: int = ROWS, window: int | None = None
) -> Translated:
    """Train for ``steps`` batches, then translate ``rows`` meanings that no training has seen."""
    model, pairs = factory(family, task, seed, window)()
    mailbox = Mailbox(settings(pairs))
    losses = []
    began = time.process_time()
    for record in train(model, pairs, mailbox, steps=steps, seed=seed, optimizer="adam"):
        losses.append(record.loss)
        mailbox.settings = settings(pairs, (record.step + 1) / (steps + 1))
    loss, seconds = torch.stack(losses).tolist(), time.process_time() - began
    return Translated(loss, exact_match(model, task, rows), seconds, parameter_count(model))


@dataclass(frozen=True)
class Point:
    """One trained translator: exact match on ``ROWS`` unseen meanings, and what it cost in processor seconds."""

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


def point(family: str, task: str, seed: int, window: int | None = None) -> Point:
    """Train and score once."""
    found = learn(family, task, seed=seed, window=window)
    return Point(task, family, seed, found.exact_match, round(found.seconds, 1), found.parameters, window)


def study(path: Path, seeds: Sequence[int] = SEEDS, tell: Callable[[str], None] = lambda line: None) -> None:
    """Every family on every task, and the encoder windows: writes the artefact, and goes on with one half done."""
    torch.set_num_threads(1)
    models: list[tuple[str, int | None]] = [(family, None) for family in FAMILIES]
    models += [("convolutional", window) for window in WINDOWS if window != max(WINDOWS)]
    kinds = [
        (task, *model)
        for task in sorted(TASKS, key=WINDOW_TASK.__ne__)
        for model in models
        if task == WINDOW_TASK or not model[1]
    ]
    # The first seed of everything comes first, then the other seeds of the task with the windows.
    jobs = [
        {"task": task, "family": family, "window": window, "seed": seed}
        for chosen in (seeds[:1], seeds[1:])
        for task, family, window in kinds
        for seed in chosen
    ]
    training = {"batch_size": BATCH_SIZE, "steps": STEPS, "learning_rate": LEARNING_RATE, "optimizer": "adam"}
    content = {
        "study": "translation",
        "unit": f"share of {ROWS} unseen meanings whose whole translation is right",
        "config": training,
        "device": device_name(torch.device("cpu")),
    }
    gather(path, content, jobs, lambda **job: asdict(point(**job)), tell)


def published() -> list[Point]:
    """The stored points.

    Raises:
        OSError: ``python -m lessons_lib.lessons.lesson_06.translation`` was not run.
    """
    return [Point(**entry) for entry in read_artefact(results_folder() / "translation.json")["points"]]


def main() -> None:
    """Write the artefact: about a quarter of an hour of one CPU core."""
    study(results_folder() / "translation.json", tell=print)


if __name__ == "__main__":
    main()
