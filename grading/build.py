"""Hand out a lesson's exercises and grade what comes back.

    python grading/build.py assignment 04    COURSE/release/04/04_....ipynb is the student's copy
    python grading/build.py grade [04]       reads COURSE/submitted/STUDENT/04/04_....ipynb, writes COURSE/grades.csv

COURSE is a folder in nbgrader's layout, so that all of nbgrader's own tools work there: put the student's copies on
a server, collect them, grade by hand, write feedback.
"""

import csv
import io
import os
import re
import sys
import warnings
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import nbformat
import typer
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI
from traitlets.config import Config

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from grading import sandbox  # noqa: E402  (needs the path)
from grading.assignment import ExecuteInSandbox, source  # noqa: E402
from grading.sandbox import OF_A_NOTEBOOK, Limits  # noqa: E402
from lessons_lib.files import write_atomically  # noqa: E402
from notebooks.build import lessons  # noqa: E402

LARGEST_NOTEBOOK = 50_000_000
COLUMNS = ["assignment", "student", "check", "points", "note"]

application = typer.Typer(help=__doc__, rich_markup_mode=None, add_completion=False)


@dataclass(frozen=True)
class Grade:
    """One student's assignment: points by check, and why it could not be graded, if so."""

    assignment: str
    student: str
    points: dict[str, float]
    note: str = ""


def nbgrader(course: Path, command: list[str] | None = None, limits: Limits = OF_A_NOTEBOOK) -> NbGraderAPI:
    """nbgrader, on this course; our blanks stay as the lesson has them, and notebooks are executed in a sandbox."""
    warnings.filterwarnings("ignore", module=r"nbgrader\.api")  # of its own queries, for its developers
    # nbgrader calls alembic by its name: the one beside this Python.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    config = Config()
    config.CourseDirectory.root = str(course.resolve())
    prefix = "nbgrader.preprocessors."
    config.GenerateAssignment.preprocessors = [
        prefix + name
        for name in (
            *("LockCells", "ClearOutput", "CheckCellMetadata", "ComputeChecksums", "SaveCells"),
            *("ClearHiddenTests", "ComputeChecksums", "CheckCellMetadata"),
        )
    ]
    config.LockCells.lock_readonly_cells = False
    config.OverwriteCells.add_missing_cells = True
    config.Autograde.autograde_preprocessors = [
        ExecuteInSandbox,
        *(prefix + name for name in ("LimitOutput", "SaveAutoGrades", "AssignLatePenalties", "CheckCellMetadata")),
    ]
    config.ExecuteInSandbox.command = command or []
    config.ExecuteInSandbox.limits = limits
    return NbGraderAPI(config=config)


def assign(path: Path, course: Path) -> Path:
    """Write a lesson's source, unless it is there already, and the student's copy of it; gives back the latter.

    Raises:
        ValueError: the lesson is no assignment.
        RuntimeError: nbgrader refused it.
    """
    number, kept = path.stem[:2], source_of(path, course)
    if not kept.exists():  # a teacher may have changed it
        kept.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(source(nbformat.read(path, as_version=4)), kept)
    result = nbgrader(course).generate_assignment(number)
    if not result["success"]:
        raise RuntimeError(f"nbgrader refused {path.name}: {_told(result)}")
    return course / "release" / number / path.name


def source_of(path: Path, course: Path) -> Path:
    """Where a lesson's source lies in a course."""
    return course / "source" / path.stem[:2] / path.name


def _told(result: dict) -> str:
    """The last exception that nbgrader's log tells of."""
    lines = [line.strip() for line in (result.get("log") or result["error"]).splitlines()]
    return next((line for line in reversed(lines) if re.match(r"[\w.]+(Error|Exception|Interrupt)\b", line)), lines[-1])


def grade(number: str, course: Path, command: list[str] | None = None, limits: Limits = OF_A_NOTEBOOK) -> list[Grade]:
    """Grade every submission of an assignment; one that cannot be graded has no points, and a note."""
    api, found = nbgrader(course, command, limits), []
    for student in sorted(path.parent.name for path in (course / "submitted").glob(f"*/{number}")):
        graded, note = _grade_one(api, course, number, student)
        found.append(Grade(number, student, _points(api, number, student if graded else None), note))
    return found


