"""The first minute: a tanh-RNN that remembers everything, until its spectral bound λ is pulled below 1.

The start is a bad one on purpose, W = 2 x orthogonal: a small difference in the state grows until tanh stops it,
so that every prediction depends on the whole past, and on nothing that helps.  Two rivals make the comparison fair,
see ``RIVALS``: a run that is bounded from its first step, and one with PyTorch's ordinary start and no bound.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from lessons_lib.corpora import Stream
from lessons_lib.corpora.download import WIKITEXT2
from lessons_lib.experiments.experiment import Experiment, grid
from lessons_lib.experiments.reading import SAMPLE, WORDS, Text, text
from lessons_lib.experiments.training import from_seed
from lessons_lib.models import LanguageModel, TanhRNN
from lessons_lib.runs import Probe
from lessons_lib.stability import SpectralBall, gradient_by_lag, singular_values, truncation_error
from lessons_lib.training import Settings, TrainingState, default_device, train, training_step
from lessons_lib.training.checkpoint import settings_to_json

WIDTH, BATCH_SIZE, STEPS = 96, 20, 50
INPUT_STD = 0.1
BOUND = 0.9
CONTEXT_LENGTH = 20
LAST = 20  # steps over which a final loss is averaged
STEPS_OF_A_RIVAL = 600


@from_seed
def factory(
    seed: int = 0, reading: Text | None = None, *, start: str = "2 x orthogonal"
) -> tuple[LanguageModel, Stream]:
    """The model and its stream; W is 2 x orthogonal, or with another ``start`` as PyTorch makes it."""
    source = reading or text()
    model = LanguageModel(TanhRNN(WIDTH, WIDTH), source.vocabulary_size, WIDTH)
    torch.nn.init.normal_(model.embedding.weight, std=INPUT_STD)
    if start == "2 x orthogonal":
        torch.nn.init.orthogonal_(model.core.cells[0].weight_hh_l0, gain=2.0)
    return model, Stream(source.train.to(default_device()), BATCH_SIZE, STEPS, unit=source.unit)


def settings() -> Settings:
    """Full backpropagation inside a step of 50 words, SGD at 2 clipped at .25, no bound."""
    return Settings(truncation_length=STEPS, learning_rate=2.0, gradient_clip=0.25)


def probe(reading: Text | None = None) -> Probe:
    """What the panel measures about once a second; little text, because a slider's move waits for it to end."""
    source = reading or text()
    held_out = Stream(source.held_out, 1, 1_000)[0]
    return Probe(held_out, source.sample()[:1, :61], writer=source.writer())


@dataclass(frozen=True)
class Pull:
    """What happened when λ was pulled: losses in nats per step, from the pull on, and two measurements.

    ``error``: truncation error of the logits at k = 20, ``gradient``: gradient norm at lag 20 relative to lag 0,
    each (before the pull, a few steps after it); ``final``: mean loss of the last 20 steps of the (pulled run, twin).
    """

    loss: list[float]
    twin_loss: list[float]
    error: tuple[float, float]
    gradient: tuple[float, float]

    @property
    def final(self) -> tuple[float, float]:
        return sum(self.loss[-LAST:]) / LAST, sum(self.twin_loss[-LAST:]) / LAST


def pull(seed: int, *, at: int, steps: int, after: int = 5, reading: Text | None = None) -> Pull:
    """Train without a bound for ``at`` steps, then on to ``steps`` with λ = 0.9; beside it the twin left alone.

    The twin goes on from the same state, on the same data.  ``after`` steps behind the pull the errors are
    measured again.

    Raises:
        ValueError: fewer than 20 steps after the pull, or ``after`` beyond them.
    """
    if steps - at < max(LAST, after):
        raise ValueError(f"at={at}, steps={steps}: leave at least {max(LAST, after)} steps after the pull")
    source = reading or text()
    model, stream = factory(seed, source)()
    state = TrainingState.begin(model, stream)
    free, bounded = settings(), replace(settings(), stable_set=SpectralBall(BOUND))
    for _ in range(at):
        training_step(state, free)
    twin = copy.deepcopy(state, {id(stream): stream})
    sample = source.sample().to(default_device())
    error, gradient = [_error(model, sample)], [_gradient(model, sample)]
    losses, twin_losses = [], []
    for step in range(steps - at):
        losses.append(training_step(state, bounded).loss)
        if step + 1 == after:
            error.append(_error(model, sample))
            gradient.append(_gradient(model, sample))
    for _ in range(steps - at):
        twin_losses.append(training_step(twin, free).loss)
    return Pull(
        torch.stack(losses).tolist(),
        torch.stack(twin_losses).tolist(),
        (error[0], error[1]),
        (gradient[0], gradient[1]),
    )


@dataclass(frozen=True)
class Rival:
    """One run of ``STEPS_OF_A_RIVAL`` steps: ``loss`` is the mean of its last 20, in nats a word, ``norm`` the largest
    singular value of its W at the end, ``error`` the truncation error of its logits at k = 20."""

    start: str
    bound: float | None
    seed: int
    loss: float
    norm: float
    error: float


def rival(
    start: str, bound: float | None, seed: int, *, steps: int = STEPS_OF_A_RIVAL, reading: Text | None = None
) -> Rival:
    """Train from a start, under a bound from the first step on or under none."""
    source = reading or text()
    model, stream = factory(seed, source, start=start)()
    free = settings()
    used = free if bound is None else replace(free, stable_set=SpectralBall(bound))
    losses = torch.stack([record.loss for record in train(model, stream, used, steps=steps)])
    error = _error(model, source.sample().to(default_device()))
    return Rival(start, bound, seed, float(losses[-LAST:].mean()), float(singular_values(model)[0].max()), error)


# How models are trained and measured, here and in the replay.
TRAINING = {
    "width": WIDTH,
    "input_std": INPUT_STD,
    "batch_size": BATCH_SIZE,
    "words": WORDS,
    "optimizer": "sgd",
    "settings": settings_to_json(settings()),
    "context_length": CONTEXT_LENGTH,
    "sample": SAMPLE,
}
RIVALS: Experiment[Rival] = Experiment(
    "first_minute_rivals",
    "the first minute's model from a bad start and from an ordinary one, with and without a bound",
    grid(start=("2 x orthogonal", "PyTorch's own"), bound=(None, BOUND), seed=range(3)),
    rival,
    Rival,
    {**TRAINING, "steps": STEPS_OF_A_RIVAL, "averaged_steps": LAST},
    unit="loss in nats a word, error in logits",
    data=WIKITEXT2,
    summary=lambda points: {"text": text().label},
)


def _error(model: LanguageModel, sample: Tensor) -> float:
    return float(truncation_error(model, sample, [CONTEXT_LENGTH])[0])


def _gradient(model: LanguageModel, sample: Tensor) -> float:
    norms = gradient_by_lag(model, sample, CONTEXT_LENGTH)
    return float(norms[CONTEXT_LENGTH] / norms[0])
