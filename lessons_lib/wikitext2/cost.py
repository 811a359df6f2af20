"""What stability costs: test perplexity against its set's knob (λ, a ceiling, a radius), from artefacts."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from lessons_lib.experiments.artefact import artefact_name, read_artefact, results_folder
from lessons_lib.stability import set_named
from lessons_lib.wikitext2.rows import ROWS
from lessons_lib.wikitext2.table import SEEDS, command

# Where each stable row is trained, beside the value that the table's own row has.
BOUNDS = {
    "rnn-stable": (0.5, 0.7, 0.9),
    "lstm-stable": (0.85, 0.93, 0.96, 0.99, 0.995),
    "lstm-stable-wide": (0.9, 0.95, 0.98),
    "linear-stable": (0.7, 0.9, 0.999),
    "qrnn-stable": (0.7, 0.9, 0.95),
}


@dataclass(frozen=True)
class Cost:
    """A stable row at one bound: test perplexities, one a seed, and the words that its theorem asks for.

    ``needed`` holds the smallest context length for which the bound on the outputs' error is at most 0.1
    (:data:`lessons_lib.wikitext2.forgetting.ACCURACY`), for the seeds whose artefact has it.
    """

    perplexities: list[float] = field(default_factory=list)
    needed: list[int] = field(default_factory=list)


def read_cost(preset: str, corpus: str = "wikitext2", folder: Path | None = None) -> dict[str, dict[float, Cost]]:
    """What was measured by stable row and by its bound; rows without an artefact are left out."""
    found: dict[str, dict[float, Cost]] = defaultdict(lambda: defaultdict(Cost))
    for path in sorted((folder or results_folder()).glob(f"{corpus}-*-{preset}-seed*.json")):
        artefact = read_artefact(path)
        if "@rate" in artefact["row"]:
            continue
        row = artefact["row"].split("@")[0]
        config = artefact["config"]
        bound = set_named(config["stable_set"])(**config["set_arguments"]).knob_value
        if bound is None:
            continue
        found[row][bound].perplexities.append(artefact["test_perplexity"])
        promised = artefact.get("forgetting", {}).get("bound") or {"needed": None}
        if promised["needed"] is not None:
            found[row][bound].needed.append(promised["needed"])
    return {row: dict(sorted(found[row].items())) for row in ROWS if row in found}


def missing(preset: str, corpus: str = "wikitext2", folder: Path | None = None) -> list[str]:
    """What is still to be trained for the picture, beside the table: as commands, one seed of all bounds first."""
    there = {path.stem for path in (folder or results_folder()).glob("*.json")}
    return [
        f"{command(row, preset, seed, corpus)} --bound {bound:g}"
        for seed in SEEDS
        for row, bounds in BOUNDS.items()
        for bound in bounds
        if artefact_name(corpus, f"{row}@{bound:g}", preset, seed) not in there
    ]
