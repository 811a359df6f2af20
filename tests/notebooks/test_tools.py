"""The tools for the lessons, tried on throw-away notebooks: each rule bites, and so does a mutation."""

import subprocess
import sys
from pathlib import Path, PureWindowsPath
from types import SimpleNamespace

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from notebooks.build import answers, execute, exercise_tags, tidy, with_answers
from tests.notebooks.lint import answers_used_elsewhere, complaints, complaints_of_teaching, is_checked
from tests.notebooks.mutations import Mutation, apply
from tests.notebooks.nbval_run import MUTATIONS as TABLE
from tests.notebooks.nbval_run import nbval, nbval_broken

ROOT = Path(__file__).parents[2]
HEADER = """# A lesson
**Question.** Why? **You will be able to** say so. About 2 minutes on a CPU, 1 on a GPU.
**Needs** nothing, **leads to** lesson 01."""


def ran(source: str, shown: str = "", **more) -> nbformat.NotebookNode:
    outputs = [new_output("stream", name="stdout", text=shown)] if shown else []
    return new_code_cell(source, execution_count=1, outputs=outputs, **more)


def fit_notebook() -> nbformat.NotebookNode:
    return new_notebook(cells=[new_markdown_cell(HEADER), *(ran(f"print({i})", f"{i}\n") for i in range(5))])


def complaints_about(notebook: nbformat.NotebookNode, folder: Path) -> list[str]:
    nbformat.write(notebook, folder / "lesson.ipynb")
    return complaints(folder / "lesson.ipynb")


def test_a_fit_notebook_has_no_complaint(tmp_path: Path) -> None:
    assert complaints_about(fit_notebook(), tmp_path) == []


