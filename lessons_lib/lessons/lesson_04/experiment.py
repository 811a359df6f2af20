"""Truncation length against context length: two ways to cut at k, on a language whose best losses are known.

A *context-k* model sees k tokens; the best it can do is H_k.  *Truncation-k* training cuts only the gradient: the
state that is carried on holds older tokens, so for every k the best possible loss is H_∞, that of the whole past.

``python -m lessons_lib.lessons.lesson_04.experiment`` writes the two artefacts that lesson 04 draws:

- ``truncation_language.json``: ``points``, one for each cut ("context", "chunked", "exact"), k and seed, with its
  ``loss`` and the best loss ``optimum`` that the cut allows, in nats per token;
- ``truncation_words.json``: ``points`` on real words, one for each truncation length k ("chunked") and seed, with the
  held-out ``loss`` and ``by_context``, the loss when the trained model sees the last 1, 2, 3, ... words only.
"""

from __future__ import annotations

import math
import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from lessons_lib.corpora import ProductOfLags, Stream, TextCorpus, wikitext2
from lessons_lib.corpora.download import WIKITEXT2
from lessons_lib.experiments.artefact import read_artefact, results_folder, write_artefact
from lessons_lib.experiments.machine import device_name
from lessons_lib.models import LSTM, LanguageModel, TanhRNN, Windowed, truncated_outputs
from lessons_lib.runs import Probe
from lessons_lib.training import Settings, default_device, mean_loss, train

# Two bits a token: one repeats the token before, the other the fourth before, each wrongly one time in twenty.
LANGUAGE = ProductOfLags(lags=(1, 4), flips=(0.05, 0.05))
LONGEST_LAG = max(LANGUAGE.lags)
WIDTH, BATCH_SIZE, STEPS, TRAINING_STEPS = 64, 32, 24, 150
LEARNING_RATE = 3e-3
CUTS, LENGTHS, SEEDS = ("context", "chunked", "exact"), (1, 2, 3, 4, 5, 6, 8), (0, 1, 2)
HELD_OUT = LANGUAGE.sample(20_000, seed=1_000)

WORDS, WORD_WIDTH, WORD_BATCH, WORD_STEPS, WORD_TRAINING_STEPS = 1_000, 96, 20, 20, 300
WORD_LENGTHS, WORD_CONTEXTS = (1, 2, 5, 10, 20), 20


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


# -- the language whose optimum is known ------------------------------------------------------------------------


def factory(seed: int = 0, context_length: int | None = None) -> Callable[[], tuple[LanguageModel, Stream]]:
    """A function that builds a tanh-RNN and its stream, the same at each call; every k and cut reads the same data.

    W begins orthogonal: a state then holds its last few inputs whether or not a gradient ever asked for them.
    ``context_length``: instead of a recurrent model, its truncation that sees k tokens and nothing else.
    """

    def build() -> tuple[LanguageModel, Stream]:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            rnn = TanhRNN(WIDTH, WIDTH)
            nn.init.orthogonal_(dict(rnn.named_parameters())["cells.0.weight_hh_l0"])
            core = rnn if context_length is None else Windowed(rnn, context_length)
            model = LanguageModel(core, LANGUAGE.vocabulary_size, WIDTH)
            nn.init.normal_(model.embedding.weight, std=0.3)
        device = default_device()
        return model.to(device), Stream(_training_tokens(seed).to(device), BATCH_SIZE, STEPS)

    return build


@cache
def _training_tokens(seed: int) -> Tensor:
    return LANGUAGE.sample(1_000_000, seed)


def settings(truncation_length: int = STEPS, truncation: str = "exact") -> Settings:
    """Adam at 0.003, gradients clipped at norm 1."""
    return Settings(truncation_length, truncation, learning_rate=LEARNING_RATE, gradient_clip=1.0)


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
    model, stream = factory(seed, seen)()
    how = settings(STEPS, "chunked") if cut == "context" else settings(k, cut)
    for _ in train(model, stream, how, steps=steps, optimizer="adam"):
        pass
    regret = mean_loss(model, HELD_OUT) - optimal_loss_on(HELD_OUT, seen)
    optimum = LANGUAGE.optimal_loss(seen)
    return Point(cut, k, seed, optimum + regret, optimum)


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


