"""Execute the lessons and store their outputs; write the teacher's notebooks.

    python notebooks/build.py execute [NB]      all notebooks, or those whose file name begins with NB
    python notebooks/build.py solutions [NB]    into notebooks/solutions/built, answers filled in and executed

A lesson marks an exercise by the cell tag ``exercise:04-1``. The answer stands in ``solutions/NN_name.py``, in the
cell that begins with ``# %% exercise:04-1``, and takes the place of the whole exercise cell.  A cell that asks is
stored folded, a section headed ``## Optional: ...`` collapsed, and the header's minutes are counted.
"""

import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import nbformat
import typer
from nbclient import NotebookClient
from nbformat import NotebookNode

FOLDER = Path(__file__).parent
# A cell that asks shows its question; its source says no more.
ASKS = re.compile(r"\bask\(")
OPTIONAL = "Optional: "
TIME = re.compile(
    r"\*\*Time:\*\* (?:about )?\d+ minutes(?:, and \d+ for what is optional,)?"
)
SEPARATOR = re.compile(r"^# %% (exercise:\S+)[^\n]*\n", re.MULTILINE)
# A page on GitHub shows the PNG; JupyterLab draws the plotly figure; nbval compares the latter alone.
STORED_PICTURES = "plotly_mimetype+png"

application = typer.Typer(help=__doc__, rich_markup_mode=None, add_completion=False)


def notebooks(beginning: str = "") -> list[Path]:
    """The learner's notebooks, in order, whose file name begins so.  ValueError when there is none."""
    found = sorted(FOLDER.glob(f"{beginning}*.ipynb"))
    if not found:
        raise ValueError(f"no notebook in {FOLDER.name}/ begins with {beginning!r}")
    return found


def lessons(beginning: str = "") -> list[Path]:
    """Those of them that are lessons, which bear a number.  ValueError when there is none."""
    found = [path for path in notebooks(beginning) if path.stem[:2].isdigit()]
    if not found:
        raise ValueError(f"no lesson in {FOLDER.name}/ begins with {beginning!r}")
    return found


def exercise_tags(notebook: NotebookNode) -> list[str]:
    """The exercises of a lesson, in order."""
    return [tag for cell in notebook.cells for tag in _tags(cell)]


def answers(solution: Path) -> dict[str, str]:
    """Source of every answer by its exercise's tag.  ValueError when an exercise is answered twice."""
    _, *parts = SEPARATOR.split(solution.read_text(encoding="utf8"))
    tags, sources = parts[::2], parts[1::2]
    if twice := sorted({tag for tag in tags if tags.count(tag) > 1}):
        raise ValueError(f"{solution.name} answers {', '.join(twice)} more than once")
    return {tag: source.strip() for tag, source in zip(tags, sources, strict=True)}


def with_answers(notebook: NotebookNode, answers: Mapping[str, str]) -> NotebookNode:
    """A copy of a lesson in which each exercise cell is its answer.  ValueError when the two do not fit."""
    filled = nbformat.from_dict(notebook)
    asked = exercise_tags(filled)
    if sorted(asked) != sorted(answers):
        raise ValueError(
            f"the lesson asks {sorted(asked)}, the solutions answer {sorted(answers)}"
        )
    for cell in filled.cells:
        for tag in _tags(cell):
            cell.source = answers[tag]
    return filled


def execute(
    notebook: NotebookNode, *, cell_timeout: float | None = None
) -> NotebookNode:
    """The notebook after *Run All* in this Python, tidy.  CellExecutionError when a cell raises."""
    with _clean_kernel_environment():
        client = NotebookClient(
            notebook,
            kernel_name="python3",
            resources={"metadata": {"path": str(FOLDER)}},
            timeout=cell_timeout,
            store_widget_state=False,
            record_timing=False,
        )
        return tidy(client.execute())


