"""Turning a lesson's sliders over a picture, with a keyboard, as its learner does."""

import os
import platform
import re
import statistics
import time

from tests.browser.lab import LabNotebook
from tests.browser.steering import JUDGED, LATENCY_LIMIT, OPPOSITE
from tests.waiting import wait_for

# What a collapsed section hides is not drawn.
PARTS = "[...document.querySelectorAll('.lessons-live-plot-part')].filter(part => part.offsetWidth)"
# From each key press to the moments at which the first and the last of the plots that it changed were drawn.
CLOCK = f"""() => {{
    window.redraws = [];
    let pressed = 0;
    addEventListener('keydown', () => {{ pressed = performance.now(); window.redraws.push([]); }}, true);
    for (const part of {PARTS})
        part.on('plotly_afterplot', () => {{
            window.redraws.at(-1)?.push(performance.now() - pressed);
        }});
}}"""


class ExplorerPage:
    """A lesson's explorer on an open notebook's page: run, bet, turn, look.

    ``cell`` stands in the source of the cell that shows it.
    """

    def __init__(self, notebook: LabNotebook, lesson: str, cell: str = "Explorer(picture") -> None:
        self.notebook, self.page, self.cell = notebook.open(lesson), notebook.page, cell

    def run_all(self) -> None:
        """Run All goes through, and the picture stands there."""
        self.notebook.run_all()
        # A notebook makes the outputs that it shows, and those alone.
        self.notebook.show_cell(self.notebook.cell_with(self.cell))
        self.page.wait_for_function(f"() => {PARTS}.length && {PARTS}.every(part => part.data)", timeout=300_000)
        assert self.page.locator(".jp-RenderedText[data-mime-type$='error']").count() == 0

    def commit(self, option: str) -> None:
        """Answer the prediction; the sliders are locked before and free afterwards."""
        handle = self.page.locator(".widget-slider:visible [disabled]")
        assert handle.count() > 0
        self.page.locator(".jupyter-button", has_text=re.compile(rf"^\s*{re.escape(option)}\s*$")).first.click()
        wait_for(lambda: handle.count() == 0, 15, "the answer did not unlock the sliders")

    def turn(self, label: str, *keys: str, apart: float = 0) -> None:
        """Press keys on the slider of that label, so many seconds apart."""
        slider = self.page.locator(".widget-slider", has_text=label).locator(".noUi-handle").first
        for key in keys:
            slider.press(key)
            time.sleep(apart)

    def titles(self) -> list[str]:
        return self.page.evaluate(f"() => {PARTS}.map(part => part.layout.title.text)")

    def wait_for_title(self, text: str) -> None:
        self.page.wait_for_function(f"text => {PARTS}.some(p => p.layout.title.text.includes(text))", arg=text)

    def wait_until_told(self, text: str) -> None:
        """A question's answer on the page holds this text."""
        told = "[...document.querySelectorAll('.lessons-question [role=status]')].map(one => one.textContent)"
        self.page.wait_for_function(f"text => {told}.some(one => one.includes(text))", arg=text)

    def redraw_times(self, label: str, key: str) -> None:
        """Print how soon the picture followed; LESSONS_LATENCY_GATE=1, for a quiet machine, judges the median."""
        moves = 20 if JUDGED else 6
        self.page.evaluate(CLOCK)
        self.turn(label, *[OPPOSITE[key] if move % 3 == 2 else key for move in range(moves)], apart=0.25)
        time.sleep(0.5)
        drawn = self.page.evaluate("() => window.redraws.filter(times => times.length)")
        assert len(drawn) > moves // 2, f"{len(drawn)} of {moves} moves were drawn: the picture does not follow"
        first, last = (statistics.median(choose(times) for times in drawn) for choose in (min, max))
        p95 = sorted(map(max, drawn))[round(0.95 * len(drawn)) - 1]
        print(
            f"\nkey to picture: median {first:.0f} ms to the first plot, {last:.0f} ms to the last (p95 {p95:.0f} ms),"
            f" over {len(drawn)} moves; {platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
        )
        assert last <= 1000 * LATENCY_LIMIT or not JUDGED, f"median {last:.0f} ms"

    def pictures(self, name: str) -> None:
        """Light, dark, and on a page 900 pixels wide."""
        for suffix, dark, width in (("light", False, 1280), ("dark", True, 1280), ("narrow", False, 900)):
            self.notebook.use_theme(dark=dark)
            self.page.set_viewport_size({"width": width, "height": 900})
            self.page.evaluate("() => document.querySelector('.lessons-live-plot').scrollIntoView({block: 'end'})")
            self.notebook.picture(f"{name}_{suffix}")
