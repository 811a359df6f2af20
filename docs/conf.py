"""The site: Sphinx reads this folder and the stored notebooks where they lie; `make site` builds it, offline."""

import re
import sys
from pathlib import Path

import nbformat
import plotly.offline
from docutils import nodes

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from docs.pages import class_sizes, commands, largest_class, mathml, span, timetable  # noqa: E402  (needs the path)
from lessons_lib.cli import app as command_line  # noqa: E402
from lessons_lib.experiments.class_server import CLASS_SERVER  # noqa: E402
from notebooks.build import lessons  # noqa: E402

project = "When recurrent models don't need to be recurrent"
author = "the lessons_lib contributors"
project_copyright = f"{author}: code MIT, text CC BY 4.0"
language = "en"

# The sources are the repository's root, so that a link from a page to a lesson is the same here and on GitHub.
root_doc = "docs/index"
include_patterns = ["docs/**", "notebooks/*.ipynb"]
exclude_patterns = [".*", "build", "data", "deploy", "lessons_lib", "tests", "notebooks/solutions", "docs/deck"]

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["dollarmath", "amsmath", "deflist", "colon_fence", "substitution"]
# The teacher's guide writes {{ minutes_04 }}.
myst_substitutions = {f"minutes_{path.stem[:2]}": timetable(nbformat.read(path, as_version=4)) for path in lessons()}
_class = CLASS_SERVER.read().points
myst_substitutions |= {
    "commands": commands(command_line),
    "class_sizes": class_sizes(_class),
    "class_largest": str(largest_class(_class)),
    "class_restart": span([point.restart_seconds for point in _class]),
    "class_machine": "; ".join(f"{point.learners}: {point.machine}" for point in _class),
}
myst_heading_anchors = 3
nb_execution_mode = "off"
nb_custom_formats = {".ipynb": "docs.pages.read"}
nb_merge_streams = True
autodoc_typehints = "description"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True

html_context = {"default_mode": "auto"}
html_theme = "pydata_sphinx_theme"
html_title = project
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = [("plotly.js", {"defer": "defer"}), ("figures.js", {"defer": "defer"})]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_math_renderer = "mathml"
html_theme_options = {
    "logo": {"text": "Recurrent, or not?"},
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "show_prev_next": True,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
pygments_style = "a11y-high-contrast-light"


def _mathml(translator, node: nodes.Element) -> None:
    block = isinstance(node, nodes.math_block)
    formula = mathml(node.astext(), block)
    translator.body.append(f'<div class="formula" tabindex="0">{formula}</div>' if block else formula)
    raise nodes.SkipNode


# Docstrings are plain text: code and *emphasis* are marked in them, and a lone star or a bar means itself.
_MARKED = re.compile(r"(``.*?``|(?<![\w*])\*{1,2}[^*\s](?:[^*]*[^*\s])?\*{1,2}(?!\w))|[*|]")


def _plain(app, what, name, obj, options, lines: list[str]) -> None:
    lines[:] = [_MARKED.sub(lambda found: found[1] or "\\" + found[0], line) for line in lines]


def _write_plotly(app) -> None:
    """The plotly.js that the installed plotly package brings; and the recorded first minute, for its page."""
    static = Path(app.outdir) / "_static"
    static.mkdir(parents=True, exist_ok=True)
    (static / "plotly.js").write_text(plotly.offline.get_plotlyjs(), encoding="utf8")
    recorded = (ROOT / "data" / "results" / "first_minute_replay.json").read_text(encoding="utf8")
    (static / "first_minute.js").write_text(f"window.firstMinute = {recorded};", encoding="utf8")


def _lead_to_the_front_page(app, exception) -> None:
    if exception is None:
        page = '<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>{0}</title>'
        page += '<meta http-equiv="refresh" content="0; url=docs/index.html"><a href="docs/index.html">{0}</a></html>'
        (Path(app.outdir) / "index.html").write_text(page.format(project), encoding="utf8")


def setup(app) -> None:
    app.add_html_math_renderer("mathml", (_mathml, None), (_mathml, None))
    app.connect("autodoc-process-docstring", _plain, priority=400)  # napoleon comes at 500
    app.connect("builder-inited", _write_plotly)
    app.connect("build-finished", _lead_to_the_front_page)