def tidy(notebook: NotebookNode) -> NotebookNode:
    """What is worth storing: cells, tags, slide types, outputs, and what little a page needs to choose its kernel.

    ValueError when an output names a folder of the machine that executed the notebook.
    """
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {
                "display_name": "Python 3",
                "language": "python",
                "name": "python3",
            },
            "language_info": {"name": "python"},
        }
    )
    for cell in notebook.cells:
        cell.metadata = {
            name: cell.metadata[name]
            for name in ("tags", "slideshow")
            if cell.metadata.get(name)
        }
        if cell.source.startswith(f"## {OPTIONAL}"):
            cell.metadata["jp-MarkdownHeadingCollapsed"] = True
        if cell.cell_type == "code" and ASKS.search(cell.source):
            cell.metadata["jupyter"] = {"source_hidden": True}
    for cell in notebook.cells[:1]:
        cell.source = TIME.sub(f"**Time:** {spoken_minutes(notebook)}", cell.source)
    stored = nbformat.writes(notebook)
    for folder in {
        str(Path.home()),
        str(FOLDER.parent.resolve()),
        tempfile.gettempdir(),
    } - {"/"}:
        # As JSON writes it: a backslash doubled, a letter as it is.
        if json.dumps(f"{folder}{os.sep}", ensure_ascii=False)[1:-1] in stored:
            raise ValueError(
                f"an output names {folder}, a folder of this machine: print something else there"
            )
    return notebook


def minutes(notebook: NotebookNode) -> dict[str, float]:
    """Minutes that a student needs for each section of a lesson, without what the computer needs.

    140 words of text a minute, 8 seconds a line of visible code, 1 minute a question, 3 an exercise, 4 a live panel.
    """
    section, found = "Opening", {"Opening": 0.0}
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for part in re.split(r"^(?=## )", cell.source, flags=re.M):
                if part.startswith("## "):
                    section = part.splitlines()[0].removeprefix("## ")
                found[section] = found.get(section, 0) + len(part.split()) / 140
        elif any(_tags(cell)):
            found[section] += 3
        elif ASKS.search(cell.source):
            found[section] += sum(
                "model_id" in str(output.get("data", {})) for output in cell.outputs
            )
        else:
            panels = sum(
                "live panel" in output.get("data", {}).get("text/plain", "")
                for output in cell.outputs
            )
            found[section] += 4 * panels + len(cell.source.splitlines()) * 8 / 60
    return found


def core_and_optional(notebook: NotebookNode) -> tuple[int, int]:
    """Whole minutes of what a class does together, and of what is optional."""
    found = minutes(notebook)
    optional = sum(time for name, time in found.items() if name.startswith(OPTIONAL))
    return round(sum(found.values()) - optional), round(optional)


def spoken_minutes(notebook: NotebookNode) -> str:
    """The minutes as the header says them."""
    core, optional = core_and_optional(notebook)
    return f"{core} minutes" + (
        f", and {optional} for what is optional," if optional else ""
    )


def _tags(cell: NotebookNode) -> Iterator[str]:
    return (tag for tag in cell.metadata.get("tags", []) if tag.startswith("exercise:"))


@contextmanager
def _clean_kernel_environment() -> Iterator[None]:
    """Kernels start without the user's own startup files and kernels, and draw both forms of a picture."""
    before = dict(os.environ)
    with tempfile.TemporaryDirectory() as empty:
        os.environ |= {"IPYTHONDIR": empty, "JUPYTER_DATA_DIR": empty}
        os.environ.setdefault("PLOTLY_RENDERER", STORED_PICTURES)
        if (chromium := shutil.which("chromium")) and "BROWSER_PATH" not in os.environ:
            os.environ["BROWSER_PATH"] = chromium
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)


Beginning = Annotated[
    str, typer.Argument(help="How the lessons' file names begin, for instance 04")
]


@application.command("execute")
def execute_lessons(beginning: Beginning = "") -> None:
    """Run notebooks and store their outputs; tells how long each took."""
    for path in notebooks(beginning):
        began = time.monotonic()
        notebook = execute(nbformat.read(path, as_version=4))
        nbformat.write(notebook, path)
        minutes = (time.monotonic() - began) / 60
        typer.echo(
            f"{path.name}: {minutes:.1f} minutes, {path.stat().st_size / 1000:.0f} kB"
        )


@application.command("solutions")
def write_solutions(beginning: Beginning = "") -> None:
    """Write the teacher's notebooks."""
    built = FOLDER / "solutions" / "built"
    built.mkdir(exist_ok=True)
    for path in lessons(beginning):
        solution = FOLDER / "solutions" / f"{path.stem}.py"
        if not solution.exists():
            typer.echo(f"{path.name}: no exercises")
            continue
        notebook = with_answers(nbformat.read(path, as_version=4), answers(solution))
        nbformat.write(execute(notebook), built / path.name)
        typer.echo(f"{path.name}: {len(exercise_tags(notebook))} answers")


if __name__ == "__main__":
    try:
        application()
    except ValueError as error:
        sys.exit(str(error))
