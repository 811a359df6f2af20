"""What every lesson's file owes its reader, beyond running: `complaints(path)` names what is missing."""

import ast
import importlib
import json
import re
import symtable
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from lessons_lib.checks import Question
from notebooks.build import ASKS, FOLDER, OPTIONAL, core_and_optional, exercise_tags, spoken_minutes

GLOSSARY = FOLDER.parent / "docs" / "glossary.md"

LONGEST_CELL = 20
LONGEST_LINE = 88  # at 1280 pixels with the file browser open, nothing scrolls sideways
LONGEST_CORE = 50  # minutes
FEWEST_CHECKED = 5
LARGEST_FILE = 1_500_000

# Packages come from pyproject.toml, and a lesson reads the same from wherever it is opened.
FORBIDDEN = {
    "installs packages": re.compile(r"^\s*[!%]{1,2}\s*(?:pip|conda|mamba|uv)\b|\bsubprocess\b.*\bpip\b", re.M),
    "touches sys.path": re.compile(r"\bsys\.path\b|^\s*from sys import .*\bpath\b", re.M),
    "imports *": re.compile(r"\bimport\s*\*"),
}
# The header of a lesson, in the words a reader looks for.
HEADER = {
    "a title": re.compile(r"^# \S", re.M),
    "the question": re.compile(r"\bquestion\b", re.I),
    "what you will be able to do": re.compile(r"able to", re.I),
    "minutes on a CPU and a GPU": re.compile(r"\bminutes?\b(?=[\s\S]*\bCPU\b)(?=[\s\S]*\bGPU\b)", re.I),
    "what it needs": re.compile(r"\bneeds\b", re.I),
    "what it leads to": re.compile(r"\bleads to\b", re.I),
}
LESSON_NAME = re.compile(r"\b\d\d_\w+\.ipynb\b")
# nbval reads a marker only when it is the whole comment.
MARKER = re.compile(r"^\s*#+\s*(NBVAL_\w+)(.*)$", re.M)
KNOWN_MARKERS = {"NBVAL_IGNORE_OUTPUT", "NBVAL_CHECK_OUTPUT"}
NOT_COMPARED = {"application/vnd.jupyter.widget-view+json", "image/png", "image/jpeg"}


def complaints(path: Path) -> list[str]:
    """Everything wrong with the notebook in this file, each in one line."""
    notebook = nbformat.read(path, as_version=4)
    return [
        *_of_file(path, notebook),
        *_of_header(notebook),
        *_of_links(notebook),
        *_of_exercises(path, notebook),
        *_of_cells(notebook),
    ]


def complaints_of_teaching(path: Path) -> list[str]:
    """What breaks a rule of teaching, each in one line."""
    notebook = nbformat.read(path, as_version=4)
    return [*_of_teaching(notebook), *_of_spoilers(path, notebook), *_of_terms(path, notebook)]


def answers_used_elsewhere(notebook: NotebookNode) -> set[str]:
    """Names that an exercise cell defines and a cell other than its check, the next one, reads before they are new."""
    answered: dict[str, int] = {}
    used: set[str] = set()
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        defined, read = _names(symtable.symtable(cell.source, "cell", "exec"))
        is_exercise = any(tag.startswith("exercise:") for tag in cell.metadata.get("tags", []))
        used |= {name for name in read if answered.get(name, index - 1) != index - 1}
        answered = {name: at for name, at in answered.items() if name not in defined}
        if is_exercise:
            answered |= dict.fromkeys(defined, index)
    return used


def _names(table: symtable.SymbolTable) -> tuple[set[str], set[str]]:
    """What a cell defines, and what it reads of the notebook's names, in its functions too."""
    is_cell = table.get_type() == "module"
    symbols = table.get_symbols()
    defined = {one.get_name() for one in symbols if is_cell and (one.is_assigned() or one.is_imported())}
    read = {one.get_name() for one in symbols if one.is_referenced() and (is_cell or one.is_global())}
    for child in table.get_children():
        read |= _names(child)[1]
    return defined, read


def _of_teaching(notebook: NotebookNode) -> Iterator[str]:
    """How long a lesson takes, how it opens, how wide its code is."""
    core, _ = core_and_optional(notebook)
    if core > LONGEST_CORE:
        yield f"its core takes {core} minutes: {LONGEST_CORE} at most, head the rest '## {OPTIONAL}...'"
    opening = notebook.cells[0].source
    if f"**Time:** {spoken_minutes(notebook)}" not in opening:
        yield f"the header's time is not '{spoken_minutes(notebook)}': run make notebooks, which counts it"
    if not re.search(r"^\*\*In three sentences\.\*\*", opening, re.M):
        yield "the header does not say the lesson in three sentences"
    for cell in (cell for cell in notebook.cells if cell.cell_type == "markdown"):
        for heading in re.findall(r"(?<=\n)## .*", cell.source):
            yield f"{heading!r} stands inside a cell: begin one with it, or the section cannot be folded"
    for number, cell in enumerate(cell for cell in notebook.cells if cell.cell_type == "code"):
        if (longest := max(map(len, cell.source.splitlines()), default=0)) > LONGEST_LINE:
            yield f"cell {number} has a line of {longest} characters: {LONGEST_LINE} at most"


