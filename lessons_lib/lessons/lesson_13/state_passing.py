"""Trained short, read long: a model meets states that it has never trained from, and one switch cures it.

A recurrent model whose every training sequence starts at zero knows the states of its first T steps only.  Where it
hardly forgets, its states still grow after that, and what stands behind them has to read what it never saw (Buitrago
Ruiz & Gu 2025, arXiv 2507.02782: "unexplored states").  *State passing* starts each training sequence from the last
state of the one before, as a stream in reading order does.  A model that forgets within T steps needs no cure.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lessons_lib.corpora import ProductOfLags, Stream
from lessons_lib.experiments.experiment import Experiment, grid
from lessons_lib.experiments.training import from_seed
from lessons_lib.models import LanguageModel, LinearRecurrence, evaluating
from lessons_lib.models.size import parameter_count
from lessons_lib.runs import Measurements
from lessons_lib.training import Settings, TrainingState, default_device, train

LANGUAGE = ProductOfLags(lags=(2, 7), flips=(0.05, 0.05))
WIDTH, UNITS, BATCH_SIZE, LENGTH = 32, 64, 32, 32
READ, ROWS = 1024, 32
LEARNING_RATE, GRADIENT_CLIP = 5e-3, 1.0
SEEDS = (0, 1, 2)
TRAINING_TOKENS, HELD_OUT_SEED = 600_000, 1_000_000
# |λ| of every unit at the start, spread evenly: over 32 steps the one hardly forgets, the other does.
RADII = {"forgets slowly": (0.99, 1.0), "forgets soon": (0.5, 0.8)}


@dataclass
class Passed:
    """A stream whose state is carried from batch to batch, or not: a switch that may be turned while a model trains."""

    stream: Stream
    carries_state: bool = False

    @property
    def steps(self) -> int:
        return self.stream.steps

    def __len__(self) -> int:
        return len(self.stream)

    def __getitem__(self, index: int, /) -> tuple[Tensor, Tensor]:
        return self.stream[index]


@dataclass(frozen=True)
class Mode:
    """For how many steps a model starts from zero states, and then from passed ones."""

    from_zero: int
    passed: int


MODES = {"zero states": Mode(500, 0), "state passing": Mode(0, 500), "zero, then passing": Mode(400, 100)}


@from_seed
def factory(memory: str, seed: int = 0, *, passed: bool = False) -> tuple[LanguageModel, Passed]:
    """The model and its stream of 32 tokens a step."""
    low, high = RADII[memory]
    core = LinearRecurrence(WIDTH, WIDTH, units=UNITS, bound=1.0)
    layer: Any = core.blocks[0]
    sizes, angles = torch.linspace(low, high, UNITS + 1)[:-1], math.pi * (2 * torch.rand(UNITS) - 1)
    layer.recurrence.set_eigenvalues_(torch.polar(sizes, angles), torch.ones(UNITS, dtype=torch.bool))
    model = LanguageModel(core, LANGUAGE.vocabulary_size, WIDTH)
    tokens = LANGUAGE.sample(TRAINING_TOKENS, seed=seed).to(default_device())
    return model, Passed(Stream(tokens, BATCH_SIZE, LENGTH), passed)


def settings() -> Settings:
    """For Adam, the gradient reaching over the 32 steps, passed state or not."""
    return Settings(LENGTH, learning_rate=LEARNING_RATE, gradient_clip=GRADIENT_CLIP)


@torch.no_grad()
def loss_by_position(model: LanguageModel, *, read: int = READ) -> list[tuple[int, float]]:
    """Mean nats a token on fresh text read from a zero state, in stretches that double.

    Returns:
        (last position, loss) of positions 9 to 32 (by then the longest lag is in sight), 33 to 64, 65 to 128, ...
    """
    tokens = LANGUAGE.sample(ROWS * (read + 1), seed=HELD_OUT_SEED).view(ROWS, read + 1).to(default_device())
    with evaluating(model):
        predicted, _ = model.log_probabilities(tokens[:, :-1])
    losses = -predicted.gather(-1, tokens[:, 1:, None])[..., 0].mean(0)
    ends = [LENGTH * 2**i for i in range(int(math.log2(read / LENGTH)) + 1)]
    starts = [max(LANGUAGE.lags) + 1, *ends]
    return [(end, float(losses[start:end].mean())) for start, end in zip(starts, ends, strict=False)]


@torch.no_grad()
def probe(model: LanguageModel, _: Settings, *, read: int = 256, rows: int = 4) -> Measurements:
    """What a live run shows: the held-out loss past the training length, and what forgetting costs there.

    The loss is that of tokens 33 to ``read``.  The error is the largest distance of the last logits from those of a
    model that read the last 1, 2, 3, ..., 64 tokens alone: what of the older ones is still in use.
    """
    tokens = LANGUAGE.sample(rows * (read + 1), seed=HELD_OUT_SEED).view(rows, read + 1).to(default_device())
    logits = model.logits(model(tokens[:, :-1])[0])
    loss = torch.nn.functional.cross_entropy(logits[:, LENGTH:].flatten(0, 1), tokens[:, LENGTH + 1 :].flatten())
    apart = [
        (model.logits(model(tokens[:, -1 - k : -1])[0][:, -1]) - logits[:, -1]).norm(dim=-1).max()
        for k in range(1, 2 * LENGTH + 1)
    ]
    return Measurements(held_out_loss=float(loss), truncation_error=torch.stack(apart).tolist())


@torch.no_grad()
def state_growth(model: LanguageModel, *, read: int = READ) -> float:
    """Root mean square of the state after ``read`` tokens, over that after the 32 of a training sequence."""
    tokens = LANGUAGE.sample(ROWS * read, seed=HELD_OUT_SEED).view(ROWS, read).to(default_device())
    with evaluating(model):
        sizes = [float(model(tokens[:, :length])[1].square().mean().sqrt()) for length in (LENGTH, read)]
    return sizes[1] / sizes[0]


@dataclass(frozen=True)
class Point:
    """One training: mean nats a token up to each position, see :func:`loss_by_position`, and the state's growth.

    ``training_losses``: means over tenths of the training, in nats a token.
    """

    memory: str
    mode: str
    seed: int
    positions: list[int]
    loss: list[float]
    state_growth: float
    training_losses: list[float]
    parameters: int


def point(memory: str, mode: str, seed: int) -> Point:
    """Train one model as the mode says, by Adam on equal steps, and read 32 times further than it was trained."""
    model, stream = factory(memory, seed)()
    state = TrainingState.begin(model, stream, seed=seed, optimizer="adam")
    losses: list[Tensor] = []
    for carries, steps in ((False, MODES[mode].from_zero), (True, MODES[mode].passed)):
        stream.carries_state = carries
        losses += [record.loss for record in train(model, stream, settings(), steps=len(losses) + steps, state=state)]
    by_position = loss_by_position(model)
    return Point(
        memory,
        mode,
        seed,
        positions=[end for end, _ in by_position],
        loss=[loss for _, loss in by_position],
        state_growth=state_growth(model),
        training_losses=[float(part.mean()) for part in torch.stack(losses).chunk(10)],
        parameters=parameter_count(model),
    )


PASSING = Experiment(
    "state_passing",
    "a linear recurrence read beyond its training length, with and without passed states",
    grid(memory=RADII, seed=SEEDS, mode=MODES),
    point,
    Point,
    {
        "language": repr(LANGUAGE),
        "training_tokens": TRAINING_TOKENS,
        "held_out": {"rows": ROWS, "read": READ, "seed": HELD_OUT_SEED},
        "optimum": LANGUAGE.optimal_loss(None),
        "width": WIDTH,
        "units": UNITS,
        "radii": RADII,
        "batch_size": BATCH_SIZE,
        "length": LENGTH,
        "modes": {name: [mode.from_zero, mode.passed] for name, mode in MODES.items()},
        "optimizer": "adam",
        "learning_rate": LEARNING_RATE,
        "gradient_clip": GRADIENT_CLIP,
    },
    unit="nats a token",
)
