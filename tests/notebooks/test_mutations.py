"""The proof that a lesson's checks bite: with one function of the library broken, the lesson is red."""

from pathlib import Path

import pytest

from notebooks.build import lessons
from tests.notebooks.mutations import MUTATIONS
from tests.notebooks.nbval_run import nbval_broken


@pytest.mark.slow
@pytest.mark.parametrize("lesson", lessons(), ids=lambda path: path.stem)
def test_breaking_its_library_function_turns_a_lesson_red(lesson: Path, tmp_path: Path) -> None:
    assert lesson.stem in MUTATIONS, "name a function of the library that this lesson would miss"
    run = nbval_broken(lesson, tmp_path)
    assert run.returncode == 1, f"still green (status {run.returncode}):\n{run.stdout}"