def words_point(k: int, seed: int = 0, *, steps: int = WORD_TRAINING_STEPS) -> Point:
    """An LSTM trained on real words with chunked truncation at k, and what it loses when it sees n words only."""
    corpus, device = words(), default_device()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LanguageModel(LSTM(WORD_WIDTH, WORD_WIDTH), WORDS, WORD_WIDTH).to(device)
    stream = Stream(corpus.train.to(device), WORD_BATCH, WORD_STEPS)
    how = Settings(k, "chunked", learning_rate=LEARNING_RATE, gradient_clip=1.0)
    for _ in train(model, stream, how, steps=steps, optimizer="adam"):
        pass
    held_out = corpus.valid[: 10 * 1_001].to(device)
    rows = held_out.view(10, 1_001)
    inputs, targets = rows[:, :-1], rows[:, WORD_CONTEXTS:]  # scored where every context is complete
    with torch.no_grad():
        outputs = truncated_outputs(model.core, model.embed(inputs), WORD_CONTEXTS)
        by_context = [float(model.loss(output[:, WORD_CONTEXTS - 1 :], targets)) for output in outputs]
    return Point("chunked", k, seed, mean_loss(model, held_out), by_context=by_context)


# -- artefacts --------------------------------------------------------------------------------------------------


def by_seed(points: Iterable[Point], cut: str) -> list[list[float]]:
    """The losses of one cut, a list for each seed, in the order of k."""
    mine = sorted((p for p in points if p.cut == cut), key=lambda p: (p.seed, p.k))
    return [[p.loss for p in mine if p.seed == seed] for seed in sorted({p.seed for p in mine})]


def published(name: str) -> list[Point]:
    """The points of ``data/results/truncation_{name}.json``.

    Raises:
        OSError: it is not there; ``python -m lessons_lib.lessons.lesson_04.experiment`` writes it.
    """
    return [Point(**entry) for entry in read_artefact(_path(name))["points"]]


def _path(name: str) -> Path:
    return results_folder() / f"truncation_{name}.json"


def _publish(name: str, points: Sequence[Point], **more: Any) -> None:
    content = {"study": f"truncation_{name}", "device": device_name(default_device()), "seeds": list(SEEDS), **more}
    write_artefact(_path(name), {**content, "points": [asdict(p) for p in points]})


def main() -> None:
    """Measure everything and write both artefacts: about ten minutes of one CPU core.

    Raises:
        DataUnavailable: WikiText-2 is not on this machine and cannot be downloaded.
    """
    words()  # fail now, not after the first artefact
    torch.set_num_threads(1)
    training = {"optimizer": "adam", "learning_rate": LEARNING_RATE, "gradient_clip": 1.0}
    language = [point(cut, k, seed) for cut in CUTS for k in LENGTHS for seed in SEEDS]
    shape = {"model": f"TanhRNN({WIDTH})", "batch_size": BATCH_SIZE, "steps": STEPS, "training_steps": TRAINING_STEPS}
    _publish("language", language, config={"language": repr(LANGUAGE), **shape, **training})
    real = [words_point(k, seed) for k in WORD_LENGTHS for seed in SEEDS]
    shape = {"model": f"LSTM({WORD_WIDTH})", "batch_size": WORD_BATCH, "steps": WORD_STEPS}
    config = {"vocabulary": WORDS, **shape, "training_steps": WORD_TRAINING_STEPS, **training}
    _publish("words", real, config=config, data_sha256={split: file.sha256 for split, file in WIKITEXT2.items()})


if __name__ == "__main__":
    main()
