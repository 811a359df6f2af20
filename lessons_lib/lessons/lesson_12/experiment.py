"""Stable beside unstable on real words: rows of the table made small enough to train while one watches.

Both models of a pair begin with the same weights and read the same batches.  The unstable one is left as it is; the
stable one is projected after every step, the first included.  Without hands each row has its own learning rate,
searched separately.  The vocabulary is reduced: no perplexity from here stands beside a published one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from torch import Tensor

from lessons_lib.corpora import Stream
from lessons_lib.experiments import training
from lessons_lib.experiments.budget import by_budget
from lessons_lib.experiments.reading import Text, text
from lessons_lib.models import LSTM, QRNN, Core, GatedRecurrence, LanguageModel, TanhRNN
from lessons_lib.runs import Probe
from lessons_lib.stability import (
    EigenvalueDisc,
    LSTMStableSet,
    QRNNStableSet,
    SpectralBall,
    StableSet,
    Unconstrained,
)
from lessons_lib.training import Settings, default_device, perplexity

BATCH_SIZE, STEPS = 20, 35
INPUT_CLIP = 0.75  # the stable LSTM's certificate needs it; both LSTMs have it
HALF = 2_000  # held-out tokens on which a learning rate is chosen; the others are for the score

SETS: dict[str, StableSet] = {
    "rnn-unstable": Unconstrained(),
    "rnn-stable": SpectralBall(0.9),
    "lstm-unstable": Unconstrained(),
    "lstm-stable": LSTMStableSet(forget_ceiling=0.64, input_bound=INPUT_CLIP),
    "linear-unstable": Unconstrained(),
    "linear-stable": EigenvalueDisc(0.9),
    "qrnn-unstable": Unconstrained(),
    "qrnn-stable": QRNNStableSet(forget_ceiling=0.64),
}
# Learning rates to choose from, for each family that trains without hands.
RATES = {"rnn": (4.0, 8.0, 16.0, 32.0), "lstm": (8.0, 16.0, 32.0, 64.0)}
# For the live pair, whose rate does not fall.
LIVE_RATES = {"rnn": 4.0, "lstm": 8.0, "linear": 4.0, "qrnn": 8.0}
CORES: dict[str, Callable[[int], Core]] = {
    "rnn": lambda d: TanhRNN(d, d),
    "lstm": lambda d: LSTM(d, d, input_clip=INPUT_CLIP),
    "linear": lambda d: GatedRecurrence(d, d, 2),
    "qrnn": lambda d: QRNN(d, d),
}


def width() -> int:
    """Units of a layer, and of the embedding."""
    return by_budget(ci=24, laptop=64)


@training.from_seed
def factory(family: str, seed: int = 0, reading: Text | None = None) -> tuple[LanguageModel, Stream]:
    """The model and its stream, the same for both of a pair.

    Raises:
        ValueError: unknown family.
    """
    if family not in CORES:
        raise ValueError(f"unknown family {family!r}: choose one of {', '.join(CORES)}")
    source, d = reading or text(), width()
    return LanguageModel(CORES[family](d), source.vocabulary_size, d), Stream(
        source.train.to(default_device()), BATCH_SIZE, STEPS, unit=source.unit
    )


def settings(row: str, learning_rate: float | None = None) -> Settings:
    """SGD clipped at .25, full backpropagation inside a step of 35 words, and the row's stable set.

    Raises:
        ValueError: unknown row.
    """
    if row not in SETS:
        raise ValueError(f"unknown row {row!r}: choose one of {', '.join(SETS)}")
    rate = learning_rate or LIVE_RATES[row.split("-")[0]]
    return Settings(STEPS, learning_rate=rate, gradient_clip=0.25, stable_set=SETS[row])


def probe(reading: Text | None = None) -> Probe:
    """What the panel measures about once a second; little text, because a slider's move waits for it to end."""
    source = reading or text()
    held_out = Stream(source.held_out, 1, 1_000)[0]
    return Probe(held_out, source.sample()[:1, :41], max_context=25, max_lag=25, writer=source.writer())


@dataclass(frozen=True)
class Trained:
    """One row with one seed after its training: the model, its loss at every step (nats) and its scores.

    ``chosen_on`` and ``scored_on``: perplexity on the two halves of the held-out text, of which the first chooses
    hyper-parameters and the second is for the score alone.
    """

    row: str
    seed: int
    model: LanguageModel = field(repr=False)
    losses: Tensor = field(repr=False)
    chosen_on: float
    scored_on: float


def trained(row: str, seed: int, *, steps: int, learning_rate: float, reading: Text | None = None) -> Trained:
    """Train one row without hands; as in the study, the learning rate falls linearly to zero."""
    source = reading or text()

    def falling(progress: float) -> Settings:
        return settings(row, learning_rate * max(1 - progress, 1e-3))

    done = training.trained(factory(row.split("-")[0], seed, source), falling, steps=steps, seed=seed, optimizer="sgd")
    scores = [perplexity(done.model, part) for part in (source.held_out[:HALF], source.held_out[HALF:])]
    return Trained(row, seed, done.model, done.losses, *scores)


def searched_rate(row: str, *, steps: int, reading: Text | None = None) -> float:
    """The learning rate of this row's family that gives *this row* the lowest perplexity after ``steps`` steps.

    Seed 0, judged on the half of the held-out text that no score is taken on.
    """
    tried = {
        rate: trained(row, 0, steps=steps, learning_rate=rate, reading=reading).chosen_on
        for rate in RATES[row.split("-")[0]]
    }
    return min(tried, key=tried.__getitem__)
