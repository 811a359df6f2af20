"""Toy translation: recurrent with attention, convolutional, Transformer, at equal steps on the same pairs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch

from lessons_lib.corpora import DateFormats, NumberWords, Translation
from lessons_lib.models import ConvolutionalTranslator, RecurrentTranslator, TransformerTranslator, Translator
from lessons_lib.training import Mailbox, Settings, default_device, train

BATCH_SIZE, STEPS = 64, 500
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


def batches(task: str, split: str = "train", *, seed: int = 0, length: int = 10_000) -> Translation:
    """Pairs of one of ``TASKS``; what the "test" split means is never in "train"."""
    return TASKS[task](split, batch_size=BATCH_SIZE, batches=length, seed=seed, device=default_device())


def factory(family: str, task: str, seed: int = 0) -> Callable[[], tuple[Translator, Translation]]:
    """A function that builds the translator and its batches; the same each time it is called."""

    def build() -> tuple[Translator, Translation]:
        pairs = batches(task, seed=seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = FAMILIES[family](pairs.vocabulary_size, pad=pairs.pad, bos=pairs.bos, eos=pairs.eos)
        return model.to(default_device()), pairs

    return build


def settings(pairs: Translation, progress: float = 0.0) -> Settings:
    """For Adam; the rate falls in a line over the second half, ``progress`` going from 0 to 1."""
    rate = LEARNING_RATE * min(1.0, 2 * (1 - progress))
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


def learn(family: str, task: str, *, steps: int = STEPS, seed: int = 0, rows: int = ROWS) -> Translated:
    """Train for ``steps`` batches, then translate ``rows`` meanings that no training has seen."""
    model, pairs = factory(family, task, seed)()
    mailbox = Mailbox(settings(pairs))
    losses = []
    began = time.monotonic()
    for record in train(model, pairs, mailbox, steps=steps, seed=seed, optimizer="adam"):
        losses.append(record.loss)
        mailbox.settings = settings(pairs, (record.step + 1) / (steps + 1))
    loss, seconds = torch.stack(losses).tolist(), time.monotonic() - began
    return Translated(loss, exact_match(model, task, rows), seconds, sum(p.numel() for p in model.parameters()))
