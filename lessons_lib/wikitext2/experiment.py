"""The study as an experiment: the table's rows, what stability costs, and whether the price stays; a file for each."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from lessons_lib.corpora.download import WIKITEXT2
from lessons_lib.experiments.artefact import artefact_name, read_artefact
from lessons_lib.experiments.experiment import Case, Experiment, Result, grid, read
from lessons_lib.files import checkpoints_folder, results_folder
from lessons_lib.training import default_device
from lessons_lib.wikitext2.cost import BOUNDS
from lessons_lib.wikitext2.rows import ROWS, at_bound, changed_row, config_of
from lessons_lib.wikitext2.table import SEEDS
from lessons_lib.wikitext2.training import RowTraining, load_corpus, publish

PRESET = "laptop"
SAME_PRESS = 0.5  # seconds: who runs a command for somebody else may forward a Ctrl-C that it has heard already
# A search trains for one epoch: does another rate do better over six?  Asked of the row all others are held against.
OTHER_RATES = {"lstm-unstable": (0.008,)}
# Does the price stay for a larger model, trained for longer?  One seed of each, on the desk preset.
AT_THE_DESK = (
    *("lstm-unstable", "linear-stable", "lstm-stable", "qrnn-stable", "linear-unstable"),
    *("lstm-stable-wide", "rnn-unstable", "rnn-stable"),
)


def row_training(
    row: str,
    seed: int,
    bound: float | None = None,
    rate: float | None = None,
    *,
    preset: str = PRESET,
    corpus: str = "wikitext2",
    device: str | None = None,
    checkpoints: Path | None = None,
) -> RowTraining:
    """One row with one seed.

    ``bound``: another λ or forget ceiling than the row's own, for what stability costs; ``rate``: another learning
    rate.

    Raises:
        ValueError: unknown row or preset, or a bound that the row has not.
    """
    config = config_of(row, preset)
    if bound is not None:
        config = at_bound(row, config, bound)
    if rate is not None:
        config = replace(config, learning_rate=rate)
    folder = checkpoints or checkpoints_folder()
    name = changed_row(row, bound, rate)
    return RowTraining(name, preset, config, load_corpus(corpus), seed, default_device(device), folder)


def finish(training: RowTraining, folder: Path | None = None) -> Path:
    """Train to the end, from the checkpoint if there is one, with a bar on stderr; certify and publish.

    Raises:
        KeyboardInterrupt: stopped by hand; the checkpoint is written first, between two steps.  A second Ctrl-C
            stops at once and writes none: what is left is the last one, if there is any.
    """
    training.resume()
    often = 0.1 if sys.stderr.isatty() else 30.0  # seconds; a log file keeps every line
    start = training.state.step
    bar = tqdm(total=training.steps, initial=start, unit="step", desc=training.name, mininterval=often)
    with bar, _interrupts() as asked:
        for progress in training.train():
            bar.update(progress.step - bar.n)
            if progress.curve:
                bar.set_postfix(valid=f"{progress.curve[-1]['valid_perplexity']:.1f}", refresh=False)
            if asked:
                training.save()
                raise KeyboardInterrupt
    return publish(training, folder)


@contextmanager
def _interrupts() -> Iterator[list[float]]:
    """When Ctrl-C was first pressed in here: it is only noted, for a step cannot be resumed half-way; the second
    interrupts.

    Where Ctrl-C is ignored (a script's background) or handled by somebody else, it is left to them, and so it is
    outside the main thread, which alone hears it.
    """
    asked: list[float] = []

    def note(number: int, frame: Any) -> None:
        if not asked:
            asked.append(time.monotonic())
            with suppress(OSError):  # past the buffers: the bar may be in the middle of a line
                os.write(2, b"\nstopping after this step; press Ctrl-C again to stop at once\n")
        elif time.monotonic() - asked[0] >= SAME_PRESS:
            signal.default_int_handler(number, frame)

    main = threading.current_thread() is threading.main_thread()
    usual = main and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if usual:
        signal.signal(signal.SIGINT, note)
    try:
        yield asked
    finally:
        if asked:  # the same press may still be on its way
            time.sleep(max(0.0, asked[0] + SAME_PRESS - time.monotonic()))
        if usual:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def train_row(
    row: str,
    seed: int,
    bound: float | None = None,
    rate: float | None = None,
    preset: str = PRESET,
    folder: Path | None = None,
) -> dict[str, Any]:
    """Train, certify and publish one case."""
    content = read_artefact(finish(row_training(row, seed, bound, rate, preset=preset), folder))
    return {key: content[key] for key in ("row", "seed", "valid_perplexity", "test_perplexity")}


def file_of(row: str, seed: int, bound: float | None = None, rate: float | None = None, preset: str = PRESET) -> str:
    """The name of a case's file."""
    return artefact_name("wikitext2", changed_row(row, bound, rate), preset, seed)


@dataclass(frozen=True)
class Rows(Experiment[dict[str, Any]]):
    """An experiment whose cases have a file each, which ``measure`` writes, with a config of its own."""

    def read(self, folder: Path | None = None) -> Result[dict[str, Any]]:
        """All files that are there."""
        there = [file_of(**case) for case in self.known(folder) if case not in self.missing(folder)]
        return Result([read(file, folder).points[0] for file in there], {}, {}, {})

    def missing(self, folder: Path | None = None) -> list[Case]:
        """The cases without a file."""
        there = folder or results_folder()
        return [case for case in self.known(folder) if not (there / f"{file_of(**case)}.json").exists()]

    def add(self, case: Case, folder: Path | None = None) -> dict[str, Any]:
        """Make a case's file."""
        return self.measure(**case, folder=folder)  # type: ignore[return-value]


STUDY = Rows(
    "wikitext2",
    "the WikiText-2 table, what stability costs, and a larger model: a file for each training",
    # One seed of all bounds before the next.
    grid(row=ROWS, seed=SEEDS)
    + [{"row": row, "bound": bound, "seed": seed} for seed in SEEDS for row in BOUNDS for bound in BOUNDS[row]]
    + [
        {"row": row, "rate": rate, "seed": seed}
        for row, rates in OTHER_RATES.items()
        for rate in rates
        for seed in SEEDS
    ]
    + grid(row=AT_THE_DESK, preset=["desk"], seed=[0]),
    train_row,
    dict,
    data=WIKITEXT2,
)
