"""Recurrent and convolutional models of Bach's chorales, beside the figures of Bai et al. 2018 (table 1).

``python -m lessons_lib.lessons.lesson_06.chorale_families`` writes
``data/results/chorale_families.json``: ``points``, one for each family, recipe and
seed.  Every recipe of a family is tried with the first seed; the one with the lowest
validation loss is trained with the others too, and its test losses are what the family is compared by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from lessons_lib.corpora import jsb_chorales
from lessons_lib.corpora.download import JSB_CHORALES
from lessons_lib.corpora.music import KEYS
from lessons_lib.experiments import chorales
from lessons_lib.experiments.artefact import read_artefact, results_folder
from lessons_lib.experiments.gather import gather
from lessons_lib.experiments.machine import device_name
from lessons_lib.models import GRU, LSTM, TCN, TanhRNN
from lessons_lib.models.size import parameter_count
from lessons_lib.training import Settings

# Reported: nats per frame on the test pieces (Bai, Kolter & Koltun 2018, arXiv 1803.01271, table 1).
REPORTED = {"RNN": 8.91, "LSTM": 8.45, "GRU": 8.43, "TCN": 8.10}
SEEDS = (0, 1, 2)
RECURRENT: dict[str, Callable[[int, int], Any]] = {"RNN": TanhRNN, "LSTM": LSTM, "GRU": GRU}
TCN_LAYERS, TCN_KERNEL = 2, 3  # a context of 13 frames
BATCH_SIZE = 16


@dataclass(frozen=True)
class Recipe:
    """How a family is trained: the learning rate falls in a line to zero over the epochs."""

    width: int
    dropout: float
    learning_rate: float
    epochs: int

    def core(self, family: str) -> Any:
        """A fresh core of the family; ValueError for an unknown one."""
        if family == "TCN":
            return TCN(KEYS, self.width, TCN_LAYERS, TCN_KERNEL, dropout=self.dropout)
        if family not in RECURRENT:
            raise ValueError(f"unknown family {family!r}: choose one of {', '.join(REPORTED)}")
        return RECURRENT[family](KEYS, self.width)


# Picked by hand, after trials with the first seed that no artefact holds.
TRIED: dict[str, tuple[Recipe, ...]] = {
    "RNN": (Recipe(64, 0.0, 6e-3, 300), Recipe(100, 0.0, 3e-3, 300)),
    "LSTM": (Recipe(200, 0.2, 2e-2, 120), Recipe(150, 0.2, 1.5e-2, 120)),
    "GRU": (Recipe(150, 0.2, 1e-2, 100), Recipe(150, 0.3, 1.5e-2, 120)),
    "TCN": (Recipe(200, 0.5, 5e-3, 60), Recipe(300, 0.6, 4e-3, 60)),
}


def learn(
    family: str, seed: int, recipe: Recipe, *, reading: chorales.Music | None = None
) -> tuple[chorales.ChoraleModel, dict[str, Any]]:
    """Train one model, keep its best epoch on the validation pieces, and score that on the test pieces.

    Returns the model and its point: family, seed, the recipe, parameters, epoch, valid, test (nats per frame), and
    the seconds of processor that it took.  ValueError for an unknown family.
    """
    reading = reading or chorales.music()
    # A TCN drops its channels itself.
    dropout = 0.0 if family == "TCN" else recipe.dropout
    build = chorales.factory_of(
        lambda: recipe.core(family), seed, epochs=recipe.epochs, reading=reading, dropout=dropout, batch_size=BATCH_SIZE
    )
    model, batches = build()
    settings = Settings(batches.steps, learning_rate=recipe.learning_rate, gradient_clip=chorales.GRADIENT_CLIP)
    fit = chorales.fit_model(model, batches, settings, epochs=recipe.epochs, seed=seed, reading=reading, falling=True)
    return fit.model, {
        "family": family,
        "seed": seed,
        **asdict(recipe),
        "parameters": parameter_count(fit.model),
        "epoch": fit.epoch,
        "valid": fit.valid[fit.epoch - 1],
        "test": chorales.score(fit.model, reading.pieces.test),
        "seconds": round(fit.seconds, 1),
    }


def chosen(points: Sequence[dict[str, Any]], family: str) -> Recipe | None:
    """The recipe with the family's lowest validation loss for the first seed; None while none was tried."""
    tried = [point for point in points if point["family"] == family and point["seed"] == SEEDS[0]]
    if not tried:
        return None
    best = min(tried, key=lambda point: point["valid"])
    return Recipe(*(best[name] for name in Recipe.__dataclass_fields__))


def study(
    path: Path,
    seeds: Iterable[int] = SEEDS,
    tried: dict[str, tuple[Recipe, ...]] = TRIED,
    tell: Callable[[str], None] = lambda line: None,
) -> None:
    """Try every recipe, train the chosen ones with every seed: writes the artefact, and goes on with one half done.

    Raises:
        DataUnavailable: the chorales are neither here nor to be had.
    """
    torch.set_num_threads(1)
    reading = chorales.Music(chorales.JSB_LABEL, jsb_chorales())
    content = {
        "study": "chorale_families",
        "unit": "nats per frame: summed over 88 keys, averaged over the predicted frames",
        "config": {
            "batch_size": BATCH_SIZE,
            "gradient_clip": chorales.GRADIENT_CLIP,
            "optimizer": "adam, falling in a line to zero",
            "tcn": {"layers": TCN_LAYERS, "kernel_size": TCN_KERNEL},
        },
        "data_sha256": {"jsb": JSB_CHORALES.sha256},
        "device": device_name(torch.device("cpu")),
    }

    def measure(family: str, seed: int, **recipe: Any) -> dict[str, Any]:
        return learn(family, seed, Recipe(**recipe), reading=reading)[1]

    def job(family: str, seed: int, recipe: Recipe) -> dict[str, Any]:
        return {"family": family, "seed": seed, **asdict(recipe)}

    search = [job(family, SEEDS[0], recipe) for family, recipes in tried.items() for recipe in recipes]
    points = gather(path, content, search, measure, tell)
    best = {family: recipe for family in tried if (recipe := chosen(points, family))}
    gather(path, content, [job(f, seed, recipe) for seed in seeds for f, recipe in best.items()], measure, tell)


def published() -> dict[str, list[dict[str, Any]]]:
    """The points of each family's chosen recipe, one a seed; a family that was not trained is missing.

    Raises:
        OSError: ``python -m lessons_lib.lessons.lesson_06.chorale_families`` was not run.
    """
    points = read_artefact(results_folder() / "chorale_families.json")["points"]
    best = {family: asdict(recipe) for family in REPORTED if (recipe := chosen(points, family))}
    return {
        family: [p for p in points if p["family"] == family and recipe.items() <= p.items()]
        for family, recipe in best.items()
    }


def main() -> None:
    """Write the artefact: about half an hour of one CPU core."""
    study(results_folder() / "chorale_families.json", tell=print)


if __name__ == "__main__":
    main()
