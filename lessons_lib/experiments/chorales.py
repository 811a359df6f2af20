"""What stability costs a model of Bach's chorales: recurrent models kept in a stable set, and left alone.

Learning rate and epoch are chosen on the validation pieces, for each row on its own; the test pieces are scored
once, with the model so chosen.  The loss is ``corpora.frame_loss``: nats summed over the 88 keys, averaged over
the predicted frames (Bai et al. 2018; Boulanger-Lewandowski et al. 2012).
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lessons_lib.corpora import Batches, ChoraleBatches, Chorales, DataUnavailable, frame_loss, jsb_chorales
from lessons_lib.corpora.download import JSB_CHORALES
from lessons_lib.corpora.music import KEYS
from lessons_lib.experiments.certificate import certificate
from lessons_lib.experiments.experiment import Case, Experiment
from lessons_lib.experiments.training import from_seed
from lessons_lib.models import LSTM, Core, State, TanhRNN
from lessons_lib.models.size import parameter_count
from lessons_lib.runs import Probe
from lessons_lib.stability import LSTMStableSet, LSTMWideSet, SpectralBall, StableSet, Unconstrained
from lessons_lib.training import Mailbox, Settings, batch_loss, linear_decay, train

BATCH_SIZE, EPOCHS, GRADIENT_CLIP = 8, 50, 1.0
RATES = (2e-3, 6e-3, 1.8e-2)
SEEDS = (0, 1, 2)
BOUND = 0.9
RNN_WIDTH, LSTM_WIDTH, INPUT_CLIP = 64, 48, 0.75
MOST_KEYS = 8  # that sound in one frame, as the theorem's bound on the inputs
JSB_LABEL = "JSB chorales: Bach, four voices, a frame is a quarter note"
Compose = Callable[["ChoraleModel"], tuple[Tensor, Tensor]]
LONGEST = 24  # lags and context lengths that a probe measures


@dataclass(frozen=True)
class Row:
    """One kind of model: its core, the stable set it is kept in, and the colour it is drawn in."""

    core: Callable[[], Any]
    stable_set: StableSet
    family: str


ROWS = {
    "RNN": Row(lambda: TanhRNN(KEYS, RNN_WIDTH), Unconstrained(), "rnn"),
    "stable RNN": Row(lambda: TanhRNN(KEYS, RNN_WIDTH), SpectralBall(BOUND), "stable rnn"),
    "LSTM": Row(lambda: LSTM(KEYS, LSTM_WIDTH, input_clip=INPUT_CLIP), Unconstrained(), "lstm"),
    "stable LSTM": Row(lambda: LSTM(KEYS, LSTM_WIDTH, input_clip=INPUT_CLIP), LSTMStableSet(), "stable lstm"),
    "wide stable LSTM": Row(lambda: LSTM(KEYS, LSTM_WIDTH, input_clip=INPUT_CLIP), LSTMWideSet(), "wide stable lstm"),
}


@dataclass(frozen=True)
class Music:
    """Pieces to learn from; ``label`` says what they are."""

    label: str
    pieces: Chorales


@cache
def music() -> Music:
    """The JSB chorales; chords made on the spot where they cannot be had, and the label says so."""
    try:
        return Music(JSB_LABEL, jsb_chorales())
    except DataUnavailable:
        return embedded_music()


@cache
def embedded_music() -> Music:
    """Four-voice chord progressions in three keys: 40 / 10 / 10 pieces of 24 to 48 frames, no download."""
    rng = np.random.default_rng(0)
    pieces = [_progression(rng) for _ in range(60)]
    label = "made-up chord progressions (the JSB chorales are not on this machine)"
    return Music(label, Chorales(pieces[:40], pieces[40:50], pieces[50:]))


# Where a chord on each degree of the major scale likes to go next.
_NEXT = {0: (3, 4, 5, 1), 1: (4, 4, 6), 2: (5, 3), 3: (4, 0, 1), 4: (0, 0, 5), 5: (3, 1), 6: (0,)}
_SCALE = (0, 2, 4, 5, 7, 9, 11)


def _progression(rng: np.random.Generator) -> Tensor:
    root = 27 + int(rng.choice([0, 5, 7]))  # keys above the piano's lowest: C, F and G
    degree, frames = 0, []
    for _ in range(int(rng.integers(12, 25))):
        chord = [_SCALE[(degree + third) % 7] for third in (0, 2, 4)]
        frame = torch.zeros(KEYS)
        frame[root + chord[0]] = 1
        for height, note in enumerate(chord):
            frame[root + 12 + note + (12 if note < chord[0] or height == 2 else 0)] = 1
        frames += [frame, frame]
        degree = int(rng.choice(_NEXT[degree]))
    return torch.stack(frames)


class ChoraleModel(nn.Module):
    """p(which of the 88 keys sound next | frames so far), keys independent of each other given the past.

    ``core`` maps (batch, time, 88) to (batch, time, hidden); ``forward`` and ``loss`` are those of a language
    model with frames in the place of tokens.  ``dropout`` acts on the features, while training.
    """

    def __init__(self, core: Core, dropout: float = 0.0):
        super().__init__()
        self.core: Any = core
        self.dropout = nn.Dropout(dropout)
        self.decoder = nn.Linear(core.hidden_size, KEYS)

    @property
    def context_length(self) -> int | None:
        """How many frames a prediction may use; None: all of them."""
        return self.core.context_length

    def embed(self, frames: Tensor) -> Tensor:
        """frames: (..., 88) -> what the core is fed: the frames themselves."""
        return frames

    def input_bound(self, order: float) -> float:
        """The largest norm of a frame: its entries are 0 or 1, and at most MOST_KEYS of them are 1."""
        return MOST_KEYS ** (1 / order)

    def forward(self, frames: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """frames: (batch, time, 88) -> features: (batch, time, hidden), and the core's state."""
        features, state = self.core(self.embed(frames), state)
        return self.dropout(features), state

    def logits(self, features: Tensor) -> Tensor:
        """features: (..., hidden) -> (..., 88), of each key sounding."""
        return self.decoder(features)

    def loss(self, features: Tensor, targets: Tensor) -> Tensor:
        """Nats per frame, summed over the keys: ``frame_loss``."""
        return frame_loss(self.decoder(features), targets)


