"""The study's table, rebuilt from its artefacts."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lessons_lib.experiments.artefact import mean_and_range, read_artefact, results_folder
from lessons_lib.wikitext2.rows import ROWS, config_of

SEEDS = (0, 1, 2)

# Reported, not measured here.  Test perplexities of the authors' blog post of 2018; the ICLR 2019 paper's own
# table could not be read by this project.
REPORTED = {"rnn-unstable": 146.7, "rnn-stable": 143.5, "lstm-unstable": 92.3, "lstm-stable": 95.1}
REPORTED_SOURCE = "Miller & Hardt, When recurrent models don't need to be recurrent, blog post, 2018"

# What figures call each row: a family keeps its colour and its dash throughout the course.
FAMILIES = {
    "rnn-unstable": "RNN",
    "rnn-stable": "stable RNN",
    "lstm-unstable": "LSTM",
    "lstm-clipped": "clipped LSTM",
    "lstm-stable": "stable LSTM",
    "lstm-stable-wide": "wide stable LSTM",
    "lstm-published-code": "published LSTM",
    "linear-unstable": "linear recurrence",
    "linear-stable": "stable linear recurrence",
    "qrnn-unstable": "QRNN",
    "qrnn-stable": "stable QRNN",
}


@dataclass(frozen=True)
class TableRow:
    """One row of the table under one preset: its artefacts by seed, and what is missing."""

    row: str
    preset: str
    artefacts: dict[int, dict[str, Any]]

    @property
    def missing(self) -> list[int]:
        """The seeds without an artefact."""
        return [seed for seed in SEEDS if seed not in self.artefacts]

    def values(self, key: str) -> list[float]:
        """One value per seed, in order of the seeds."""
        return [artefact[key] for _, artefact in sorted(self.artefacts.items())]

    def on_pages(self, context_length: int | None = None) -> list[float]:
        """Perplexity on the pages of :mod:`lessons_lib.wikitext2.forgetting`, one for each seed measured there.

        Args:
            context_length: the words that a prediction sees; None: all of its page up to there.

        Raises:
            ValueError: no such length was measured.
        """
        seeds = [one["forgetting"] for _, one in sorted(self.artefacts.items()) if "forgetting" in one]
        if context_length is None:
            return [math.exp(one["whole"]) for one in seeds]
        return [math.exp(one["loss"][one["lengths"].index(context_length)]) for one in seeds]


def read_table(preset: str, corpus: str = "wikitext2", folder: Path | None = None) -> list[TableRow]:
    """Every row of the study under a preset, complete or not."""
    found = _by_row(f"{corpus}-*-{preset}-seed*.json", folder)
    return [TableRow(row, preset, found[row]) for row in ROWS]


def at_other_rates(preset: str, corpus: str = "wikitext2", folder: Path | None = None) -> list[TableRow]:
    """The rows that were trained at another learning rate than their own too, by name and rate: row@rate."""
    found = _by_row(f"{corpus}-*@rate*-{preset}-seed*.json", folder)
    return [TableRow(row, preset, seeds) for row, seeds in found.items()]


def _by_row(files: str, folder: Path | None) -> dict[str, dict[int, dict[str, Any]]]:
    """The artefacts whose file names match a pattern, by row and seed; a row without any is empty."""
    found: dict[str, dict[int, dict[str, Any]]] = defaultdict(dict)
    for path in sorted((folder or results_folder()).glob(files)):
        artefact = read_artefact(path)
        found[artefact["row"]][artefact["seed"]] = artefact
    return found


def as_markdown(rows: list[TableRow]) -> str:
    """The table for a README, a terminal or a notebook."""
    lines = [
        "| row | seeds | valid perplexity | test perplexity | certified rate | reported test (2018) |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        rates = [a["certificate"]["rate"] for a in row.artefacts.values() if a["certificate"]["rate"] is not None]
        stable = config_of(row.row, row.preset).build_set().certifies
        cells = [
            row.row,
            ", ".join(map(str, sorted(row.artefacts))) or "none yet",
            mean_and_range(row.values("valid_perplexity")),
            mean_and_range(row.values("test_perplexity")),
            f"{max(rates):.4f}" if rates and stable else "-",
            f"{REPORTED[row.row]}" if row.row in REPORTED else "-",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def missing(rows: list[TableRow], corpus: str = "wikitext2") -> list[str]:
    """What is still to be trained on that corpus, as commands."""
    return [command(row.row, row.preset, seed, corpus) for row in rows for seed in row.missing]


def command(row: str, preset: str, seed: int, corpus: str) -> str:
    """What trains one row with one seed."""
    on_corpus = "" if corpus == "wikitext2" else f" --corpus {corpus}"
    return f"lessons study wikitext2 --row {row} --preset {preset} --seed {seed}{on_corpus}"


def price(row: TableRow, unstable: TableRow) -> str | None:
    """What a stable row's mean test perplexity costs against the unstable one's, in words; None while one is empty."""
    stable, free = row.values("test_perplexity"), unstable.values("test_perplexity")
    if not (stable and free):
        return None
    percent = 100 * (sum(stable) / len(stable) * len(free) / sum(free) - 1)
    if min(len(stable), len(free)) == 1:
        spread = "one seed has no range"
    else:
        apart = max(free) < min(stable) or max(stable) < min(free)
        spread = f"the ranges {'lie apart' if apart else 'overlap'}"
    return f"{row.row}: {percent:+.1f} % (seeds: {len(stable)} and {len(free)}; {spread})"
