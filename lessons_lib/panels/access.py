"""What ipywidgets leaves out of a panel: names for sliders, quiet shortcuts, one word about a lost kernel."""

from __future__ import annotations

from pathlib import Path

import anywidget
import traitlets

PANEL = "lessons-panel"  # the class of the element that is looked after
STATUS = "lessons-status"  # of lines that are read out when they change


class Access(anywidget.AnyWidget):
    """A widget without a picture that looks after the panel it stands in.

    - Sliders and number boxes bear the name that is written before them, and say their number.
    - While the focus is in the panel, letters are no shortcuts of JupyterLab: "d d" does not delete the cell.
    - Lines of the class ``lessons-status`` are read out when they change.
    - When the kernel was restarted, one line says so, and which cell to run, instead of a mark on every widget.
    - :meth:`copy_text` puts a text on the clipboard, and shows it where the browser refuses.

    Args:
        cell: what makes a new panel, for the line about a lost kernel.
    """

    _esm = Path(__file__).with_name("access.js")
    _css = Path(__file__).with_name("panel.css")

    cell = traitlets.Unicode().tag(sync=True)

    def __init__(self, cell: str = "this cell") -> None:
        super().__init__(cell=cell)

    def copy_text(self, text: str) -> None:
        """Put ``text`` on the clipboard of the page that asked for it by a click a moment ago."""
        self.send({"op": "copy", "text": text})