def factory(
    row: str, seed: int = 0, *, epochs: int = EPOCHS, reading: Music | None = None
) -> Callable[[], tuple[ChoraleModel, ChoraleBatches]]:
    """Builds a row's model and the training pieces in batches.  ValueError for an unknown row."""
    return factory_of(_row(row).core, seed, epochs=epochs, reading=reading)


@from_seed
def factory_of(
    core: Callable[[], Any],
    seed: int = 0,
    *,
    epochs: int = EPOCHS,
    reading: Music | None = None,
    dropout: float = 0.0,
    batch_size: int = BATCH_SIZE,
) -> tuple[ChoraleModel, ChoraleBatches]:
    """The same around any core of inputs of width 88; ``dropout`` on its features."""
    pieces = (reading or music()).pieces.train
    return ChoraleModel(core(), dropout), ChoraleBatches(pieces, batch_size, epochs=epochs, seed=seed)


def settings(row: str, learning_rate: float = RATES[1], *, reading: Music | None = None) -> Settings:
    """For Adam: backpropagation through whole pieces, the gradient clipped at norm 1, the row's stable set."""
    longest = max(len(piece) for piece in (reading or music()).pieces.train) - 1
    return Settings(longest, learning_rate=learning_rate, gradient_clip=GRADIENT_CLIP, stable_set=_row(row).stable_set)


def _row(name: str) -> Row:
    if name not in ROWS:
        raise ValueError(f"unknown row {name!r}: choose one of {', '.join(ROWS)}")
    return ROWS[name]


