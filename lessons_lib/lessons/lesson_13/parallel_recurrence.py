"""Recurrent and parallel: a stable linear recurrence beside an LSTM and a TCN, by perplexity and by speed.

``python -m lessons_lib.lessons.lesson_13.parallel_recurrence`` writes ``parallel_recurrence.json``.

All three learn the language of ``linear_language``, whose best perplexity is known.  Speed is
measured in the two situations that tell the families apart: a training step on a long sequence, where what can be
computed side by side wins, and one token after the other, where a small state wins.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from lessons_lib.corpora import Stream
from lessons_lib.experiments.artefact import read_artefact, results_folder, write_artefact
from lessons_lib.experiments.machine import device_name, shortest
from lessons_lib.lessons.lesson_13.linear_language import BATCH_SIZE, BOUND, FRESH_TOKENS, LANGUAGE, STEPS, UNITS, WIDTH
from lessons_lib.models import LSTM, TCN, LanguageModel, LinearRecurrence
from lessons_lib.stability import EigenvalueDisc
from lessons_lib.training import Settings, default_device, perplexity, train

# Of nearly the same size, about 15,000 parameters with embedding and softmax.
CORES: dict[str, Callable[[], Any]] = {
    "linear recurrence": lambda: LinearRecurrence(WIDTH, WIDTH, units=UNITS, bound=BOUND),
    "LSTM": lambda: LSTM(WIDTH, 46),
    "TCN": lambda: TCN(WIDTH, 30, 4),  # sees 31 tokens; the language needs 16
}


def model_of(name: str, seed: int = 0) -> LanguageModel:
    """The language model around one of CORES.

    Raises:
        ValueError: an unknown name.
    """
    if name not in CORES:
        raise ValueError(f"no core {name!r}: choose one of {', '.join(CORES)}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LanguageModel(CORES[name](), LANGUAGE.vocabulary_size, WIDTH)
    return model.to(default_device())


@dataclass(frozen=True)
class Learned:
    """Perplexity on a fresh sample divided by the best possible one; the certified rate, None where there is none."""

    ratio: float
    rate: float | None
    parameters: int
    seconds: float


def learn(name: str, seed: int, *, steps: int = 300) -> Learned:
    """Train with Adam for ``steps`` steps of 16 x 128 tokens, full backpropagation, and score."""
    model = model_of(name, seed)
    stream = Stream(LANGUAGE.sample(400_000, seed=seed).to(default_device()), BATCH_SIZE, STEPS)
    how = Settings(STEPS, learning_rate=5e-3, gradient_clip=1.0)
    began = time.monotonic()
    for _ in train(model, stream, how, steps=steps, seed=seed, optimizer="adam"):
        pass
    taken = time.monotonic() - began
    fresh = LANGUAGE.sample(FRESH_TOKENS, seed=1_000_000 + seed)
    ratio = perplexity(model, fresh) / math.exp(LANGUAGE.optimal_loss(None))
    rate = EigenvalueDisc(BOUND).rate(model)
    certified = rate if math.isfinite(rate) else None
    return Learned(ratio, certified, sum(p.numel() for p in model.parameters()), taken)


def training_speed(name: str, *, batch_size: int = 4, steps: int = 1024) -> float:
    """Tokens a second of loss and gradient on sequences of ``steps`` tokens, the fastest of three."""
    model = model_of(name)
    tokens = LANGUAGE.sample(batch_size * (steps + 1), seed=0).view(batch_size, steps + 1).to(default_device())

    def step() -> float:
        model.zero_grad(set_to_none=True)
        loss = model.loss(model(tokens[:, :-1])[0], tokens[:, 1:])
        loss.backward()
        return loss.item()  # waits for the device

    return batch_size * steps / shortest(step)


def reading_speed(name: str, *, steps: int = 200) -> float:
    """Tokens a second when one token is read after the other with the state carried along, the fastest of three."""
    model = model_of(name).eval()
    tokens = LANGUAGE.sample(steps, seed=0)[None].to(default_device())

    @torch.no_grad()
    def read() -> float:
        state = None
        for t in range(steps):
            features, state = model(tokens[:, t : t + 1], state)
        return model.logits(features).sum().item()

    return steps / shortest(read)


def speeds(rounds: int = 3) -> dict[str, dict[str, float]]:
    """Both speeds of every core, taken in turn: the fastest of ``rounds``, because other work only slows down."""
    found: dict[str, dict[str, float]] = {name: {"training": 0.0, "reading": 0.0} for name in CORES}
    for _ in range(rounds):
        for name, speed in found.items():
            speed["training"] = max(speed["training"], training_speed(name))
            speed["reading"] = max(speed["reading"], reading_speed(name))
    return found


def artefact_path() -> Path:
    return results_folder() / "parallel_recurrence.json"


def read() -> dict[str, Any]:
    """The artefact: ``learned`` and ``speed``, by the name of the core."""
    return read_artefact(artefact_path())


def main(seeds: Sequence[int] = (0, 1, 2), steps: int = 300) -> None:
    """Train all three with three seeds, measure both speeds, print and write the artefact."""
    learned: dict[str, list[dict[str, Any]]] = {}
    for name in CORES:
        learned[name] = []
        for seed in seeds:
            found = learn(name, seed, steps=steps)
            learned[name].append({"seed": seed, **asdict(found)})
            print(f"{name} seed {seed}: {found}", flush=True)
    speed = speeds()
    print(f"tokens a second: {speed}")
    config = {"steps": steps, "width": WIDTH, "units": UNITS, "bound": BOUND, "language": repr(LANGUAGE)}
    write_artefact(
        artefact_path(),
        {
            "study": "parallel_recurrence",
            "config": config,
            "device": device_name(default_device()),
            "learned": learned,
            "speed": speed,
        },
    )


if __name__ == "__main__":
    main()
