"""The teacher's guide keeps up with the lessons: every lesson, every part, every term with a lesson that exists."""

import re

import nbformat

from docs.pages import WIDGET
from notebooks.build import lessons, minutes
from tests.site.conftest import ROOT

GUIDE = (ROOT / "docs" / "teaching" / "lessons.md").read_text(encoding="utf8")
PARTS = ["Aim", "Minutes", "Say", "Misconception", "Discuss", "Cut", "Can go wrong", "Without the panel"]


def test_every_lesson_has_every_part_in_order():
    numbers = [path.stem[:2] for path in lessons()]
    chapters = dict(re.findall(r"^## (\d\d) .*\n([\s\S]*?)(?=^## |\Z)", GUIDE, re.M))
    assert list(chapters) == numbers
    for number, text in chapters.items():
        assert re.findall(r"^\*\*([^*.]+)\.\*\*", text, re.M) == PARTS, number
        assert f"{{{{ minutes_{number} }}}}" in text
        assert len(re.findall(r"\*[^*]+\?\*", re.search(r"\*\*Discuss[^§]*?\n\n", text)[0])) == 2, (
            f"{number}: two questions to discuss"
        )
        assert all(f"{time}: " in text for time in (50, 75, 90)), number


def test_chapters_bear_the_lessons_titles():
    for path in lessons():
        title = nbformat.read(path, as_version=4).cells[0].source.splitlines()[0].removeprefix("# ")
        assert f"## {title.replace(' · ', ' ')}\n" in GUIDE


def test_minutes_count_text_code_questions_exercises_and_panels():
    cell = nbformat.v4
    panel = cell.new_output("display_data", {"text/plain": "a live panel, to be used where notebooks run"})
    asked = cell.new_output("display_data", {"text/plain": "Question", WIDGET: {"model_id": "1"}})
    notebook = cell.new_notebook(
        cells=[
            cell.new_markdown_cell("word " * 140),
            cell.new_markdown_cell("## Second"),
            cell.new_code_cell("\n".join(["pass"] * 15), outputs=[panel]),
            cell.new_code_cell("ask(questions.past)", outputs=[asked]),
            cell.new_code_cell("...", metadata={"tags": ["exercise:00-1"]}),
        ]
    )
    found = minutes(notebook)
    assert found["Opening"] == 1
    assert round(found["Second"], 1) == 10.0  # 2 of code, 4, 1 and 3


def headings() -> dict[str, list[str]]:
    """Each lesson's sections, as the guide may call them: an optional one with that word before it, or without."""
    found = {}
    for path in lessons():
        cells = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown"]
        names = re.findall(r"^## (.*)$", "\n".join(cells), re.M)
        found[path.stem[:2]] = [*names, *(name.removeprefix("Optional: ") for name in names)]
    return found


def lost(named: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Of pairs (lesson, name), those that begin no section there."""
    sections = headings()
    return [(n, name) for n, name in named if not any(one.lower().startswith(name.lower()) for one in sections[n])]


ITALIC = r"(?<!\*)\*([^*\n]+)\*(?!\*)"


def test_the_sections_that_a_plan_names_stand_in_its_lessons():
    plans = (ROOT / "docs" / "teaching" / "plans.md").read_text(encoding="utf8")
    lesson, named = "", []
    for number, name in re.findall(rf"(?<![\d-])(0\d|1[0-3])(?= |,|;|\))|{ITALIC}", plans):
        lesson = number or lesson
        named += [(lesson, name)] if name else []
    assert len(named) > 15
    assert lost(named) == []
    assert lost([("12", "A section of another course")]) != []


def test_what_to_cut_and_what_to_do_without_the_panel_name_sections_that_are_there():
    for number, text in re.findall(r"^## (\d\d) .*\n([\s\S]*?)(?=^## |\Z)", GUIDE, re.M):
        for line in re.findall(r"^\*\*(?:Cut|Without the panel)\.\*\* (.*)$", text, re.M):
            assert lost([(number, name) for name in re.findall(ITALIC, line)]) == []


def test_every_term_of_the_glossary_names_a_lesson():
    terms = re.findall(r"^(\S.*?) \(([\d, ]+)\)\n: ", (ROOT / "docs" / "glossary.md").read_text(encoding="utf8"), re.M)
    assert len(terms) > 30
    known = {path.stem[:2] for path in lessons()}
    assert all(set(where.split(", ")) <= known for _, where in terms)
    assert [term.lower() for term, _ in terms] == sorted(term.lower() for term, _ in terms)
