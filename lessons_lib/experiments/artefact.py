"""Results as files: every number that is shown can be traced to its config, seed, data, code and machine."""

from __future__ import annotations

import json
import math
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

from lessons_lib.files import checkout, write_atomically
from lessons_lib.files import results_folder as results_folder  # experiments import it from here

SCHEMA = 1


def artefact_name(corpus: str, row: str, preset: str, seed: int) -> str:
    """What a training of the study is called, its file's name without the ending."""
    return f"{corpus}-{row}-{preset}-seed{seed}"


def write_artefact(path: Path, content: dict[str, Any]) -> None:
    """Write ``content`` with schema and provenance as readable JSON, atomically.

    Raises:
        OSError: the folder cannot be written.
        ValueError: a number in it is not finite, which JSON cannot hold: leave it out or name it in words.
    """
    text = json.dumps({"schema": SCHEMA, **content, **provenance()}, indent=1, allow_nan=False, ensure_ascii=False)
    write_atomically(path, (text + "\n").encode())


def read_artefact(path: Path) -> dict[str, Any]:
    """Read an artefact.

    Raises:
        ValueError: it is no artefact, or of another schema.
    """
    try:
        content = json.loads(path.read_text(encoding="utf8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is not a readable artefact ({error}): rebuild it or delete it") from error
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        raise ValueError(f"{path} has another schema than {SCHEMA}: rebuild it with this version")
    return content


def provenance() -> dict[str, Any]:
    """Code version, library versions and machine."""
    return {
        "code": code_version(),
        "libraries": {name: version(name) for name in ("torch", "numpy", "safetensors")},
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
    }


def code_version() -> str:
    """The git commit of the checkout ("+" when files differ from it), else the installed version."""
    folder = checkout()
    if folder is None:
        return version("lessons-lib")

    def git(*words: str) -> str:
        return subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=True).stdout

    try:
        changed = git("status", "--porcelain", "--untracked-files=no", "--", "lessons_lib").strip()
        return git("rev-parse", "--short=12", "HEAD").strip() + ("+" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return version("lessons-lib")


def mean_and_range(values: list[float], digits: int = 1) -> str:
    """``97.2 (96.8-97.9)``; a single value stands alone."""
    if not values:
        return "-"
    mean = math.fsum(values) / len(values)
    if len(values) == 1:
        return f"{mean:.{digits}f}"
    return f"{mean:.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"
