"""Points measured one after the other; what was measured before is kept, so that a study killed half-way goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from lessons_lib.experiments.artefact import read_artefact, write_artefact


def gather(
    path: Path,
    content: Mapping[str, Any],
    jobs: Iterable[Mapping[str, Any]],
    measure: Callable[..., dict[str, Any]],
    tell: Callable[[str], None] = lambda line: None,
) -> list[dict[str, Any]]:
    """``measure(**job)`` for every job whose point the artefact does not hold yet; it is written after each.

    Args:
        path: of the artefact.
        content: what it says besides ``points``.  Where its "config" is not that of the file, nothing there is kept.
        jobs: each the entries by which its point is known.
        measure: makes a point, a dictionary that holds the job's entries.

    Returns:
        the points, in the order in which they were measured.
    """
    found: list[dict[str, Any]] = []
    if path.exists() and (stored := read_artefact(path))["config"] == content["config"]:
        found = stored["points"]
    for job in jobs:
        if not any(job.items() <= point.items() for point in found):
            found.append(measure(**job))
            write_artefact(path, {**content, "points": found})
            tell(f"{found[-1]}")
    return found