@pytest.mark.parametrize(
    ("cell", "complaint"),
    [
        (new_code_cell("1"), "never executed"),
        (ran("!pip install x"), "installs packages"),
        (ran("%pip install x"), "installs packages"),
        (ran("import sys\nsys.path.append('..')"), "touches sys.path"),
        (ran("from torch import *"), "imports *"),
        (ran("\n".join("x = 1" for _ in range(21))), "21 lines"),
        (ran("# NBVAL_IGNORE_OUTPUT because it varies\n1"), "does not read"),
        (ran("# NBVAL_SKIP\n1"), "hides a failure"),
        (ran("1", metadata={"tags": ["raises-exception"]}), "hides a failure"),
        (ran("ask(questions.past)"), "not folded"),
        (
            ran("ask(questions.past)\nmodel = 1", metadata={"jupyter": {"source_hidden": True}}),
            "'model = 1'",
        ),
        (
            new_code_cell("1/0", execution_count=1, outputs=[new_output("error", ename="E", evalue="", traceback=[])]),
            "holds an error",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_cell_that_breaks_a_rule_is_named(cell, complaint: str, tmp_path: Path) -> None:
    notebook = fit_notebook()
    notebook.cells.append(cell)
    (found,) = complaints_about(notebook, tmp_path)
    assert complaint in found
    assert "cell 5" in found


def test_a_lesson_that_does_not_exist_is_named(tmp_path: Path) -> None:
    notebook = fit_notebook()
    notebook.cells.append(new_markdown_cell("[before](00_start_here.ipynb), after: `99_the_end.ipynb`"))
    assert complaints_about(notebook, tmp_path) == ["its text names 99_the_end.ipynb, which is no lesson"]


def test_saved_widget_state_and_a_large_file_are_named(tmp_path: Path) -> None:
    notebook = fit_notebook()
    notebook.metadata["widgets"] = {"state": {}}
    notebook.cells[1].outputs[0].text = "x" * 1_500_000
    assert [c.split()[0] for c in complaints_about(notebook, tmp_path)] == ["1.5", "the"]


def test_only_what_nbval_compares_counts_as_checked(tmp_path: Path) -> None:
    silent = [
        ran("1"),
        ran("# NBVAL_IGNORE_OUTPUT\n1", "1"),
        ran("1", "1", metadata={"tags": ["nbval-ignore-output"]}),
    ]
    silent.append(
        new_code_cell("fig", execution_count=1, outputs=[new_output("display_data", data={"image/png": "aGk="})])
    )
    assert not any(map(is_checked, silent))
    notebook = fit_notebook()
    notebook.cells[5:] = silent
    (found,) = complaints_about(notebook, tmp_path)
    assert found.startswith("4 cells")


def test_exercises_that_are_not_numbered_as_they_stand_are_named(tmp_path: Path) -> None:
    def found(*tags: str) -> list[str]:
        notebook = fit_notebook()
        notebook.cells += [ran("x = ...", metadata={"tags": [f"exercise:{tag}"]}) for tag in tags]
        nbformat.write(notebook, tmp_path / "00_start_here.ipynb")
        return complaints(tmp_path / "00_start_here.ipynb")

    assert found("00-1", "00-2", "00-3") == []
    for wrong in (("00-1", "00-3", "00-2"), ("00-2",), ("01-1",)):
        (complaint,) = found(*wrong)
        assert "as they stand they are exercise:00-1" in complaint


@pytest.mark.parametrize("line", range(len(HEADER.splitlines())))
def test_a_header_without_one_of_its_parts_is_named(line: int, tmp_path: Path) -> None:
    notebook = fit_notebook()
    notebook.cells[0].source = "\n".join(text for i, text in enumerate(HEADER.splitlines()) if i != line)
    found = complaints_about(notebook, tmp_path)
    assert found
    assert all("header" in complaint for complaint in found)


def test_answers_take_the_place_of_their_exercises(tmp_path: Path) -> None:
    solution = tmp_path / "solution.py"
    solution.write_text("# Answers.\n\n# %% exercise:00-1 the easy one\nx = 2\n\n# %% exercise:00-2\ny = x\n")
    blank = new_notebook(
        cells=[
            new_code_cell("x = ...", metadata={"tags": ["exercise:00-1"]}),
            new_code_cell("y = ...", metadata={"tags": ["other", "exercise:00-2"]}),
            new_code_cell("print(x + y)"),
        ]
    )
    assert exercise_tags(blank) == ["exercise:00-1", "exercise:00-2"]
    solved = execute(with_answers(blank, answers(solution)), cell_timeout=60)
    assert solved.cells[2].outputs[0].text == "4\n"
    assert blank.cells[0].source == "x = ..."
    with pytest.raises(ValueError, match=r"asks .* the solutions answer"):
        with_answers(blank, {"exercise:00-1": "x = 2"})


def test_a_cell_that_reads_an_answer_is_found_also_inside_a_function() -> None:
    exercise = new_code_cell("def answer():\n    return ...\n\n\nother = 1", metadata={"tags": ["exercise:00-1"]})
    check = new_code_cell("checks.answer(answer)")

    def used(*sources: str) -> set[str]:
        return answers_used_elsewhere(new_notebook(cells=[exercise, check, *map(new_code_cell, sources)]))

    assert used("first = {'answer': 1}", "first.answer", "def later(answer):\n    return answer") == set()
    assert used("print(answer())") == {"answer"}
    assert used("def later():\n    return [answer() for _ in range(2)]") == {"answer"}
    assert used("answer = 1", "print(answer, other)") == {"other"}


def test_an_output_that_names_this_machine_is_refused() -> None:
    notebook = new_notebook(cells=[ran("print(path)", f"{Path.home()}/data\n")])
    with pytest.raises(ValueError, match="a folder of this machine"):
        tidy(notebook)


def test_an_output_that_names_this_machine_in_the_manner_of_windows_is_refused(monkeypatch) -> None:
    home = PureWindowsPath("C:\\Users\\Zoë")
    notebook = new_notebook(cells=[ran("print(path)", f"{home}\\data\n")])
    tidy(notebook)
    monkeypatch.setattr(Path, "home", lambda: home)
    monkeypatch.setattr("notebooks.build.os", SimpleNamespace(sep="\\"))
    with pytest.raises(ValueError, match="a folder of this machine"):
        tidy(notebook)


@pytest.mark.parametrize(
    "words",
    [
        ("notebooks/build.py", "execute"),
        ("notebooks/build.py", "solutions"),
        ("docs/build.py", "slides"),
        ("grading/build.py", "assignment"),
    ],
)
def test_a_lesson_number_that_there_is_not_is_told_in_one_line(words: tuple[str, ...]) -> None:
    told = subprocess.run([sys.executable, *words, "99"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert told.returncode == 1
    assert told.stderr == "no notebook in notebooks/ begins with '99'\n"


@pytest.mark.slow
def test_a_broken_function_turns_a_green_notebook_red(tmp_path: Path) -> None:
    """Also where another module holds the function under its own name."""
    notebook = new_notebook(
        cells=[
            new_code_cell("from lessons_lib import checks"),
            new_code_cell("print(checks.mismatch(1.0, 1.0), checks.exercises.mismatch(1.0, 1.0))"),
        ]
    )
    path = tmp_path / "throw_away.ipynb"
    nbformat.write(execute(notebook, cell_timeout=60), path)
    green = nbval(path, tmp_path / "plain")
    assert green.returncode == 0, green.stdout

    broken = tmp_path / "broken.py"
    broken.write_text(
        f"import runpy\nglobals().update(runpy.run_path({str(TABLE)!r}))\n"
        "MUTATIONS = {'throw_away': Mutation('lessons_lib.checks', 'mismatch', lambda *_: 'wrong')}\n"
    )
    red = nbval_broken(path, tmp_path / "red", broken)
    assert red.returncode == 1, red.stdout
    assert "wrong wrong" in red.stdout


def test_a_mutation_must_name_what_exists() -> None:
    with pytest.raises(AttributeError):
        apply(Mutation("lessons_lib.checks", "Verdict.no_such_method", print))


def retold(folder: Path, *cells: nbformat.NotebookNode) -> Path:
    """A notebook under a lesson's name, with an opening that keeps the rules of teaching."""
    opening = new_markdown_cell(f"{HEADER}\n\n**In three sentences.** One. Two. Three. **Time:** 1 minutes on a CPU.")
    notebook = tidy(new_notebook(cells=[opening, *cells]))
    nbformat.write(notebook, folder / "00_start_here.ipynb")
    return folder / "00_start_here.ipynb"


def test_what_is_optional_is_collapsed_and_counted_apart(tmp_path: Path) -> None:
    optional = new_markdown_cell("## Optional: more\n" + "word " * 420)
    path = retold(tmp_path, new_markdown_cell("word " * 560), optional, new_markdown_cell("## And\nback"))
    notebook = nbformat.read(path, as_version=4)
    assert "**Time:** 4 minutes, and 3 for what is optional, on a CPU." in notebook.cells[0].source
    assert [cell.metadata.get("jp-MarkdownHeadingCollapsed") for cell in notebook.cells] == [None, None, True, None]
    assert complaints_of_teaching(path) == []


@pytest.mark.parametrize(
    ("cell", "complaint"),
    [
        (new_markdown_cell("word " * 51 * 140), "51 minutes"),
        (ran("x = 1  # " + "a" * 80), "a line of 89 characters"),
        (ran('questions.bet_on_loss.settle("lower")'), "by a constant"),
        (ran("print('An even guess gives each word 1/2,000, and -ln(1/2,000) is 7.6.')"), "holds the answer"),
        (new_markdown_cell("A dilated convolution reaches far."), "which lesson 03 defines"),
        (new_markdown_cell("The end of one.\n\n## Optional: another"), "stands inside a cell"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_lesson_that_breaks_a_rule_of_teaching_is_named(cell, complaint: str, tmp_path: Path) -> None:
    found = complaints_of_teaching(retold(tmp_path, cell))
    assert any(complaint in one for one in found)


def test_minutes_that_nobody_counted_are_named(tmp_path: Path) -> None:
    path = retold(tmp_path)
    path.write_text(path.read_text(encoding="utf8").replace("**Time:** 0 minutes", "**Time:** 20 minutes"), "utf8")
    assert any("not '0 minutes'" in one for one in complaints_of_teaching(path))
