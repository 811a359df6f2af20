"""A lesson as a page without a kernel: what the site and the slides show of a stored notebook."""

import html
import json
import re

import latex2mathml.converter
import nbformat
from nbformat import NotebookNode

from notebooks.build import minutes

PLOTLY, WIDGET = "application/vnd.plotly.v1+json", "application/vnd.jupyter.widget-view+json"


def read(text: str) -> NotebookNode:
    """The notebook in this text, as a page shows it."""
    return without_kernel(nbformat.reads(text, as_version=4))


def without_kernel(notebook: NotebookNode) -> NotebookNode:
    """The same notebook: plotly figures drawn by the page, a plain sentence for each widget, folded sources removed.

    A folded cell asks a question: the page shows that alone.
    """
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            # In a table Markdown takes \| for a bar of text; \Vert is the same sign and safe.
            cell.source = re.sub(r"\$[^$\n]+\$", lambda found: found[0].replace(r"\|", r"\Vert "), cell.source)
        if cell.metadata.get("jupyter", {}).get("source_hidden"):
            cell.metadata["tags"] = [*cell.metadata.get("tags", []), "remove-input"]
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if PLOTLY in data:
                output.data = NotebookNode({"text/html": figure(data[PLOTLY])})
            elif WIDGET in data:
                output.data = NotebookNode({"text/html": sentence(data["text/plain"])})
    return notebook


def figure(stored: NotebookNode) -> str:
    """An element that ``figures.js`` fills with the stored plotly figure; its alt text for those who cannot see it."""
    alt = html.escape(stored["layout"].get("meta", {}).get("alt", "A figure"), quote=True)
    drawn = json.dumps(stored, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
    height = stored["layout"].get("height", 450)
    return (
        f'<div class="live-figure" role="img" aria-label="{alt}" style="height:{height}px">'
        f'<script type="application/json">{drawn}</script></div>'
    )


def sentence(plain: str) -> str:
    """What stands in place of a widget, whose plain text says what it is."""
    return f'<p class="live-here"><strong>Live in the notebook:</strong> {html.escape(plain.rstrip("…"))}</p>'


def mathml(formula: str, block: bool) -> str:
    """MathML of a TeX formula: it needs no script and no font, and a screen reader reads it."""
    return latex2mathml.converter.convert(formula, display="block" if block else "inline")


def timetable(notebook: NotebookNode) -> str:
    """A lesson's minutes in one line: whole minutes for each section, and their sum."""
    found = minutes(notebook)
    sections = " · ".join(f"{name.replace('`', '')} {max(1, round(time))}" for name, time in found.items())
    return f"{sections} — together {round(sum(found.values()))}"
