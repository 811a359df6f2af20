"""Plotly pictures in the notebook that follow a running experiment."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets
from numpy.typing import ArrayLike

from lessons_lib.panels.history import Curve, as_frame

if TYPE_CHECKING:
    import plotly.graph_objects as go

Samples = tuple[ArrayLike, ArrayLike]

FRAMES_AHEAD = 3
PATIENCE = 1.0  # seconds


class LivePlot(anywidget.AnyWidget):
    """Curves that grow while they are looked at; the history stays in Python.

    Any number of tabs may show the plot. A tab that opens says ``hello`` and gets everything; from then on it gets
    frames holding only what is new, as float32 in one buffer, numbered so that a lost one is noticed. A tab
    acknowledges what it has drawn. While more than three frames are unacknowledged nothing is sent, and the next
    frame carries everything since: a slow browser sees fewer pictures, never older ones. Whatever waits for an
    acknowledgement goes out after a second all the same. ``draw`` may be called from any thread.

    The plots stand side by side, or below each other where the page is narrow. Each is drawn for itself, and only
    when something in it changed: drawing is what a live notebook spends most of the browser's time on.

    Args:
        traces: plotly trace without data by the name of its curve. Names are keys here; what the legend shows is the
            trace's own ``name``. The entry ``plot`` says which plot the curve is in (the first, where it is left out).
        layouts: plotly layout by the name of its plot; ``height`` in pixels. Colours of text, axes and background
            follow the page's theme and need no mention. ``meta["says"]``, one sentence, stands in the plot while it
            is empty, and is shown by the button that asks about ``meta["about"]`` ever after.
        alt: what the picture shows, in words.
        capacity: most points kept and drawn of any one curve.
        rest: how long the page pauses after drawing a plot, in multiples of what the drawing took; 0 where nothing but
            the learner's own move makes a picture.
    """

    _esm = Path(__file__).with_name("live_plot.js")
    _css = Path(__file__).with_name("panel.css")

    alt = traitlets.Unicode().tag(sync=True)
    rest = traitlets.Float(3.0).tag(sync=True)

    def __init__(
        self,
        traces: Mapping[str, Mapping[str, Any]],
        layouts: Mapping[str, Mapping[str, Any]],
        *,
        alt: str,
        capacity: int = 2000,
        rest: float = 3.0,
    ) -> None:
        self._lock = threading.RLock()
        self._layouts = {name: copy.deepcopy(dict(layout)) for name, layout in layouts.items()}
        first = next(iter(self._layouts))
        self._plot_of = {name: trace.get("plot", first) for name, trace in traces.items()}
        if unknown := set(self._plot_of.values()) - set(self._layouts):
            raise ValueError(f"no layout for the plot {', '.join(map(repr, unknown))}")
        self._traces = {
            name: {key: value for key, value in trace.items() if key != "plot"} for name, trace in traces.items()
        }
        self.curves = {name: Curve(capacity) for name in traces}
        self._sent: dict[str, tuple[int, int]] = {}
        self._changed_layouts: dict[str, dict[str, Any]] = {}
        self._frame = 0
        self._acknowledged = 0
        self._waiting = False
        super().__init__(alt=alt, rest=rest)
        self.on_msg(self._receive)

    def draw(
        self,
        *,
        append: Mapping[str, Samples] | None = None,
        replace: Mapping[str, Samples] | None = None,
        layouts: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """Add samples to some curves, replace others, change top-level entries of layouts: one frame.

        Raises:
            ValueError: a curve this plot does not have, or samples of unequal length.
        """
        with self._lock:
            for name, (x, y) in (append or {}).items():
                self._curve(name).extend(x, y)
            for name, (x, y) in (replace or {}).items():
                self._curve(name).assign(x, y)
            for plot, changes in (layouts or {}).items():
                for key, value in changes.items():
                    if self._layouts[plot].get(key) != value:
                        self._layouts[plot][key] = value
                        self._changed_layouts.setdefault(plot, {})[key] = value
            if self._frame - self._acknowledged <= FRAMES_AHEAD:
                self._send_changes()
            elif not self._waiting:
                self._waiting = True
                timer = threading.Timer(PATIENCE, self._stop_waiting)
                timer.daemon = True
                timer.start()

    def replace_all(self, replace: Mapping[str, Samples]) -> None:
        """Replace some curves and send the figure whole: for traces whose names or styles have changed."""
        with self._lock:
            for name, (x, y) in replace.items():
                self._curve(name).assign(x, y)
            self._send_everything()

    def clear(self) -> None:
        """Empty every curve: a new experiment starts. Frames of the old one still under way are dropped."""
        with self._lock:
            for curve in self.curves.values():
                curve.clear()
            self._send_everything()

    def figure(self) -> go.Figure:
        """The same pictures as one static plotly figure, for pages that run no widgets."""
        from lessons_lib.panels.static_figure import side_by_side

        with self._lock:
            plots: dict[str, list[dict[str, Any]]] = {name: [] for name in self._layouts}
            for name, trace in self._traces.items():
                curve = self.curves[name]
                plots[self._plot_of[name]].append({**trace, "x": curve.x.copy(), "y": curve.y.copy()})
            return side_by_side([(traces, self._layouts[name]) for name, traces in plots.items()])

    def _curve(self, name: str) -> Curve:
        if name not in self.curves:
            raise ValueError(f"this plot has no curve {name!r}; it has {', '.join(self.curves)}")
        return self.curves[name]

    def _receive(self, _: Any, content: Mapping[str, Any], buffers: Sequence[Any]) -> None:
        operation = content.get("op")
        with self._lock:
            if operation == "hello":
                self._send_everything()
            elif operation == "plotly":
                import plotly.offline

                self.send({"op": "plotly"}, [plotly.offline.get_plotlyjs().encode()])
            elif operation == "drawn":
                self._acknowledged = max(self._acknowledged, int(content["frame"]))
                if self._acknowledged == self._frame:
                    self._stop_waiting()

    def _stop_waiting(self) -> None:
        # The run may have stopped meanwhile: nobody else would send the last points.
        with self._lock:
            if self._waiting:
                self._waiting = False
                self._send_changes()

    def _send_changes(self) -> None:
        parts: list[tuple[int, str, int]] = []
        for index, (name, curve) in enumerate(self.curves.items()):
            generation, length = self._sent.get(name, (0, 0))
            start = length if generation == curve.generation else 0
            if start < len(curve) or generation != curve.generation:
                parts.append((index, name, start))
        if parts or self._changed_layouts:
            order = list(self._layouts)
            changes = {str(order.index(plot)): changes for plot, changes in self._changed_layouts.items()}
            self._send_frame(parts, {"layouts": changes})

    def _send_everything(self) -> None:
        order = list(self._layouts)
        figure = {
            "traces": [[order.index(self._plot_of[name]), trace] for name, trace in self._traces.items()],
            "layouts": list(self._layouts.values()),
        }
        everything = [(index, name, 0) for index, name in enumerate(self.curves)]
        self._send_frame(everything, {"figure": figure})

    def _send_frame(self, parts: Iterable[tuple[int, str, int]], content: dict[str, Any]) -> None:
        parts = list(parts)
        counts = [(index, start, len(self.curves[name]) - start) for index, name, start in parts]
        buffer = as_frame([(self.curves[name], start) for _, name, start in parts])
        self._frame += 1
        self._changed_layouts = {}
        self._sent |= {name: (self.curves[name].generation, len(self.curves[name])) for _, name, _ in parts}
        self.send({"op": "frame", "frame": self._frame, "parts": counts, **content}, [buffer])
