"""The site works offline, in light and dark, wide and narrow, for those who see it and those who do not."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe

from docs.pages import read
from notebooks.build import lessons
from tests.notebooks.lint import ASKS
from tests.site.conftest import Visit, run

pytestmark = [pytest.mark.browser, pytest.mark.slow]

OF_EACH_KIND = {"docs/index.html", "notebooks/00_start_here.html", "docs/api/checks.html", "docs/teaching/index.html"}
CODE = [".highlight pre > span"]
DRAWN = [".live-figure > *"]  # an image with a text of its own: what is inside it is not read out
SHOWN_ASKING = re.compile(r'<span class="n">ask</span><span class="p">\(')
GRAVE = {"serious", "critical"}


def pages(site) -> list[str]:
    return sorted(str(path.relative_to(site)) for path in site.rglob("*/*.html") if "_static" not in path.parts)


def grave(page, *but: str, **options) -> list[str]:
    """What axe-core finds serious or critical, except inside the elements that these selectors name."""
    where = {"exclude": [[selector] for selector in but]}
    found = Axe().run(page, where, {"resultTypes": ["violations"], "preload": False, **options})
    return [
        f"{page.url} at {page.viewport_size['width']}: {violation['id']}: {node['html'][:160]}"
        for violation in found.response["violations"]
        if violation["impact"] in GRAVE
        for node in violation["nodes"][:3]
    ]


def use_theme(page, theme: str) -> None:
    page.evaluate("theme => Object.assign(document.documentElement.dataset, { theme, mode: theme })", theme)


def draw_all(page) -> None:
    """Scroll to every figure, as a reader does."""
    for figure in page.locator(".live-figure").all():
        figure.scroll_into_view_if_needed()
    page.wait_for_function("() => !document.querySelector('.live-figure:not([data-drawn])')", timeout=20_000)


def test_every_page_works_alone_and_axe_core_finds_nothing_serious(site, address, browser):
    """Every page wide and light; a page of each kind also narrow and dark, where all share one style sheet.

    The colours of code stand on those, and are not looked at again elsewhere: that takes minutes.
    """
    visit, found = Visit(browser, address), []
    for name in pages(site):
        closely = name in OF_EACH_KIND
        for theme, width in (("light", 1366), ("dark", 900))[: 1 + closely]:
            visit.page.set_viewport_size({"width": width, "height": 768})
            visit.page.goto(f"{address}/{name}")
            use_theme(visit.page, theme)
            draw_all(visit.page)
            found += grave(visit.page, *DRAWN, *([] if closely else CODE))
    visit.page.close()
    assert visit.wrong == []
    assert found == []


def curve(page, name: str) -> str:
    """The drawn path of the run that was pulled."""
    return page.locator(f"#replay-{name} .scatterlayer .trace .js-line").last.get_attribute("d")


def test_the_replay_s_slider_moves_the_curves(address, browser):
    visit = Visit(browser, address)
    visit.page.goto(address)  # the root leads to the front page
    visit.page.wait_for_selector("#replay-error[data-drawn]")
    before, words = [curve(visit.page, name) for name in ("loss", "error")], visit.page.locator("#replay-words")
    unpulled = words.text_content()
    visit.page.locator("#replay-bound").focus()
    for _ in range(4):
        visit.page.keyboard.press("ArrowLeft")
    visit.page.wait_for_function("() => document.querySelector('#replay-value').textContent === '0.9'")
    visit.page.wait_for_timeout(100)
    after = [curve(visit.page, name) for name in ("loss", "error")]
    assert all(old != new for old, new in zip(before, after, strict=True))
    assert words.text_content().startswith("λ = 0.9.")
    assert words.text_content() != unpulled
    assert visit.wrong == []
    visit.page.close()


def test_figures_take_the_colours_of_the_theme(address, browser):
    visit = Visit(browser, address)
    visit.page.goto(f"{address}/docs/index.html")
    visit.page.wait_for_selector("#replay-loss[data-drawn]")
    colours = []
    for theme in ("light", "dark"):
        use_theme(visit.page, theme)
        visit.page.wait_for_timeout(300)
        colours.append(visit.page.locator("#replay-loss .gtitle").first.evaluate("e => getComputedStyle(e).fill"))
    assert colours[0] != colours[1]
    visit.page.close()


def test_search_finds_a_word_of_a_lesson(address, browser):
    visit = Visit(browser, address)
    visit.page.goto(f"{address}/search.html?q=perplexity")
    visit.page.wait_for_selector("#search-results li")
    assert "perplexity" in visit.page.locator("#search-results").text_content().lower()
    assert visit.wrong == []
    visit.page.close()


def test_no_page_shows_the_answer_of_a_question(site):
    """The cells that ask hold their answers; a page shows what is asked and not the cell."""
    asked = 0
    for path in lessons():
        page = (site / "notebooks" / f"{path.stem}.html").read_text(encoding="utf8")
        notebook = read(path.read_text(encoding="utf8"))
        for cell in notebook.cells:
            if cell.cell_type == "code" and ASKS.search(cell.source):
                asked += 1
                assert "remove-input" in cell.metadata.tags
        assert not SHOWN_ASKING.search(page), path.name
        assert "Live in the notebook:" in page
    assert asked > 40


def test_a_folder_that_holds_something_else_is_not_built_over(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    told = run("site", "--target", str(tmp_path))
    assert told.returncode == 1
    assert "choose an empty folder or a new one" in told.stderr
    assert len(told.stderr.splitlines()) == 1
    assert (tmp_path / "thesis.tex").read_text() == "years of work"
