"""Copying after a silence: context length decides, and it can be computed before anything is trained.

Every answer lies ``lag`` steps back.  A model whose context is longer can learn to copy.  One whose context is at
most ``lag`` sees the same whatever the answer is, so that no training brings it above chance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from lessons_lib.corpora import CopyMemory
from lessons_lib.experiments.training import from_seed, trained
from lessons_lib.models import GRU, LSTM, TCN, LanguageModel, TanhRNN, evaluating
from lessons_lib.training import Settings, default_device

DELAY, LENGTH, SYMBOLS, BATCH_SIZE = 40, 5, 8, 32
WIDTH = 32
STEPS = 300  # a TCN that sees far enough is done
LEARNING_RATE = 4e-3
RECURRENT: dict[str, Any] = {"tanh-RNN": TanhRNN, "GRU": GRU, "LSTM": LSTM}
HELD_OUT_SEED = 10_000


def task(delay: int = DELAY, *, seed: int = 0, batches: int = 1000) -> CopyMemory:
    """Five symbols of eight, a silence of ``delay`` steps, recall: every answer lies delay + 5 steps back."""
    return CopyMemory(
        delay, SYMBOLS, LENGTH, batch_size=BATCH_SIZE, batches=batches, seed=seed, device=default_device()
    )


def tcn(layers: int) -> Callable[[], TCN]:
    """5 layers see 63 tokens, enough for a delay of 40; 4 layers see 31."""
    return lambda: TCN(WIDTH, WIDTH, layers)


def recurrent(kind: str) -> Callable[[], Any]:
    """A rival, "tanh-RNN", "GRU" or "LSTM", of one layer: its width makes up for the TCN's ten."""
    return lambda: RECURRENT[kind](WIDTH, 3 * WIDTH)


@from_seed
def factory(core: Callable[[], Any], delay: int = DELAY, seed: int = 0) -> tuple[LanguageModel, CopyMemory]:
    """The model around a core, and its batches."""
    batches = task(delay, seed=seed)
    model = LanguageModel(core(), batches.vocabulary_size, WIDTH)
    torch.nn.init.normal_(model.embedding.weight)
    return model, batches


def settings(delay: int = DELAY) -> Settings:
    """For Adam.  The gradient reaches over the whole batch; clipping it to norm 1 takes twice the steps."""
    return Settings(truncation_length=task(delay).steps, learning_rate=LEARNING_RATE)


@torch.no_grad()
def accuracy(model: LanguageModel, delay: int = DELAY, *, batches: int = 20) -> float:
    """Share of right answers on batches that no training has seen; 1/8 is chance."""
    with evaluating(model):
        right = scored = 0
        for inputs, targets in task(delay, seed=HELD_OUT_SEED, batches=batches):
            features, _ = model(inputs)
            asked = targets >= 0
            right += int((model.logits(features[asked]).argmax(-1) == targets[asked]).sum())
            scored += int(asked.sum())
        return right / scored


@dataclass(frozen=True)
class Copied:
    """One training: losses in nats per answer and step, accuracy at its end, and what the model could see."""

    loss: list[float]
    accuracy: float
    context_length: int | None
    parameters: int


def learn(core: Callable[[], Any], delay: int = DELAY, *, steps: int = STEPS, seed: int = 0) -> Copied:
    """Train on fresh batches with Adam, then score on held-out ones."""
    done = trained(factory(core, delay, seed), settings(delay), steps=steps, seed=seed)
    return Copied(done.losses.tolist(), accuracy(done.model, delay), done.model.context_length, done.parameters)