def _grade_one(api: NbGraderAPI, course: Path, number: str, student: str) -> tuple[bool, str]:
    """Whether it could be graded, and what is to be said of it."""
    (asked,) = (course / "source" / number).glob("*.ipynb")
    path = course / "submitted" / student / number / asked.name
    if not path.is_file() or path.is_symlink():
        return False, f"no file {asked.name} was handed in"
    if path.stat().st_size > LARGEST_NOTEBOOK:
        return False, f"larger than {LARGEST_NOTEBOOK // 1_000_000} MB"
    try:
        nbformat.read(path, as_version=4)
    except Exception as error:  # whatever is wrong with it, it costs this student alone
        return False, f"not a notebook ({type(error).__name__})"
    result = api.autograde(number, student)
    if not result["success"]:
        return False, "nbgrader could not grade it: " + _told(result)
    graded = nbformat.read(course / "autograded" / student / number / asked.name, as_version=4)
    errors = (output for cell in graded.cells for output in cell.get("outputs", []) if output.output_type == "error")
    return True, next((error.evalue for error in errors if error.ename == "NotReached"), "")


def _points(api: NbGraderAPI, number: str, student: str | None) -> dict[str, float]:
    """A student's points by check, from the gradebook; of nobody, zeros."""
    with Gradebook(api.coursedir.db_url) as book:
        (notebook,) = book.find_assignment(number).notebooks
        points = {cell.name: 0.0 for cell in notebook.grade_cells}
        if any(submission.student.id == student for submission in book.find_assignment(number).submissions):
            graded = book.find_submission(number, student)
            points |= {grade.name: grade.score for of in graded.notebooks for grade in of.grades}
        return dict(sorted(points.items()))


def lines_of_others(file: Path, numbers: Collection[str]) -> list[list[str]]:
    """What the file of grades, if there is one, says of other assignments than these.

    Raises:
        ValueError: it is not as :func:`write_grades` left it.
    """
    if not file.exists():
        return []
    try:
        with open(file, newline="", encoding="utf8") as before:
            columns, *lines = csv.reader(before)
    except (ValueError, csv.Error):  # another encoding; no line at all
        columns, lines = [], []
    if columns != COLUMNS:
        raise ValueError(f"{file} was saved by another program: move it away, and grade again")
    return [line for line in lines if line and line[0] not in numbers]


def write_grades(grades: list[Grade], file: Path, numbers: Collection[str]) -> None:
    """One line a check, of these assignments anew; what the file says of others stays.

    Raises:
        ValueError: the file there is not as this function left it.
    """
    lines = lines_of_others(file, numbers)
    for one in grades:
        lines += [[one.assignment, one.student, check, str(got), one.note] for check, got in one.points.items()]
    out = io.StringIO(newline="")
    csv.writer(out).writerows([COLUMNS, *sorted(lines)])
    write_atomically(file, out.getvalue().encode())


Course = Annotated[Path, typer.Option(help="The course's folder")]


@application.command("assignment")
def write_assignment(beginning: str, course: Course = Path("course")) -> None:
    """The student's copies of the lessons whose file names begin so."""
    for path in lessons(beginning):
        typer.echo(f"hand out {assign(path, course)}")
        kept = source_of(path, course)
        if nbformat.read(kept, as_version=4) != source(nbformat.read(path, as_version=4)):
            typer.echo(
                f"  made from {kept}, which is not the lesson as it is now: delete that file to begin again from it"
            )


@application.command("grade")
def grade_all(beginning: str = typer.Argument(""), course: Course = Path("course"), unprotected: bool = False) -> None:
    """Grade all that was handed in.  --unprotected: without a sandbox, with limits alone."""
    numbers = sorted(path.name for path in (course / "source").glob(f"{beginning}*"))
    if not numbers:
        raise SystemExit(f"nothing to grade in {course}: make assignment NB=04 comes first")
    file = course / "grades.csv"
    try:
        lines_of_others(file, numbers)  # what is wrong with it is said before the grading, not after it
        command = None if unprotected else sandbox.bubblewrap(OF_A_NOTEBOOK.megabytes)
    except (ValueError, RuntimeError) as error:
        raise SystemExit(str(error)) from None
    grades = [one for number in numbers for one in grade(number, course, command)]
    for one in grades:
        points, passed = sum(one.points.values()), sum(got > 0 for got in one.points.values())
        typer.echo(
            f"{one.assignment}  {one.student:20}  {passed} of {len(one.points)} checks, points: {points:g}  {one.note}"
        )
    write_grades(grades, file, numbers)
    typer.echo(f"{len(grades)} graded: {file}")


if __name__ == "__main__":
    try:
        application()
    except ValueError as error:
        sys.exit(str(error))
