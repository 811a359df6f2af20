"""Truncation length against context length: two ways to cut at k, on a language whose best losses are known.

A *context-k* model sees k tokens; the best it can do is H_k.  *Truncation-k* training cuts only the gradient: the
state that is carried on holds older tokens, so for every k the best possible loss is H_∞, that of the whole past.

``ON_LANGUAGE`` trains every cut ("context", "chunked", "exact") at every k and compares it with the best that the cut
allows; ``LONGER`` trains on where k is below the longest lag, with the recurrent core and with a frozen one;
``ON_WORDS`` trains on real words with chunked truncation at k, and shows the trained model the last 1, 2, 3,
... words only.
"""

from __future__ import annotations

import copy
import math
import weakref
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from lessons_lib.corpora import ProductOfLags, Stream, TextCorpus, wikitext2
from lessons_lib.corpora.download import WIKITEXT2
from lessons_lib.experiments.experiment import Experiment, grid
from lessons_lib.experiments.training import from_seed, trained
from lessons_lib.models import LSTM, LanguageModel, TanhRNN, Windowed, truncated_outputs
from lessons_lib.runs import Probe
from lessons_lib.training import Mailbox, Settings, default_device, mean_loss, train

# Two bits a token: one repeats the token before, the other the fourth before, each wrongly one time in twenty.
LANGUAGE = ProductOfLags(lags=(1, 4), flips=(0.05, 0.05))
WIDTH, BATCH_SIZE, STEPS, TRAINING_STEPS = 64, 32, 24, 150
LEARNING_RATE, GRADIENT_CLIP = 3e-3, 1.0
INPUT_STD = 0.3
TRAINING_TOKENS, HELD_OUT_TOKENS = 1_000_000, 20_000
CUTS, LENGTHS, SEEDS = ("context", "chunked", "exact"), (1, 2, 3, 4, 5, 6, 8), (0, 1, 2)
HELD_OUT = LANGUAGE.sample(HELD_OUT_TOKENS, seed=1_000)

LONGER_STEPS = (50, TRAINING_STEPS, 500, 1_000)
# Which weights of h_t = tanh(W h_{t-1} + U x_t + b) stay as they began, by the beginnings of their names.
FROZEN = {"nothing": (), "the core": ("weight", "bias"), "W": ("weight_hh",), "U and b": ("weight_ih", "bias")}

WORDS, WORD_WIDTH, WORD_BATCH, WORD_STEPS, WORD_TRAINING_STEPS = 1_000, 96, 20, 20, 300
WORD_LENGTHS, WORD_CONTEXTS = (1, 2, 5, 10, 20), 20
WORD_ROWS, WORD_COLUMNS = 10, 1_001  # of held-out words, the last of each only to be predicted


@dataclass(frozen=True)
class Point:
    """One trained model.

    ``cut``: what ends at k, the "context", or the gradient ("chunked" or "exact" truncation).  ``loss`` (nats per
    token, held out) and ``optimum``, the best that the cut allows (None where nobody knows it).  ``by_context``: the
    loss when the model sees only the last 1, 2, 3, ... tokens, where that was measured.
    """

    cut: str
    k: int
    seed: int
    loss: float
    optimum: float | None = None
    by_context: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Longer:
    """Held-out loss (nats per token) after so many steps of chunked truncation at k, with a part of the core frozen."""

    frozen: str
    k: int
    seed: int
    steps: int
    loss: float


# -- the language whose optimum is known ------------------------------------------------------------------------


@from_seed
def factory(seed: int = 0, context_length: int | None = None) -> tuple[LanguageModel, Stream]:
    """A tanh-RNN and its stream; every k and cut reads the same data.

    W begins orthogonal: a state then holds its last few inputs whether or not a gradient ever asked for them.
    ``context_length``: instead of a recurrent model, its truncation that sees k tokens and nothing else.
    """
    rnn = TanhRNN(WIDTH, WIDTH)
    nn.init.orthogonal_(dict(rnn.named_parameters())["cells.0.weight_hh_l0"])
    core = rnn if context_length is None else Windowed(rnn, context_length)
    model = LanguageModel(core, LANGUAGE.vocabulary_size, WIDTH)
    nn.init.normal_(model.embedding.weight, std=INPUT_STD)
    return model, Stream(_training_tokens(seed).to(default_device()), BATCH_SIZE, STEPS)


@cache
def _training_tokens(seed: int) -> Tensor:
    return LANGUAGE.sample(TRAINING_TOKENS, seed)


