"""A lesson as an assignment in nbgrader's format, and the autograder that executes it in a sandbox.

An exercise cell is a *solution* cell, the check after it a *grade* cell of one point.  All other code cells are the
lesson's own: a student may play with them; to grade, they are put back, and of them the set-up alone is executed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import nbformat
from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Any, List, Unicode

from grading import sandbox

POINTS = 1
CHECK = re.compile(r"checks\.\w+\(\w+\)")
SET_UP = re.compile(r"^## The set-up", re.MULTILINE)
# nbgrader takes the region out of the student's copy, and puts it back to grade.
GRADED = """verdict = {check}
print(verdict)
### BEGIN HIDDEN TESTS
assert verdict.passed
### END HIDDEN TESTS"""


def source(lesson: NotebookNode) -> NotebookNode:
    """The lesson with nbgrader's metadata: what ``nbgrader generate_assignment`` reads.

    Raises:
        ValueError: no exercises, an exercise that no check follows, or no set-up.
    """
    notebook = nbformat.from_dict(lesson)
    notebook.metadata.pop("widgets", None)
    part, waiting = "", None
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            part = cell.source
            continue
        cell.outputs, cell.execution_count = [], None
        tag = next((tag for tag in cell.metadata.get("tags", []) if tag.startswith("exercise:")), None)
        if waiting:
            if not CHECK.fullmatch(cell.source):
                raise ValueError(f"exercise {waiting} is followed by no check, but by {cell.source[:60]!r}")
            cell.source = GRADED.format(check=cell.source)
            _mark(cell, f"check-{waiting}", grade=True, locked=True, points=POINTS)
            waiting = None
        elif tag:
            waiting = tag.removeprefix("exercise:")
            _mark(cell, f"exercise-{waiting}", solution=True)
        elif SET_UP.search(part):
            _mark(cell, f"set-up-{index}", locked=True)
        else:
            _mark(cell, f"lesson-{index}", locked=True)
    names = [cell.metadata.nbgrader.grade_id for cell in notebook.cells if "nbgrader" in cell.metadata]
    for beginning, missing in (("check-", "no exercises"), ("set-up-", "no section '## The set-up of this lesson'")):
        if not any(name.startswith(beginning) for name in names):
            raise ValueError(f"this lesson has {missing}")
    return notebook


def _mark(cell: NotebookNode, name: str, **facts: bool | int) -> None:
    told = {"grade": False, "solution": False, "locked": False, "task": False} | facts
    cell.metadata["nbgrader"] = {"schema_version": 3, "grade_id": name, "cell_type": "code", **told}


def is_executed(cell: NotebookNode) -> bool:
    """Whether a cell counts when graded: set-up, answers, checks, and what the student added."""
    name = cell.metadata.get("nbgrader", {}).get("grade_id", "")
    return cell.cell_type == "code" and not name.startswith("lesson-")


class ExecuteInSandbox(NbGraderPreprocessor):
    """Takes the place of nbgrader's Execute: one process a notebook.  A check that was not reached has failed."""

    limits = Any(sandbox.OF_A_NOTEBOOK).tag(config=True)
    command = List(Unicode(), help="the sandbox; none: a process with limits alone").tag(config=True)

    def preprocess(self, notebook: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        cells = [cell for cell in notebook.cells if is_executed(cell)]
        done = sandbox.run([cell.source for cell in cells], self.limits, self.command)
        fill(cells, done)
        return notebook, resources


def fill(cells: Sequence[NotebookNode], done: sandbox.Executed) -> None:
    """Write the outputs into the cells; a cell that was not finished gets an error that says why."""
    for index, cell in enumerate(cells):
        if index < len(done.outputs):
            cell.outputs = [nbformat.from_dict(output) for output in done.outputs[index]]
        else:
            why = f"Not reached: {done.stopped}."
            cell.outputs = [nbformat.v4.new_output("error", ename="NotReached", evalue=why, traceback=[why])]
        cell.execution_count = index + 1
