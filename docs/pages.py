"""A lesson as a page without a kernel: what the site and the slides show of a stored notebook."""

import html
import json
import re
from collections.abc import Sequence

import latex2mathml.converter
import nbformat
import typer
from nbformat import NotebookNode
from typer.cli import get_docs_for_click

from lessons_lib.experiments.class_server import Point
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


def commands(application: typer.Typer) -> str:
    """The command line's own help, as Markdown without headings."""
    command = typer.main.get_command(application)
    told = get_docs_for_click(obj=command, ctx=typer.Context(command), name="lessons")
    return re.sub(r"^#+ (.*)$", r"**\1**", told, flags=re.MULTILINE)


def class_sizes(points: Sequence[Point]) -> str:
    """The measured sizes of a class as a table in Markdown."""
    rows = [
        "| learners | steps/s each: least to most | share of a lone learner's speed | slider to step, p95 (alone) "
        "| memory a learner | hub and proxy | others beside a runaway cell |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for point in points:
        share = "-" if point.runaway_share is None else f"{point.runaway_share:.2f} of before"
        rows.append(
            f"| {point.learners} | {min(point.steps):.1f} to {max(point.steps):.1f} "
            f"| {sum(point.steps) / len(point.steps) / point.alone_steps:.2f} "
            f"| {point.p95:.0f} ms ({point.alone_p95:.0f} ms) | {max(point.learner_megabytes):.0f} MB "
            f"| {point.hub_megabytes:.0f} MB | {share} |"
        )
    return "\n".join(rows)


def largest_class(points: Sequence[Point]) -> int:
    """The most learners with 95 of 100 moves answered in 300 ms and, each, a quarter of a lone learner's speed."""
    carried = [p for p in points if p.p95 <= 300 and min(p.steps) >= p.alone_steps / 4]
    return max(point.learners for point in carried)


def span(seconds: Sequence[float]) -> str:
    """From the least to the most, in whole seconds."""
    return f"{min(seconds):.0f} and {max(seconds):.0f} s"
