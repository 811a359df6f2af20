"""Slides come from the lesson's own cells, need nothing but their folder, and can be read."""

import re

import nbformat
import pytest

from docs.pages import without_kernel
from docs.slides import MARKDOWN, WORDS, chosen, split, write
from notebooks.build import lessons
from tests.site.conftest import Visit, built, served

SMALLEST = 0.62  # a tall slide may be drawn so much smaller: text of 30 pixels then has 19 of 720


def with_slides() -> list:
    notebooks = {path: nbformat.read(path, as_version=4) for path in lessons()}
    return [
        path for path, notebook in notebooks.items() if any("slideshow" in cell.metadata for cell in notebook.cells)
    ]


def test_lessons_that_have_slides_have_ten_to_fifteen():
    assert {path.stem[:2] for path in with_slides()} >= {"00", "04", "08", "10", "12", "13"}
    for path in with_slides():
        types = [
            cell.metadata.get("slideshow", {}).get("slide_type") for cell in nbformat.read(path, as_version=4).cells
        ]
        assert 10 <= types.count("slide") <= 15, path.name


def test_a_slide_shows_what_fits_and_the_speaker_s_notes_hold_the_rest():
    long = " ".join(["This is a sentence of seven words."] * 20)
    shown, spoken = split(f"## Title\n\n{long}\n\n- point\n\n$$x^2$$\n\nThe end.")
    assert shown.startswith("## Title\n\nThis is")
    assert shown.endswith("- point\n\n$$x^2$$")
    assert len(shown.split("\n\n")[1].split()) <= WORDS
    assert spoken.endswith("The end.")
    assert len((shown + " " + spoken).split()) == len(f"## Title {long} - point $$x^2$$ The end.".split())


def test_a_norm_in_a_table_keeps_both_its_bars():
    table = nbformat.v4.new_markdown_cell("| a | b |\n| --- | --- |\n| $\\|W\\|_2$ | c |")
    (cell,) = without_kernel(nbformat.v4.new_notebook(cells=[table])).cells
    assert MARKDOWN.render(cell.source).count("&#x02016;") == 2


def test_slides_hold_no_answer_to_a_question():
    for path in with_slides():
        notebook = chosen(nbformat.read(path, as_version=4))
        assert not [cell for cell in notebook.cells if re.search(r"\b(?:ask|question|predict)\(", cell.source)]


def test_a_lesson_without_slides_is_told_in_one_line(tmp_path):
    path = tmp_path / "99_none.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# 99")]), path)
    with pytest.raises(ValueError, match="no cell of 99_none"):
        write(path, tmp_path)


@pytest.mark.browser
@pytest.mark.slow
def test_the_slides_of_08_ask_for_nothing_outside_and_each_can_be_read(tmp_path, browser):
    built("slides", "08", "--target", str(tmp_path))
    with served(tmp_path) as address:
        visit = Visit(browser, address, 1280, 720)
        visit.page.goto(f"{address}/08_stability.html")
        visit.page.wait_for_function("() => window.Reveal?.isReady()")
        slides = visit.page.evaluate("Reveal.getTotalSlides()")
        for number in range(slides):
            visit.page.evaluate("number => Reveal.slide(number)", number)
            if visit.page.locator("section.present .live-figure").count():
                visit.page.wait_for_selector("section.present .live-figure[data-drawn] .main-svg")
            zoom = float(visit.page.locator("section.present").last.evaluate("section => section.style.zoom"))
            assert SMALLEST <= zoom <= 1, f"slide {number + 1} is too full"
        assert 10 <= slides <= 15
        assert visit.wrong == []
        visit.page.close()