def _of_spoilers(path: Path, notebook: NotebookNode) -> Iterator[str]:
    """What tells an answer before it is asked for: in the notebook's own JSON, or as a constant verdict on a bet."""
    stored = nbformat.writes(notebook)
    module = importlib.import_module(f"lessons_lib.lessons.lesson_{path.stem[:2]}.questions")
    asked = [question for question in vars(module).values() if isinstance(question, Question)]
    for question in asked:
        if json.dumps(question.why, ensure_ascii=False)[1:-1] in stored:
            yield f"the notebook holds the answer to {question.text!r}"
    for number, cell in enumerate(cell for cell in notebook.cells if cell.cell_type == "code"):
        if re.search(r"""\.settle\(\s*["']""", cell.source):
            yield f"cell {number} settles a bet by a constant: measure its outcome"


def _of_terms(path: Path, notebook: NotebookNode) -> Iterator[str]:
    """The glossary's terms that a lesson uses before the lesson that defines them."""
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    text = re.sub(r"^## References[\s\S]*|https?://\S+|`[^`]*`|\[[^\]]*\]\([^)]*\)", "", text, flags=re.M)
    for term, defined in glossary().items():
        if path.stem[:2] < defined and re.search(rf"\b{re.escape(term)}\b", text, re.I):
            yield f"it uses '{term}', which lesson {defined} defines"


def glossary() -> dict[str, str]:
    """Every term of the course by the number of the lesson that defines it first."""
    entries = re.findall(r"^(\S.*?) \((\d\d)[\d, ]*\)\n: ", GLOSSARY.read_text(encoding="utf8"), re.M)
    return {term: lesson for terms, lesson in entries for term in terms.split(", ")}


def is_checked(cell: NotebookNode) -> bool:
    """Whether strict nbval compares something this cell has shown."""
    ignored = {"nbval-ignore-output", "nbval-skip"} & set(cell.metadata.get("tags", []))
    return (
        cell.execution_count is not None
        and not ignored
        and not any(name != "NBVAL_CHECK_OUTPUT" for name, _ in MARKER.findall(cell.source))
        and any(output.output_type == "stream" or output.data.keys() - NOT_COMPARED for output in _shown(cell))
    )


def _shown(cell: NotebookNode) -> list[NotebookNode]:
    return [output for output in cell.outputs if output.output_type != "error"]


def _of_file(path: Path, notebook: NotebookNode) -> Iterator[str]:
    if path.stat().st_size > LARGEST_FILE:
        yield f"{path.stat().st_size / 1e6:.1f} MB: store smaller outputs ({LARGEST_FILE / 1e6} MB at most)"
    if "widgets" in notebook.metadata:
        yield "the state of its widgets is saved in it: run make notebooks, which does not"
    checked = sum(is_checked(cell) for cell in notebook.cells if cell.cell_type == "code")
    if checked < FEWEST_CHECKED:
        yield f"{checked} cells show something that nbval compares: {FEWEST_CHECKED} at least"


def _of_header(notebook: NotebookNode) -> Iterator[str]:
    """The header is the text before the first cell of code."""
    header = ""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            break
        header += cell.source + "\n"
    for part, pattern in HEADER.items():
        if not pattern.search(header):
            yield f"the header does not give {part}"


def _of_links(notebook: NotebookNode) -> Iterator[str]:
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    for name in sorted(set(LESSON_NAME.findall(text))):
        if not (FOLDER / name).exists():
            yield f"its text names {name}, which is no lesson"


def _of_exercises(path: Path, notebook: NotebookNode) -> Iterator[str]:
    """A learner reads the number in the text, a teacher the tag's in the gradebook."""
    tags = exercise_tags(notebook)
    expected = [f"exercise:{path.stem[:2]}-{number}" for number in range(1, len(tags) + 1)]
    if tags != expected:
        yield f"its exercises are tagged {', '.join(tags)}: as they stand they are {', '.join(expected)}"


def _beside_the_question(source: str) -> str | None:
    """The first line that is not needed to ask."""
    for statement in ast.parse(source).body:
        line = ast.unparse(statement).splitlines()[0]
        if not (ASKS.search(line) or line.startswith("display(") or isinstance(statement, ast.ImportFrom)):
            return line
    return None


def _of_cells(notebook: NotebookNode) -> Iterator[str]:
    code = (cell for cell in notebook.cells if cell.cell_type == "code")
    for number, cell in enumerate(code):
        lines = len(cell.source.splitlines())
        if lines > LONGEST_CELL:
            yield f"cell {number} has {lines} lines: {LONGEST_CELL} at most, 12 read well"
        if ASKS.search(cell.source):
            if not cell.metadata.get("jupyter", {}).get("source_hidden"):
                yield f"cell {number} asks and is not folded: run make notebooks, which folds it"
            if more := _beside_the_question(cell.source):
                yield f"cell {number} is folded because it asks, and hides {more!r}: give that a cell of its own"
        if cell.execution_count is None:
            yield f"cell {number} was never executed: run make notebooks"
        if any(output.output_type == "error" for output in cell.outputs):
            yield f"cell {number} holds an error"
        for what, pattern in FORBIDDEN.items():
            if pattern.search(cell.source):
                yield f"cell {number} {what}"
        for name, rest in MARKER.findall(cell.source):
            if rest.strip() or name not in KNOWN_MARKERS:
                yield f"cell {number}: nbval does not read {(name + rest)!r}, or it hides a failure"
        if {"nbval-skip", "nbval-raises-exception", "raises-exception"} & set(cell.metadata.get("tags", [])):
            yield f"cell {number}: a tag hides a failure from nbval"
