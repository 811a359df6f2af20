"""Where the course keeps its files, and the one way it writes them."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path

from platformdirs import user_cache_path


def checkout() -> Path | None:
    """The root of the checkout that this package is imported from; None where it is installed without one."""
    root = Path(__file__).resolve().parents[1]
    return root if (root / "pyproject.toml").is_file() else None


def results_folder() -> Path:
    """``data/results`` of the checkout, else of the working directory: published artefacts."""
    return (checkout() or Path.cwd()) / "data" / "results"


def cache_folder() -> Path:
    """The folder for downloads, what is made from them, and checkpoints; it need not exist yet.

    ``LESSONS_CACHE_DIR`` if set; ``data/cache`` in a checkout; otherwise the user's cache folder of this system.
    """
    if chosen := os.environ.get("LESSONS_CACHE_DIR"):
        return Path(chosen).expanduser()
    root = checkout()
    return root / "data" / "cache" if root else user_cache_path("lessons_lib", appauthor=False)


def runs_folder() -> Path:
    """What a learner saved from a panel: ``LESSONS_RUNS_DIR``, or ``my_runs`` of the checkout or working directory."""
    if chosen := os.environ.get("LESSONS_RUNS_DIR"):
        return Path(chosen).expanduser()
    return (checkout() or Path.cwd()) / "my_runs"


def checkpoints_folder() -> Path:
    """Where a training that was stopped goes on from, in the cache."""
    return cache_folder() / "checkpoints"


def write_atomically(path: Path, content: bytes) -> None:
    """Write beside ``path``, flush to the disk, then rename: a reader sees the old file or the new one.

    The folder is made if need be.  Several processes and threads may write the same file at once: one of them wins.

    Raises:
        OSError: the file could not be written; the old one is as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        with open(beside, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise
