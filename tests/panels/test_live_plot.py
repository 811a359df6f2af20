"""The kernel's half of the protocol; the browser's half is driven in tests/browser."""

from types import SimpleNamespace

import numpy as np
import pytest

from lessons_lib.panels import LivePlot, live_plot


class View:
    """Reads frames as the page does, and acknowledges when told to."""

    def __init__(self, plot):
        self.plot, self.messages, self.frames, self.curves = plot, [], [], {}
        plot.send = lambda content, buffers=None: self.messages.append((content, buffers))

    def say(self, **content):
        self.plot._receive(self.plot, content, [])
        return self.read()

    def read(self):
        messages, self.messages = self.messages, []
        for content, buffers in messages:
            if content["op"] != "frame":
                continue
            self.frames.append(content)
            if "figure" in content:
                self.curves = {}
            values, position = np.frombuffer(buffers[0], np.float32), 0
            for trace, start, count in content["parts"]:
                columns = values[position : position + 2 * count].reshape(2, count)
                position += 2 * count
                kept = self.curves.get(trace, np.empty((2, 0)))[:, :start]
                self.curves[trace] = np.concatenate([kept, columns], axis=1)
            assert position == len(values)
        return messages

    def y(self, trace=0):
        return self.curves[trace][1].tolist()


@pytest.fixture
def plot():
    return LivePlot(
        {"loss": {"mode": "lines"}, "spectrum": {"plot": "right"}},
        {"left": {"height": 300}, "right": {}},
        alt="two curves",
    )


@pytest.fixture
def view(plot):
    view = View(plot)
    view.say(op="hello")
    return view


def test_a_new_view_gets_the_whole_history(plot):
    plot.draw(append={"loss": ([1, 2], [3.0, 4.0])}, layouts={"right": {"shapes": [{"type": "line"}]}})
    view = View(plot)
    view.say(op="hello")
    assert view.y() == [3.0, 4.0]
    figure = view.frames[-1]["figure"]
    assert figure["layouts"] == [{"height": 300}, {"shapes": [{"type": "line"}]}]
    assert figure["traces"] == [[0, {"mode": "lines"}], [1, {}]]


def test_a_frame_holds_only_what_is_new(plot, view):
    plot.draw(append={"loss": ([1], [3.0])})
    plot.draw(append={"loss": ([2], [4.0])}, replace={"spectrum": ([0, 1], [2.0, 1.0])})
    view.read()
    assert view.frames[-1]["parts"] == [(0, 1, 1), (1, 0, 2)]
    assert (view.y(0), view.y(1)) == ([3.0, 4.0], [2.0, 1.0])


def test_a_replaced_curve_may_shrink_to_nothing(plot, view):
    plot.draw(replace={"spectrum": ([0, 1], [2.0, 1.0])})
    plot.draw(replace={"spectrum": ([], [])})
    view.read()
    assert view.y(1) == []


def test_nothing_new_sends_nothing(plot, view):
    plot.draw(layouts={"left": {"height": 300}})
    assert view.read() == []


def test_a_frame_holds_only_the_changed_entries_of_a_layout(plot, view):
    plot.draw(layouts={"left": {"height": 300}, "right": {"height": 200}})
    view.read()
    assert view.frames[-1]["layouts"] == {"1": {"height": 200}}


def test_a_slow_view_gets_one_frame_with_everything_since(plot, view):
    view.say(op="drawn", frame=view.frames[-1]["frame"])
    for step in range(50):
        plot.draw(append={"loss": ([step], [float(step)])})
    assert len(view.read()) == live_plot.FRAMES_AHEAD + 1
    assert len(view.say(op="drawn", frame=view.frames[-1]["frame"])) == 1
    assert view.y() == [float(step) for step in range(50)]


def test_without_acknowledgement_the_rest_goes_out_all_the_same(plot, view, monkeypatch):
    timers = []

    class Timer:
        def __init__(self, seconds, then):
            self.seconds, self.then = seconds, then

        def start(self):
            timers.append(self)

    monkeypatch.setattr(live_plot, "threading", SimpleNamespace(Timer=Timer))
    for step in range(10):
        plot.draw(append={"loss": ([step], [0.0])})
    view.read()
    assert len(view.y()) < 10
    assert [timer.seconds for timer in timers] == [live_plot.PATIENCE]
    timers[0].then()
    assert len(view.read()) == 1
    assert len(view.y()) == 10


def test_frames_follow_a_regrouped_curve(plot, view):
    rng = np.random.default_rng(0)
    for step in range(0, 5000, 10):
        plot.draw(append={"loss": (range(step, step + 10), rng.normal(size=10))})
        view.read()
        view.say(op="drawn", frame=view.frames[-1]["frame"])
    np.testing.assert_array_equal(view.y(), plot.curves["loss"].y.astype(np.float32))


def test_clear_empties_every_curve(plot, view):
    plot.draw(append={"loss": ([1], [3.0])})
    plot.clear()
    view.read()
    assert view.y() == []
    assert "figure" in view.frames[-1]


def test_plotly_comes_from_the_installed_package(view):
    [(content, buffers)] = view.say(op="plotly")
    assert content == {"op": "plotly"}
    assert len(buffers[0]) > 1_000_000


def test_the_static_figure_shows_the_same_points_in_the_same_places(plot):
    line = {"type": "line", "x0": 1, "x1": 1, "y0": 0, "y1": 1, "yref": "y domain"}
    plot.draw(
        append={"loss": ([1, 2], [3.0, 4.0])}, layouts={"right": {"shapes": [line], "title": {"text": "spectrum"}}}
    )
    figure = plot.figure()
    assert list(figure.data[0].y) == [3.0, 4.0]
    assert (figure.data[0].xaxis, figure.data[1].xaxis) == ("x", "x2")
    assert (figure.layout.shapes[0].xref, figure.layout.shapes[0].yref) == ("x2", "y2 domain")
    assert "spectrum" in [words.text for words in figure.layout.annotations]


def test_a_curve_in_no_known_plot_is_refused():
    with pytest.raises(ValueError, match="no layout for the plot 'middle'"):
        LivePlot({"loss": {"plot": "middle"}}, {"left": {}}, alt="")


def test_an_unknown_curve_is_refused(plot):
    with pytest.raises(ValueError, match="no curve 'perplexity'"):
        plot.draw(append={"perplexity": ([1], [2])})
