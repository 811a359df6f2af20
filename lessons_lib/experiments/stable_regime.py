"""Do trained models, free of any bound, forget all the same?  Measured on text, by quantiles over many contexts.

Miller & Hardt (arXiv 1805.10369) observe that recurrent models trained without a constraint operate in the stable
regime on real data.  A certificate cannot see that, because it holds for every input; two measurements can:

- *contraction*: two readers come from different pages and now read the same one; how far apart are their states,
  relative to where they began?
- *truncation*: how far are the logits of the model that saw only the last k words from those that saw them all?

The largest value over all contexts is kept beside the median: most contexts may forget while a few never do.
Lessons 08 and 10 draw what ``REGIMES`` stores.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lessons_lib.corpora import Stream
from lessons_lib.corpora.download import WIKITEXT2
from lessons_lib.experiments.experiment import Experiment, grid
from lessons_lib.experiments.reading import (
    HELD_OUT_TOKENS,
    LANGUAGE,
    LANGUAGE_TOKENS,
    WORDS,
    Text,
    embedded_language,
    text,
)
from lessons_lib.experiments.training import from_seed
from lessons_lib.models import LSTM, LanguageModel, TanhRNN, evaluating, map_state, truncated_outputs
from lessons_lib.stability import certified_rate, contraction_quantiles, singular_values
from lessons_lib.training import Settings, default_device, perplexity, train
from lessons_lib.training.checkpoint import settings_to_json

CORES: dict[str, Any] = {"rnn": TanhRNN, "lstm": LSTM}
WIDTH, BATCH_SIZE, STEPS = 64, 20, 35
INPUT_STD = 0.3
CONTEXTS, LENGTH = 64, 60  # pages, and words of a page
QUANTILES = (0.0, 0.1, 0.5, 0.9, 1.0)
CONTEXT_LENGTHS = (1, 2, 3, 5, 8, 13, 20, 30, 40)
CHECKPOINTS, SEEDS = (50, 150, 600), (0, 1, 2)


@dataclass(frozen=True)
class Regime:
    """One model at one moment of its training.

    ``norm``: ‖W‖_2 of an RNN, None for an LSTM; ``certified``: its certified rate, None where nothing is certified.
    ``contraction``: for each of QUANTILES the ratio of distances after 1, ..., 60 words; ``truncation``: for each the
    Euclidean distance of the logits at CONTEXT_LENGTHS; ``loss_gap``: what the truncation costs, in nats per word.
    """

    reading: str
    family: str
    seed: int
    step: int
    perplexity: float
    norm: float | None
    certified: float | None
    contraction: list[list[float]]
    truncation: list[list[float]]
    loss_gap: list[float]


@from_seed
def factory(family: str, seed: int = 0, reading: Text | None = None) -> tuple[LanguageModel, Stream]:
    """The model, as torch starts it, and its stream.

    Raises:
        ValueError: ``family`` is neither "rnn" nor "lstm".
    """
    if family not in CORES:
        raise ValueError(f"unknown family {family!r}: choose rnn or lstm")
    source = reading or text()
    model = LanguageModel(CORES[family](WIDTH, WIDTH), source.vocabulary_size, WIDTH)
    torch.nn.init.normal_(model.embedding.weight, std=INPUT_STD)
    return model, Stream(source.train.to(default_device()), BATCH_SIZE, STEPS, unit=source.unit)


def settings() -> Settings:
    """For Adam: no bound, full backpropagation inside a step of 35 words."""
    return Settings(STEPS, learning_rate=4e-3, gradient_clip=1.0)


def pages(reading: Text) -> Tensor:
    """Held-out words: (contexts, length + 1), the last of each only to be predicted."""
    return reading.held_out[: CONTEXTS * (LENGTH + 1)].view(CONTEXTS, LENGTH + 1)


@torch.no_grad()
def merging(model: LanguageModel, words: Tensor, quantiles: Sequence[float] = QUANTILES) -> Tensor:
    """Two readers, each come from a page of its own, read the same page: quantiles of their distance's ratio.

    Args:
        words: (contexts, time) tokens; the pages that the readers come from are two others of these.

    Returns:
        (len(quantiles), time), float64: 1 is the distance at the start.
    """
    words = words.to(model.embedding.weight.device)
    _, after = model(words)
    first, second = (map_state(lambda s, by=by: s.roll(by, dims=1), after) for by in (1, 7))
    return contraction_quantiles(model, words, first, second, quantiles).double().cpu()


@torch.no_grad()
def truncation_quantiles(
    model: LanguageModel,
    words: Tensor,
    context_lengths: Sequence[int] = CONTEXT_LENGTHS,
    quantiles: Sequence[float] = QUANTILES,
) -> tuple[Tensor, Tensor]:
    """How far the k-truncation's logits are from the model's, over all positions whose past is longer than every k.

    Args:
        words: (contexts, time + 1) tokens.

    Returns:
        quantiles of the Euclidean distance, (len(quantiles), len(context_lengths)), and the difference of the mean
        losses in nats, (len(context_lengths),), positive where truncation costs something.  float64.

    Raises:
        ValueError: no position has a longer past than the largest k.
    """
    longest = max(context_lengths)
    if longest >= words.shape[1] - 1:
        raise ValueError(f"k={longest} needs sequences of more than {longest + 1} words, not {words.shape[1]}")
    words = words.to(model.embedding.weight.device)
    inputs, targets = model.embed(words[:, :-1]), words[:, longest + 1 :]
    whole = model.core(inputs)[0][:, longest:]
    logits, loss = model.logits(whole), model.loss(whole, targets)
    levels = torch.tensor(quantiles, dtype=torch.float64, device=words.device)
    distances, gaps = {}, {}
    for k, outputs in enumerate(truncated_outputs(model.core, inputs, longest), start=1):
        if k in context_lengths:
            cut = outputs[:, longest:]
            error = (model.logits(cut) - logits).norm(dim=-1).double().flatten()
            distances[k] = torch.quantile(error, levels)
            gaps[k] = (model.loss(cut, targets) - loss).double()
    return (
        torch.stack([distances[k] for k in context_lengths], dim=1).cpu(),
        torch.stack([gaps[k] for k in context_lengths]).cpu(),
    )


def look(model: LanguageModel, reading: Text, *, family: str, seed: int, step: int, label: str = "") -> Regime:
    """Measure a model as it is; in evaluation mode throughout, and back afterwards."""
    with evaluating(model):
        words = pages(reading)
        distances, gaps = truncation_quantiles(model, words)
        rate = certified_rate(model)
        return Regime(
            label or reading.label,
            family,
            seed,
            step,
            perplexity(model, reading.held_out),
            float(singular_values(model)[0, 0]) if family == "rnn" else None,
            rate if math.isfinite(rate) else None,
            _rounded(merging(model, words[:, :-1])),
            _rounded(distances),
            [float(f"{gap:.4g}") for gap in gaps.tolist()],
        )


def follow(
    family: str, seed: int, *, checkpoints: Sequence[int] = CHECKPOINTS, reading: Text | None = None, label: str = ""
) -> Iterator[tuple[LanguageModel, Regime]]:
    """Train without a bound and look at the model at the checkpoints (steps); it changes under your hands."""
    source = reading or text()
    model, stream = factory(family, seed, source)()
    for record in train(model, stream, settings(), steps=max(checkpoints), seed=seed, optimizer="adam"):
        if record.step + 1 in checkpoints:
            yield model, look(model, source, family=family, seed=seed, step=record.step + 1, label=label)


def _rounded(table: Tensor) -> list[list[float]]:
    return [[float(f"{value:.3g}") for value in row] for row in table.tolist()]


def usual_and_worst(
    regimes: Sequence[Regime], measured: str, *, reading: str, family: str, step: int
) -> tuple[list[float], list[float]]:
    """Of all seeds' models: the median context (mean over seeds), and the worst context of any seed.

    ``measured``: "contraction" or "truncation", whose columns come back one by one.
    """
    tables = [getattr(r, measured) for r in regimes if (r.reading, r.family, r.step) == (reading, family, step)]
    medians, worst = ([table[QUANTILES.index(level)] for table in tables] for level in (0.5, 1.0))
    usual = [math.fsum(column) / len(column) for column in zip(*medians, strict=True)]
    return usual, [max(column) for column in zip(*worst, strict=True)]


READINGS: dict[str, Callable[[], Text]] = {"language": embedded_language, "wikitext2": text}


def measure(reading: str, family: str, seed: int) -> list[Regime]:
    """One training without a bound, looked at at every checkpoint."""
    return [found for _, found in follow(family, seed, reading=READINGS[reading](), label=reading)]


# How the models are trained, here and where lesson 10 cuts their past off.
TRAINING = {
    "width": WIDTH,
    "input_std": INPUT_STD,
    "batch_size": BATCH_SIZE,
    "words": WORDS,
    "optimizer": "adam",
    "settings": settings_to_json(settings()),
}
REGIMES = Experiment(
    "stable_regime",
    "how much trained models, free of any bound, forget: on a made-up language and on real words",
    grid(reading=READINGS, family=CORES, seed=SEEDS),
    measure,
    Regime,
    {
        **TRAINING,
        "checkpoints": CHECKPOINTS,
        "language": repr(LANGUAGE),
        "language_tokens": LANGUAGE_TOKENS,
        "held_out_tokens": HELD_OUT_TOKENS,
        "contexts": CONTEXTS,
        "length": LENGTH,
        "quantiles": QUANTILES,
        "context_lengths": CONTEXT_LENGTHS,
    },
    data=WIKITEXT2,
)
