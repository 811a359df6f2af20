"""Is this machine ready for the course?  Plain rows, for a table in a notebook and for the command line.

Nothing here touches the network, writes a file that stays, or names a folder of this machine in full: the rows
are stored in the first lesson.
"""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

import torch
from packaging.requirements import Requirement
from packaging.version import Version

from lessons_lib.corpora.download import JSB_CHORALES, WIKITEXT2, DataFile, DataUnavailable, available
from lessons_lib.experiments.budget import budget_name
from lessons_lib.files import cache_folder, checkout
from lessons_lib.training import default_device

State = Literal["green", "amber", "red"]
GIGABYTE = 10**9
INSTALL_LAB = "pip install 'lessons-lib[lab]', then restart the kernel"


@dataclass(frozen=True)
class Row:
    """One thing that was looked at.  green: fine; amber: works, with less; red: the lessons will not work."""

    name: str
    state: State
    detail: str
    remedy: str = ""


def doctor() -> list[Row]:
    """Everything the course needs of a machine, worst news included; takes well under a second."""
    return [
        _python(),
        _package("PyTorch", "torch", "pip install -U torch"),
        _device(),
        _threads(),
        _package("JupyterLab", "jupyterlab", INSTALL_LAB),
        _package("Widgets", "ipywidgets", INSTALL_LAB),
        _package("Live plot widget", "anywidget", INSTALL_LAB),
        _package("Live plot drawing", "plotly", INSTALL_LAB),
        _front_end(),
        _data("WikiText-2 (13 MB)", tuple(WIKITEXT2.values()), "lessons use an embedded language instead"),
        _data("JSB Chorales (0.1 MB)", (JSB_CHORALES,), "lessons leave the music out"),
        _cache(),
        _disk(),
        _budget(),
    ]


def worst(rows: list[Row]) -> State:
    """The worst state among the rows."""
    states: tuple[State, ...] = ("green", "amber", "red")
    return max((row.state for row in rows), key=states.index, default="green")


def _python() -> Row:
    # An older Python than the course needs could not have imported this module.
    return Row("Python", "green", f"{platform.python_version()} on {platform.system()} {platform.machine()}")


def _package(name: str, package: str, remedy: str) -> Row:
    try:
        version = metadata.version(package)
    except metadata.PackageNotFoundError:
        return Row(name, "red", f"{package} is not installed", remedy)
    least = _least(package)
    if least and Version(version) < least:
        return Row(name, "red", f"{package} {version}; the course needs {least} or newer", remedy)
    return Row(name, "green", f"{package} {version}")


def _least(package: str) -> Version | None:
    """The lowest version our own package declares, so that pyproject.toml stays the only list."""
    try:
        requirements = map(Requirement, metadata.requires("lessons-lib") or [])
    except metadata.PackageNotFoundError:
        return None
    bounds = (bound for required in requirements if required.name == package for bound in required.specifier)
    return next((Version(bound.version) for bound in bounds if bound.operator == ">="), None)


def _device() -> Row:
    try:
        device = default_device()
    except ValueError as error:
        return Row("Device", "red", str(error), "unset LESSONS_DEVICE, or set it to cpu")
    if device.type == "cuda":
        return Row("Device", "green", f"{device}: {torch.cuda.get_device_name(device)}")
    if torch.cuda.is_available():
        return Row("Device", "amber", f"{device}, although a GPU is there", "unset LESSONS_DEVICE to use it")
    return Row("Device", "green", f"{device}: every lesson is made for it")


def _threads() -> Row:
    cores, threads = os.cpu_count() or 1, torch.get_num_threads()
    detail = f"{cores} cores, {threads} for PyTorch; a live run leaves one to the browser"
    if cores == 1:
        return Row("Cores", "amber", detail, "sliders will feel slow while a model trains: press Pause to think")
    return Row("Cores", "green", detail)


def _front_end() -> Row:
    if "COLAB_RELEASE_TAG" in os.environ:
        return Row("Front end", "amber", "Colab: live panels were not tried here", "use the plain-figure cells")
    if "VSCODE_PID" in os.environ or "VSCODE_CWD" in os.environ:
        return Row("Front end", "amber", "VS Code: live panels were not tried here", "or open it in JupyterLab")
    return Row("Front end", "green", "JupyterLab or Notebook: the slider below tests it")


def _data(name: str, files: tuple[DataFile, ...], instead: str) -> Row:
    remedy = "connect once and it is downloaded, or set LESSONS_DATA_DIR to a folder that holds it"
    try:
        if not available(*files):
            return Row(name, "amber", f"not on this machine: {instead}", remedy)
    except DataUnavailable as error:
        # The message names the whole path; the file's own name is enough to find it.
        reason = str(error).partition(" is not the pinned file ")[2] or "unreadable"
        return Row(name, "red", f"the copy in LESSONS_DATA_DIR is not the pinned file: {reason}", "replace it")
    local = os.environ.get("LESSONS_DATA_DIR")
    here = local is not None and all((Path(local).expanduser() / file.path).is_file() for file in files)
    return Row(name, "green", f"found in {'LESSONS_DATA_DIR' if here else 'the cache'}, hashes right")


def _cache() -> Row:
    return _try("Cache folder", _write_to_cache, "set LESSONS_CACHE_DIR to a folder that can be written")


def _write_to_cache() -> Row:
    with tempfile.TemporaryFile(dir=_existing(cache_folder())):
        return Row("Cache folder", "green", f"{_short(cache_folder())} can be written")


def _disk() -> Row:
    return _try("Free disk", _free_disk, "set LESSONS_CACHE_DIR to a folder that can be read")


def _free_disk() -> Row:
    free = shutil.disk_usage(_existing(cache_folder())).free
    detail = f"{free / GIGABYTE:.1f} GB where the cache lives"
    if free < GIGABYTE / 10:
        return Row("Free disk", "red", detail, "free 100 MB: data and checkpoints go there")
    if free < GIGABYTE:
        return Row("Free disk", "amber", detail, "the lessons fit; the full study wants 1 GB")
    return Row("Free disk", "green", detail)


def _budget() -> Row:
    try:
        return Row("Budget", "green", f"{budget_name()}: how long experiments take (LESSONS_BUDGET)")
    except ValueError as error:
        return Row("Budget", "red", str(error), "set LESSONS_BUDGET to ci, laptop or gpu")


def _try(name: str, look: Callable[[], Row], remedy: str) -> Row:
    try:
        return look()
    except OSError as error:
        return Row(name, "amber", f"{_short(cache_folder())}: {error.strerror or error}", remedy)


def _existing(folder: Path) -> Path:
    """The folder itself or the nearest one above it that exists."""
    return next(path for path in (folder, *folder.parents) if path.is_dir())


def _short(path: Path) -> str:
    """A folder as its owner would call it: the setting that names it, or its place below home or checkout."""
    if os.environ.get("LESSONS_CACHE_DIR"):
        return "the folder in LESSONS_CACHE_DIR"
    course = checkout()
    if course and path.is_relative_to(course):
        return f"{path.relative_to(course)} in the course's folder"
    return f"~/{path.relative_to(Path.home())}" if path.is_relative_to(Path.home()) else "the cache folder"
