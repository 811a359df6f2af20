"""The playground's notebook: a title, two cells, nothing to read; Run All gives a working thing."""

import nbformat

from notebooks.build import FOLDER, lessons, notebooks

PATH = FOLDER / "playground.ipynb"


def test_it_is_executed_with_the_lessons_and_is_none() -> None:
    assert PATH in notebooks()
    assert PATH not in lessons()
    assert notebooks("playground") == [PATH]
    assert [path.stem[:2] for path in lessons()] == [f"{number:02}" for number in range(len(lessons()))]


def test_it_imports_shows_and_says_little_else() -> None:
    title, imports, shows = nbformat.read(PATH, as_version=4).cells
    assert title.source.startswith("# Playground\n")
    assert len(title.source.split()) < 40
    assert all(line.startswith("from lessons_lib.") for line in imports.source.splitlines())
    assert shows.source == "Playground()"


def test_it_is_stored_as_run_all_leaves_it() -> None:
    notebook = nbformat.read(PATH, as_version=4)
    imports, shows = (cell for cell in notebook.cells if cell.cell_type == "code")
    assert imports.execution_count is not None
    assert imports.outputs == []
    (shown,) = shows.outputs
    assert shown.data["text/plain"].endswith("run this cell again: what was built is found again.")
    assert "widgets" not in notebook.metadata