def settings(truncation_length: int = STEPS, truncation: str = "exact") -> Settings:
    """Adam at 0.003, gradients clipped at norm 1."""
    return Settings(truncation_length, truncation, learning_rate=LEARNING_RATE, gradient_clip=GRADIENT_CLIP)


def probe() -> Probe:
    """What the live panel measures: gradients and forgetting up to 12 tokens back."""
    return Probe(Stream(HELD_OUT, 1, 4_000)[0], HELD_OUT[-4 * 65 :].view(4, 65), max_context=12, max_lag=12)


def point(cut: str, k: int, seed: int = 0, *, steps: int = TRAINING_STEPS) -> Point:
    """Train with this cut at k, and compare with the best that it allows.

    Raises:
        ValueError: an unknown cut.
    """
    if cut not in CUTS:
        raise ValueError(f"cut={cut!r}: choose one of {', '.join(CUTS)}")
    seen = k if cut == "context" else None
    how = settings(STEPS, "chunked") if cut == "context" else settings(k, cut)
    model = trained(factory(seed, seen), how, steps=steps).model
    regret = mean_loss(model, HELD_OUT) - optimal_loss_on(HELD_OUT, seen)
    optimum = LANGUAGE.optimal_loss(seen)
    return Point(cut, k, seed, optimum + regret, optimum)


def freeze(model: LanguageModel, frozen: str) -> LanguageModel:
    """Keep a part of the recurrent core, a key of ``FROZEN``, from being trained; gives back the model."""
    for name, parameter in model.core.cells[0].named_parameters():
        parameter.requires_grad_(not name.startswith(FROZEN[frozen]))
    return model


def trained_with(*phases: tuple[int, int], seed: int = 1, frozen: str = "nothing") -> list[LanguageModel]:
    """Train with exact truncation at k for so many steps, phase after phase: (k, steps) each.

    Gives the model as it was after each phase.
    """
    model, stream = factory(seed)()
    mailbox, models = Mailbox(settings()), []
    steps = train(freeze(model, frozen), stream, mailbox, optimizer="adam")
    for k, count in phases:
        mailbox.update(truncation_length=k)
        for _ in range(count):
            next(steps)
        models.append(copy.deepcopy(model))
    return models


def longer(frozen: str, k: int, seed: int) -> list[Longer]:
    """One training of chunked truncation at k, measured after each of ``LONGER_STEPS``."""
    model, stream = factory(seed)()
    freeze(model, frozen)
    luck = optimal_loss_on(HELD_OUT, None) - LANGUAGE.optimal_loss(None)
    points = []
    for record in train(model, stream, settings(k, "chunked"), steps=LONGER_STEPS[-1], seed=seed, optimizer="adam"):
        if (taken := record.step + 1) in LONGER_STEPS:
            points.append(Longer(frozen, k, seed, taken, mean_loss(model, HELD_OUT) - luck))
    return points


def optimal_loss_on(tokens: Tensor, context_length: int | None) -> float:
    """Mean nats that the best predictor with this context pays on this very sample.

    A model's loss less this is its regret, free of the luck of the sample that both share.
    """
    total = 0.0
    for bit, (lag, flip) in enumerate(zip(LANGUAGE.lags, LANGUAGE.flips, strict=True)):
        if context_length is not None and context_length < lag:
            total += math.log(2)
            continue
        values = (tokens >> bit) & 1
        flipped = float((values[lag:] != values[:-lag]).double().mean())
        total -= flipped * math.log(flip) + (1 - flipped) * math.log(1 - flip)
    return total


# -- what k costs -----------------------------------------------------------------------------------------------


def peak_saved_bytes(model: nn.Module, work: Callable[[], Any]) -> int:
    """The most bytes that autograd kept at one time for backward passes while ``work()`` ran, weights left out.

    Counted where autograd keeps and drops its tensors, each storage once: the same on every run and every machine,
    which a process's memory is not.
    """
    weights = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    holders: Counter[int] = Counter()
    now = peak = 0

    def drop(storage: int, size: int) -> None:
        nonlocal now
        holders[storage] -= 1
        now -= 0 if holders[storage] else size

    def keep(tensor: Tensor) -> _Kept:
        nonlocal now, peak
        kept = _Kept(tensor.detach())  # the tensor itself could be held by its own backward pass, for ever
        storage, size = tensor.untyped_storage().data_ptr(), tensor.untyped_storage().nbytes()
        if storage not in weights:
            now += 0 if holders[storage] else size
            peak = max(peak, now)
            holders[storage] += 1
            weakref.finalize(kept, drop, storage, size)
        return kept

    with saved_tensors_hooks(keep, lambda kept: kept.tensor):
        work()
    return peak