def score(model: ChoraleModel, pieces: Sequence[Tensor]) -> float:
    """Nats per predicted frame of these pieces, each read from a zero state."""
    # One batch: a mean over batches would weigh frames by the padding beside them.
    return batch_loss(model, *ChoraleBatches(pieces, len(pieces))[0])


@dataclass(frozen=True)
class Fit:
    """A trained model, as it was after its best epoch on the validation pieces.

    ``valid``: nats per frame after each epoch; ``epoch``: the best one, counted from 1; ``seconds``: of the processor.
    """

    model: ChoraleModel
    valid: list[float]
    epoch: int
    seconds: float


def fit(
    row: str,
    seed: int,
    *,
    learning_rate: float = RATES[1],
    epochs: int = EPOCHS,
    reading: Music | None = None,
    stable_set: StableSet | None = None,
) -> Fit:
    """Train one row with one seed and keep the best epoch.

    ``stable_set`` replaces the row's own.  ValueError for an unknown row, RuntimeError when no epoch ends with a
    finite validation loss.
    """
    reading = reading or music()
    model, batches = factory(row, seed, epochs=epochs, reading=reading)()
    chosen = settings(row, learning_rate, reading=reading)
    if stable_set is not None:
        chosen = replace(chosen, stable_set=stable_set)
    return fit_model(model, batches, chosen, epochs=epochs, seed=seed, reading=reading)


def fit_model(
    model: ChoraleModel,
    batches: Batches,
    chosen: Settings,
    *,
    epochs: int,
    seed: int = 0,
    reading: Music | None = None,
    falling: bool = False,
) -> Fit:
    """Train any model of frames on ``batches`` (of so many epochs) with Adam, and keep the best epoch.

    ``falling``: the learning rate goes down to zero in a line.  RuntimeError when no epoch ends with a finite
    validation loss.
    """
    pieces, rate, mailbox = (reading or music()).pieces, chosen.learning_rate, Mailbox(chosen)
    valid: list[float] = []
    best = copy.deepcopy(model)
    began = time.process_time()
    per_epoch = len(batches) // epochs
    for record in train(model, batches, mailbox, steps=len(batches), seed=seed, optimizer="adam"):
        if falling:
            mailbox.update(learning_rate=rate * linear_decay((record.step + 1) / len(batches)))
        if (record.step + 1) % per_epoch:
            continue
        valid.append(score(model, pieces.valid))
        if valid[-1] == min(valid):
            best = copy.deepcopy(model)
    finite = [loss for loss in valid if math.isfinite(loss)]
    if not finite:
        raise RuntimeError(f"at learning rate {rate:g} the loss was never finite: lower the rate")
    return Fit(best, valid, valid.index(min(finite)) + 1, time.process_time() - began)


@torch.no_grad()
def sample(model: ChoraleModel, prompt: Tensor, length: int, *, seed: int, temperature: float = 1.0) -> Tensor:
    """Frames drawn one after the other, each fed back, after the prompt: (length, 88) float32 of 0 and 1.

    Args:
        prompt: (time, 88), at least one frame.
        temperature: the logits are divided by it; below 1 the model keeps to what it is sure of.

    ValueError for an empty prompt or a temperature not above 0.
    """
    if len(prompt) < 1 or not temperature > 0:
        raise ValueError(f"{len(prompt)} frames at temperature {temperature}: give one frame or more, and above 0")
    generator, device = torch.Generator().manual_seed(seed), model.decoder.weight.device
    frames, unread, state = [], prompt[None], None
    for _ in range(length):
        features, state = model(unread.to(device), state)
        chances = torch.sigmoid(model.logits(features[:, -1]) / temperature).cpu()
        frames.append(torch.bernoulli(chances, generator=generator))
        unread = frames[-1][None]
    return torch.cat(frames)


