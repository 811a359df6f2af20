"""The lessons as files, and their answers.  nbval itself runs them; test_mutations.py proves that their checks bite."""

from itertools import pairwise
from pathlib import Path

import nbformat
import pytest

from lessons_lib.checks import NOT_ANSWERED
from notebooks.build import FOLDER, answers, execute, exercise_tags, lessons, with_answers
from tests.notebooks.lint import answers_used_elsewhere, complaints, complaints_of_teaching
from tests.notebooks.mutations import MUTATIONS

LESSONS = lessons()
by_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)


@by_lesson
def test_a_lesson_is_fit_to_read(lesson: Path) -> None:
    assert complaints(lesson) == []


@by_lesson
def test_a_lesson_keeps_the_rules_of_teaching(lesson: Path) -> None:
    assert complaints_of_teaching(lesson) == []


@by_lesson
def test_every_exercise_has_its_answer_and_its_verdict_below(lesson: Path) -> None:
    """That the answers pass is shown in tests/grading, on every lesson's set-up, answers and checks alone."""
    notebook = nbformat.read(lesson, as_version=4)
    asked = set(exercise_tags(notebook))
    assert answers(solution(lesson)).keys() == asked
    for cell, below in pairwise(notebook.cells):
        assert asked.isdisjoint(cell.metadata.get("tags", [])) == (NOT_ANSWERED not in _shown(below)), cell.source


@pytest.mark.slow
def test_a_lesson_that_uses_an_answer_later_runs_to_its_end_with_all_its_answers() -> None:
    """Of the others the checks alone see an answer: what nbval runs is then the teacher's notebook, too."""
    found = {path: with_answers(nbformat.read(path, as_version=4), answers(solution(path))) for path in LESSONS}
    later = [notebook for notebook in found.values() if answers_used_elsewhere(notebook)]
    assert 1 <= len(later) <= 3, "few: a learner who leaves an exercise open has to be able to go on"
    for notebook in later:
        unanswered = [i for i, cell in enumerate(notebook.cells) if NOT_ANSWERED in _shown(cell)]
        solved = execute(notebook, cell_timeout=120)
        for i in unanswered:
            assert "Right." in _shown(solved.cells[i]), solved.cells[i].source
        for cell in solved.cells:
            assert NOT_ANSWERED not in _shown(cell)
            assert "Not yet" not in _shown(cell)


def test_no_mutation_or_answer_outlives_its_lesson() -> None:
    names = {lesson.stem for lesson in LESSONS}
    assert MUTATIONS.keys() <= names
    assert {path.stem for path in (FOLDER / "solutions").glob("*.py")} <= names


def solution(lesson: Path) -> Path:
    return FOLDER / "solutions" / f"{lesson.stem}.py"


def _shown(cell: nbformat.NotebookNode) -> str:
    """What a reader sees under a cell, as text."""
    outputs = cell.get("outputs", [])
    return "".join(o.get("text", "") + o.get("data", {}).get("text/plain", "") for o in outputs)
