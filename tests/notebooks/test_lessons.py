"""The lessons as files, and their answers.  nbval itself runs them; test_mutations.py proves that their checks bite."""

from pathlib import Path

import nbformat
import pytest

from lessons_lib.checks import NOT_ANSWERED
from notebooks.build import FOLDER, answers, execute, exercise_tags, lessons, with_answers
from tests.notebooks.lint import complaints, complaints_of_teaching
from tests.notebooks.mutations import MUTATIONS

LESSONS = lessons()
by_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)


@by_lesson
def test_a_lesson_is_fit_to_read(lesson: Path) -> None:
    assert complaints(lesson) == []


@by_lesson
def test_a_lesson_keeps_the_rules_of_teaching(lesson: Path) -> None:
    assert complaints_of_teaching(lesson) == []


@pytest.mark.slow
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


def test_no_mutation_or_answer_outlives_its_lesson() -> None:
    names = {lesson.stem for lesson in LESSONS}
    assert MUTATIONS.keys() <= names
    assert {path.stem for path in (FOLDER / "solutions").glob("*.py")} <= names


def _shown(cell: nbformat.NotebookNode) -> str:
    """What a reader sees under a cell, as text."""
    outputs = cell.get("outputs", [])
    return "".join(o.get("text", "") + o.get("data", {}).get("text/plain", "") for o in outputs)