def composer(reading: Music | None = None, *, given: int = 8, length: int = 24, seed: int = 0) -> Compose:
    """Lets a model go on after the first frames of a validation piece, with the same draws each time."""
    opening = (reading or music()).pieces.valid[0][:given]

    def compose(model: ChoraleModel) -> tuple[Tensor, Tensor]:
        return opening, sample(model, opening, length, seed=seed)

    return compose


def probe(reading: Music | None = None) -> Probe:
    """A probe short enough for a slider's move not to wait for it: four validation pieces, the longest one's start."""
    pieces = (reading or music()).pieces.valid[:4]
    sample = max(pieces, key=len)[: LONGEST + 9].unsqueeze(0)
    return Probe(ChoraleBatches(pieces, len(pieces))[0], sample, max_context=LONGEST, max_lag=LONGEST)


@dataclass(frozen=True)
class Point:
    """One training: ``purpose`` "choose", of a learning rate by its validation loss alone, or "score".

    A scored one: losses on the validation and test pieces (nats per frame) at its best epoch, the certified rate in
    float64 (None: none), processor seconds, and the validation loss after every epoch.
    """

    row: str
    seed: int
    learning_rate: float
    purpose: str
    valid: float
    test: float | None = None
    rate: float | None = None
    epoch: int | None = None
    parameters: int | None = None
    seconds: float | None = None
    curve: list[float] = field(default_factory=list)


def learning_rates(points: Sequence[Point]) -> dict[str, float]:
    """For each row whose rates have all been tried the one with the lowest validation loss; it serves every seed."""
    tried = {row: [p for p in points if (p.row, p.purpose) == (row, "choose")] for row in ROWS}
    return {
        row: min(mine, key=lambda p: p.valid).learning_rate for row, mine in tried.items() if len(mine) == len(RATES)
    }


def cases(points: Sequence[Point]) -> Iterator[Case]:
    """Every rate with the first seed; then the chosen ones with every seed."""
    for row in ROWS:
        yield from ({"row": row, "seed": SEEDS[0], "learning_rate": rate, "purpose": "choose"} for rate in RATES)
    for row, rate in learning_rates(points).items():
        yield from ({"row": row, "seed": seed, "learning_rate": rate, "purpose": "score"} for seed in SEEDS)


def measure(
    row: str, seed: int, learning_rate: float, purpose: str, *, epochs: int = EPOCHS, reading: Music | None = None
) -> Point:
    """Train; where that is the purpose, certify the model and score it on the test pieces, which nothing else sees.

    Raises:
        CertificateError: a stable row ended outside its set.
    """
    found = fit(row, seed, learning_rate=learning_rate, epochs=epochs, reading=reading)
    point = Point(row, seed, learning_rate, purpose, found.valid[found.epoch - 1])
    if purpose == "choose":
        return point
    _, rate = certificate(f"{row}, seed {seed}", copy.deepcopy(found.model).double(), ROWS[row].stable_set)
    return replace(
        point,
        test=score(found.model, (reading or music()).pieces.test),
        rate=rate if math.isfinite(rate) else None,
        epoch=found.epoch,
        parameters=parameter_count(found.model),
        seconds=round(found.seconds, 1),
        curve=[round(loss, 4) for loss in found.valid],
    )


CHORALES = Experiment(
    "chorales",
    "what stability costs a model of Bach's chorales",
    cases,
    measure,
    Point,
    {
        "batch_size": BATCH_SIZE,
        "epochs": EPOCHS,
        "gradient_clip": GRADIENT_CLIP,
        "optimizer": "adam",
        "widths": {"RNN": RNN_WIDTH, "LSTM": LSTM_WIDTH},
        "input_clip": INPUT_CLIP,
        "stable_sets": {name: repr(row.stable_set) for name, row in ROWS.items()},
    },
    unit="nats per frame: summed over 88 keys, averaged over the predicted frames",
    data={"jsb": JSB_CHORALES},
    summary=lambda points: {"stable_sets": {name: row.stable_set.describe() for name, row in ROWS.items()}},
)
