"""What stands behind every stored result: its cases, how one is measured, and the file that keeps the points."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, is_dataclass
from itertools import product
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch

from lessons_lib.corpora import download
from lessons_lib.experiments.artefact import read_artefact, write_artefact
from lessons_lib.experiments.machine import device_name
from lessons_lib.files import results_folder
from lessons_lib.training import default_device

Point = TypeVar("Point")
Case = Mapping[str, Any]
# What a file says of itself; everything else in it was measured.
PROVENANCE = ("schema", "study", "unit", "data_sha256", "device", "seeds", "code", "libraries", "python", "machine")


@dataclass(frozen=True)
class Result(Generic[Point]):
    """What a file holds: the points, the config they depend on, what was said of the whole, and where it comes from."""

    points: list[Point]
    config: dict[str, Any]
    summary: dict[str, Any]
    provenance: dict[str, Any]


def read(name: str, folder: Path | None = None) -> Result[dict[str, Any]]:
    """Read ``data/results/<name>.json``; a file of one training alone is one point.  For typed points see
    :meth:`Experiment.read`.

    Raises:
        OSError: it is not there.
        ValueError: it is no artefact, or of another schema.
    """
    path = (folder or results_folder()) / f"{name}.json"
    if not path.exists():
        raise FileNotFoundError(f"{path} is not there: `lessons run {name}` makes it")
    content = read_artefact(path)
    provenance = {key: content.pop(key) for key in PROVENANCE if key in content}
    config, points = content.pop("config", {}), content.pop("points", None)
    return Result([content], config, {}, provenance) if points is None else Result(points, config, content, provenance)


@dataclass(frozen=True)
class Experiment(Generic[Point]):
    """One stored result, ``data/results/<name>.json``.

    Any module below ``lessons_lib.lessons``, ``experiments`` or ``wikitext2`` that has one as a variable brings it to
    ``lessons run``.

    Args:
        name: of the file.
        about: what it is, in a sentence.
        cases: what is measured, in this order: each the entries by which its point is known, JSON values all.  Where
            what comes next depends on what was found, a function of the points so far.
        measure: ``measure(**case)`` makes the case's point, or a list of points that all have the case's entries.
        point: the points' dataclass, or dict.
        config: what every point depends on; where the file has another one, nothing in it is kept.
        unit: of the score, in words.
        data: the files that it reads.  Their hashes are published, and nothing runs without them.
        summary: what is said beside the points, made when the last one has been measured.
    """

    name: str
    about: str
    cases: Sequence[Case] | Callable[[Sequence[Point]], Iterable[Case]]
    measure: Callable[..., Point | list[Point]]
    point: type[Point]
    config: Mapping[str, Any] = field(default_factory=dict)
    unit: str | None = None
    data: Mapping[str, download.DataFile] = field(default_factory=dict)
    summary: Callable[[Sequence[Point]], Mapping[str, Any]] = lambda points: {}

    def read(self, folder: Path | None = None) -> Result[Point]:
        """What is stored.

        Raises:
            OSError: nothing is; ``lessons run NAME`` makes it.
        """
        found = read(self.name, folder)
        return Result([self.point(**point) for point in found.points], found.config, found.summary, found.provenance)

    def known(self, folder: Path | None = None) -> list[Case]:
        """Every case, as far as they are known by now."""
        return self._cases(self._kept(folder))

    def missing(self, folder: Path | None = None) -> list[Case]:
        """The known cases that the file does not hold under this config."""
        return self._missing(self._kept(folder))

    def add(self, case: Case, folder: Path | None = None) -> Any:
        """Measure a case and write the file; returns what was found."""
        found = self.measure(**case)
        points = self._kept(folder) + [_plain(point) for point in (found if isinstance(found, list) else [found])]
        summary = {} if self._missing(points) else self.summary([self.point(**point) for point in points])
        content = {
            "study": self.name,
            **({"unit": self.unit} if self.unit else {}),
            "config": self.config,
            **({"data_sha256": {name: file.sha256 for name, file in self.data.items()}} if self.data else {}),
            "device": device_name(default_device()),
            **summary,
            "points": points,
        }
        write_artefact((folder or results_folder()) / f"{self.name}.json", content)
        return found

    def run(
        self, words: Sequence[str] = (), folder: Path | None = None, tell: Callable[[str], None] = lambda line: None
    ) -> None:
        """Measure every missing case that has these entries; what was measured before a kill is kept.

        Args:
            words: entries such as "k=5".
            tell: hears of every point.

        Raises:
            DataUnavailable: it reads a file that is neither here nor to be had.
            ValueError: no case has these entries, missing or not.
        """
        if not any(has(case, words) for case in self.known(folder)):
            keys = ", ".join(dict.fromkeys(key for case in self.known(folder) for key in case))
            raise ValueError(f"no case of {self.name} has {' and '.join(words)}: write key=value, with {keys}")
        while todo := [case for case in self.missing(folder) if has(case, words)]:
            for file in self.data.values():
                download.read(file)
            torch.set_num_threads(1)
            tell(f"{self.name}, {len(todo)} to go: {self.add(todo[0], folder)}"[:400])

    def _kept(self, folder: Path | None) -> list[dict[str, Any]]:
        try:
            found = read(self.name, folder)
        except FileNotFoundError:
            return []
        return found.points if found.config == json.loads(json.dumps(self.config)) else []

    def _cases(self, points: list[dict[str, Any]]) -> list[Case]:
        return list(self.cases([self.point(**point) for point in points]) if callable(self.cases) else self.cases)

    def _missing(self, points: list[dict[str, Any]]) -> list[Case]:
        return [case for case in self._cases(points) if not any(case.items() <= point.items() for point in points)]


def grid(**values: Iterable[Any]) -> list[Case]:
    """Every combination as a case; the last entry changes fastest."""
    return [dict(zip(values, chosen, strict=True)) for chosen in product(*values.values())]


def _plain(point: Any) -> dict[str, Any]:
    return asdict(point) if is_dataclass(point) and not isinstance(point, type) else dict(point)


def has(case: Case, words: Iterable[str]) -> bool:
    """Whether a case has these entries, each in words: "k=5"."""
    return {f"{key}={value}" for key, value in case.items()}.issuperset(words)