class _Kept:
    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor


def memory(k: int, truncation: str = "chunked") -> int:
    """Bytes kept for the backward pass in a training step with truncation length k; the model and batch of the lesson.

    Measured at the third step: exact truncation then has a whole step's past to reach back into.
    """
    model, stream = factory()()
    steps = train(model, stream, settings(k, truncation))
    next(steps), next(steps)
    return peak_saved_bytes(model, lambda: next(steps))


# -- real words -------------------------------------------------------------------------------------------------


def words() -> TextCorpus:
    """WikiText-2 cut to its 1,000 most frequent words: losses are not to be compared with published ones.

    Raises:
        DataUnavailable: the text is not on this machine and cannot be downloaded.
    """
    return wikitext2(WORDS)


@from_seed
def words_factory(seed: int = 0) -> tuple[LanguageModel, Stream]:
    """An LSTM and its stream of real words."""
    model = LanguageModel(LSTM(WORD_WIDTH, WORD_WIDTH), WORDS, WORD_WIDTH)
    return model, Stream(words().train.to(default_device()), WORD_BATCH, WORD_STEPS)


def words_point(k: int, seed: int = 0, *, cut: str = "chunked", steps: int = WORD_TRAINING_STEPS) -> Point:
    """Trained on real words with this truncation at k; and what the model loses when it sees n words only."""
    how = Settings(k, cut, learning_rate=LEARNING_RATE, gradient_clip=GRADIENT_CLIP)
    model = trained(words_factory(seed), how, steps=steps).model
    held_out = words().valid[: WORD_ROWS * WORD_COLUMNS].to(default_device())
    rows = held_out.view(WORD_ROWS, WORD_COLUMNS)
    inputs, targets = rows[:, :-1], rows[:, WORD_CONTEXTS:]  # scored where every context is complete
    with torch.no_grad():
        outputs = truncated_outputs(model.core, model.embed(inputs), WORD_CONTEXTS)
        by_context = [float(model.loss(output[:, WORD_CONTEXTS - 1 :], targets)) for output in outputs]
    return Point(cut, k, seed, mean_loss(model, held_out), by_context=by_context)


# -- artefacts --------------------------------------------------------------------------------------------------


def by_seed(points: Iterable[Point], cut: str) -> list[list[float]]:
    """The losses of one cut, a list for each seed, in the order of k."""
    mine = sorted((p for p in points if p.cut == cut), key=lambda p: (p.seed, p.k))
    return [[p.loss for p in mine if p.seed == seed] for seed in sorted({p.seed for p in mine})]


TRAINING = {"optimizer": "adam", "learning_rate": LEARNING_RATE, "gradient_clip": GRADIENT_CLIP}
LANGUAGE_MODEL = {
    "language": repr(LANGUAGE),
    "training_tokens": TRAINING_TOKENS,
    "held_out_tokens": HELD_OUT_TOKENS,
    "model": f"TanhRNN({WIDTH})",
    "input_std": INPUT_STD,
    "batch_size": BATCH_SIZE,
    "steps": STEPS,
}
ON_LANGUAGE = Experiment(
    "truncation_language",
    "truncation and context length at every k, on a language whose best losses are known",
    grid(cut=CUTS, k=LENGTHS, seed=SEEDS),
    point,
    Point,
    {**LANGUAGE_MODEL, "training_steps": TRAINING_STEPS, **TRAINING},
)
LONGER = Experiment(
    "truncation_longer",
    "truncation below the longest lag, trained on to 1,000 steps, with the recurrent core and with a frozen one",
    grid(frozen=("nothing", "the core"), k=(2,), seed=SEEDS),
    longer,
    Longer,
    {**LANGUAGE_MODEL, "truncation": "chunked", "measured_after": LONGER_STEPS, **TRAINING},
)
ON_WORDS = Experiment(
    "truncation_words",
    "truncation length on real words, and what the trained model loses when it sees a few of them",
    grid(cut=("chunked",), k=WORD_LENGTHS, seed=SEEDS),
    words_point,
    Point,
    {"vocabulary": WORDS, "model": f"LSTM({WORD_WIDTH})", "batch_size": WORD_BATCH, "steps": WORD_STEPS}
    | {"training_steps": WORD_TRAINING_STEPS, **TRAINING}
    | {"held_out": {"rows": WORD_ROWS, "columns": WORD_COLUMNS}, "contexts": WORD_CONTEXTS},
    data=WIKITEXT2,
)
