"""Data flows one way through the rooms, and importing them is cheap."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import lessons_lib

PACKAGE = Path(lessons_lib.__file__).parent
ROOMS = ["files", "corpora", "models", "stability", "training", "runs", "experiments", "wikitext2", "figures", "checks"]
ROOMS += ["panels", "playground", "lessons", "bench", "cli"]
WITHOUT_JUPYTER = ROOMS[: ROOMS.index("figures")]
FRONT_END = ("IPython", "ipywidgets", "anywidget", "ipykernel", "jupyterlab", "plotly", "traitlets")
DOTTED = re.compile(r"lessons_lib(\.\w+)+")
IMPORT_COST = 1.25  # times the cost of importing torch


def imported_rooms(path: Path) -> set[str]:
    """Rooms that this module names in an import, anywhere, or in a string that is a module's dotted name.

    Relative imports count as their own room; what a docstring says is no import.
    """
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and DOTTED.fullmatch(node.value):
            names = [node.value]
        found |= {name.split(".")[1] for name in names if name.startswith("lessons_lib.")}
    return found & set(ROOMS)


def test_the_rooms_are_the_ones_named_in_the_package():
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert packages | {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"} == set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_from_itself_and_the_rooms_above(room):
    above = set(ROOMS[: ROOMS.index(room) + 1])
    modules = list((PACKAGE / room).rglob("*.py")) or [PACKAGE / f"{room}.py"]
    assert modules
    wrong = {str(path.relative_to(PACKAGE)): extra for path in modules if (extra := imported_rooms(path) - above)}
    assert wrong == {}


def test_the_rooms_before_figures_import_without_jupyter_or_plotly():
    program = f"""
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {FRONT_END!r}:
            raise ImportError(f"{{name}} was imported")
sys.meta_path.insert(0, Refuse())
import {", ".join(f"lessons_lib.{room}" for room in WITHOUT_JUPYTER)}
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def cpu_seconds(program: str) -> float:
    """User and system time of a Python process that runs this."""
    process = subprocess.Popen([sys.executable, "-c", program])
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_utime + usage.ru_stime


@pytest.mark.alone
@pytest.mark.skipif(not hasattr(os, "wait4"), reason="this system does not count a child's processor time")
def test_importing_the_rooms_before_figures_costs_little_more_than_importing_torch():
    everything = "import " + ", ".join(f"lessons_lib.{room}" for room in WITHOUT_JUPYTER)
    cpu_seconds(everything)  # writes the byte code
    pairs = [(cpu_seconds("import torch"), cpu_seconds(everything)) for _ in range(3)]
    torch_alone, with_rooms = (min(times) for times in zip(*pairs, strict=True))
    assert with_rooms <= IMPORT_COST * torch_alone, f"{with_rooms / torch_alone:.2f} times import torch"
