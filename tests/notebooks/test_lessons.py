"""The lessons as files, their answers, and the proof that their checks bite.  nbval itself runs them."""

from pathlib import Path

import nbformat
import pytest

from lessons_lib.checks import NOT_ANSWERED
from notebooks.build import FOLDER, answers, execute, exercise_tags, with_answers
from tests.notebooks.lint import complaints
from tests.notebooks.mutations import MUTATIONS
from tests.notebooks.nbval_run import nbval_broken

LESSONS = sorted(FOLDER.glob("*.ipynb"))
by_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)


@by_lesson
def test_a_lesson_is_fit_to_read(lesson: Path) -> None:
    assert complaints(lesson) == []


@by_lesson
def test_every_exercise_has_its_answer_and_the_answer_passes(lesson: Path) -> None:
    notebook = nbformat.read(lesson, as_version=4)
    asked = exercise_tags(notebook)
    solution = FOLDER / "solutions" / f"{lesson.stem}.py"
    if not asked:
        assert not solution.exists(), "answers without an exercise"
        return
    unanswered = [i for i, cell in enumerate(notebook.cells) if NOT_ANSWERED in _shown(cell)]
    assert len(unanswered) >= len(asked), "every exercise is followed by a cell that shows its verdict"
    solved = execute(with_answers(notebook, answers(solution)), cell_timeout=120)
    for i in unanswered:
        assert "Right." in _shown(solved.cells[i]), solved.cells[i].source
    for cell in solved.cells:
        assert NOT_ANSWERED not in _shown(cell)
        assert "Not yet" not in _shown(cell)


@pytest.mark.slow
@by_lesson
def test_breaking_its_library_function_turns_a_lesson_red(lesson: Path, tmp_path: Path) -> None:
    assert lesson.stem in MUTATIONS, "name a function of the library that this lesson would miss"
    run = nbval_broken(lesson, tmp_path)
    assert run.returncode == 1, f"still green (status {run.returncode}):\n{run.stdout}"


def test_no_mutation_or_answer_outlives_its_lesson() -> None:
    names = {lesson.stem for lesson in LESSONS}
    assert MUTATIONS.keys() <= names
    assert {path.stem for path in (FOLDER / "solutions").glob("*.py")} <= names


def _shown(cell: nbformat.NotebookNode) -> str:
    """What a reader sees under a cell, as text."""
    outputs = cell.get("outputs", [])
    return "".join(o.get("text", "") + o.get("data", {}).get("text/plain", "") for o in outputs)
