"""Slides from a lesson's own cells: those that carry a slide type, in the order of the lesson."""

import re
from pathlib import Path

import nbformat
import plotly.offline
import sphinx_revealjs
from jinja2 import pass_context
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin
from nbconvert import SlidesExporter
from nbformat import NotebookNode

from docs.pages import mathml, without_kernel

FOLDER = Path(__file__).parent
WORDS = 60  # of running text on a slide, at most; the rest of a cell is the speaker's
TYPES = {"slide", "subslide", "fragment"}


class Slides(SlidesExporter):
    """nbconvert's slides with the site's Markdown and MathML, and files of this folder in place of a network's."""

    template_name = "deck"

    @pass_context
    def markdown2html(self, context, source: str) -> str:
        return MARKDOWN.render(source)


MARKDOWN = MarkdownIt("commonmark").enable("table")
MARKDOWN.use(dollarmath_plugin, renderer=lambda formula, options: mathml(formula, options["display_mode"]))


def chosen(notebook: NotebookNode) -> NotebookNode:
    """The cells that carry a slide type, each as much as fits: figures without their code, long texts in the notes."""
    cells = []
    for cell in without_kernel(notebook).cells:
        if cell.metadata.get("slideshow", {}).get("slide_type") not in TYPES:
            continue
        cells.append(cell)
        if cell.cell_type == "markdown":
            cell.source, rest = split(cell.source)
            if rest:
                cells.append(nbformat.v4.new_markdown_cell(rest, metadata={"slideshow": {"slide_type": "notes"}}))
        elif figures := [output for output in cell.outputs if "live-figure" in str(output.get("data", ""))]:
            cell.source, cell.outputs = "", figures
        elif "remove-input" in cell.metadata.get("tags", []) or "text/markdown" in str(cell.outputs):
            cell.source = ""
    notebook.cells = cells
    return notebook


def split(source: str) -> tuple[str, str]:
    """What stands on the slide and what the speaker reads: headings, lists, formulas and tables, and WORDS of text.

    A paragraph ends after the sentence that is still allowed; the first sentence always is.
    """
    shown, spoken, left = [], [], WORDS
    for block in re.split(r"\n\s*\n", source):
        if re.match(r"#|\$\$|[-*] |\d+\. |\|", block):
            shown.append(block)
            continue
        sentences = re.split(r"(?<=[.?!])\s+(?=[A-Z*])", block)
        fit = 0
        for sentence in sentences:
            left -= len(sentence.split())
            if left < 0 and (fit or spoken or any(not text.startswith("#") for text in shown)):
                break
            fit += 1
        shown += [" ".join(sentences[:fit])] if fit else []
        spoken += [" ".join(sentences[fit:])] if fit < len(sentences) else []
        left = 0 if spoken else left
    return "\n\n".join(shown), "\n\n".join(spoken)


def write(lesson: Path, target: Path) -> Path:
    """The slides of a lesson as a page, beside the files that it needs; gives the page's path.

    Raises:
        ValueError: no cell of the lesson carries a slide type.
    """
    notebook = chosen(nbformat.read(lesson, as_version=4))
    if not notebook.cells:
        raise ValueError(
            f"no cell of {lesson.name} carries a slide type: choose some in JupyterLab's property inspector"
        )
    body, _ = Slides(extra_template_basedirs=[str(FOLDER)]).from_notebook_node(
        notebook, {"metadata": {"name": lesson.stem}}
    )
    target.mkdir(parents=True, exist_ok=True)
    reveal = Path(sphinx_revealjs.__file__).parent / "_static" / "revealjs"
    files = {
        "plotly.js": plotly.offline.get_plotlyjs(),
        **{name: (reveal / "dist" / name).read_text(encoding="utf8") for name in ("reveal.js", "reveal.css")},
        "notes.js": (reveal / "plugin" / "notes" / "notes.js").read_text(encoding="utf8"),
        "figures.js": (FOLDER / "static" / "figures.js").read_text(encoding="utf8"),
        "slides.css": (FOLDER / "deck" / "slides.css").read_text(encoding="utf8"),
        f"{lesson.stem}.html": body,
    }
    for name, text in files.items():
        (target / name).write_text(text, encoding="utf8")
    return target / f"{lesson.stem}.html"
