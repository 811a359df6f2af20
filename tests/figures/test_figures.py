"""The figures say in words what they show, look the same each time and stay small."""

import json
import subprocess
import sys

import plotly.graph_objects as go
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lessons_lib import figures
from lessons_lib.figures import Series
from lessons_lib.figures.words import rounded

BACKGROUNDS = ("#ffffff", "#111111")


def every_figure() -> dict[str, go.Figure]:
    loss = [3.0, 2.5, 2.25]
    return {
        "curves": figures.curves([Series("RNN", loss), Series("k = 5", loss)], title="Loss", x="step", y="loss (nats)"),
        "spectrum": figures.spectrum(torch.tensor([0.5, 2.0, 1.0]), bound=0.9),
        "error": figures.error_against_bound([1, 2, 3], [1e-1, 1e-2, 1e-3], [1, 0.5, 0.25], accuracy=0.01),
        "bars": figures.bars({"RNN": [3.0, 5.0], "LSTM": 2.0}, title="Bars", y="perplexity"),
        "circle": figures.circle_images({"W": [[3.0, 0.0], [0.0, 0.5]]}, bound=1.0),
        "diamond": figures.ways_into_l1_ball(
            {"w": [1.25, 0.5], "nearest": [0.875, 0.125]}, radius=1.0, title="Two ways"
        ),
        "schemes": figures.truncation_schemes(stepped=True),
        "unrolled": figures.unrolled_graph([1.0, 0.0, 0.0, 0.0], [0.0, 0.76, 0.36, 0.18, 0.09]),
        "tree": figures.dilated_tree(animated=True),
    }


@pytest.mark.parametrize("name", every_figure())
def test_every_figure_has_title_alt_text_and_the_template(name):
    figure = every_figure()[name]
    words = figures.describe(figure)
    assert figure.layout.title.text in words
    assert figure.layout.meta["alt"] == words
    assert len(words) > len(figure.layout.title.text) + 20
    assert figure.layout.template == figures.finished(go.Figure()).layout.template


@pytest.mark.parametrize("name", every_figure())
def test_a_stored_figure_is_small_and_the_same_each_time(name):
    stored = every_figure()[name].to_json()
    assert stored == every_figure()[name].to_json()
    assert len(stored) < 25_000
    assert "bdata" not in stored, "numbers are stored as rounded lists, not as bytes"
    json.loads(stored)


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_every_family_can_be_seen_on_a_light_and_on_a_dark_page(background):
    assert all(contrast(style.colour, background) >= 3 for style in figures.FAMILIES.values())
    text = figures.finished(go.Figure()).layout.template.layout.font.color
    assert contrast(text, background) >= 4.2


def test_no_two_families_share_colour_and_dash():
    pairs = [(style.colour, style.dash) for style in figures.FAMILIES.values()]
    assert len(set(pairs)) == len(pairs)


def test_style_of_ignores_capitals_and_names_the_families_it_knows():
    assert figures.style_of("Stable LSTM") == figures.FAMILIES["stable lstm"]
    with pytest.raises(ValueError, match="transformer"):
        figures.style_of("perceptron")


def test_a_family_name_gets_its_style_and_leaves_the_colour_order_alone():
    figure = figures.curves(
        [Series("LSTM", [1, 2]), Series("k = 1", [1, 2]), Series("k = 2", [1, 2])], title="t", x="x", y="y"
    )
    colours = [trace.line.color for trace in figure.data]
    assert colours == [
        figures.style_of("lstm").colour,
        figures.ordered_style(0).colour,
        figures.ordered_style(1).colour,
    ]


def test_seeds_become_their_mean_between_lowest_and_highest():
    series = Series.over_seeds("RNN", [torch.tensor([1.0, 4.0]), [3.0, 2.0], [2.0, 6.0]])
    assert (series.y, series.low, series.high) == ([2.0, 4.0], [1.0, 2.0], [3.0, 6.0])
    figure = figures.curves([series], title="t", x="x", y="y")
    assert figure.data[0].y == (3, 6, 2, 1)
    assert "range" not in figures.describe(figure), "the band is not a curve of its own in words"


def test_marks_and_levels_stand_where_they_should_on_log_axes():
    figure = figures.curves(
        [Series("RNN", [1, 10], [1, 100])],
        title="t",
        x="x",
        y="y",
        log_x=True,
        log_y=True,
        marks={"k": 10},
        levels={"optimum": 5.0},
    )
    assert figure.layout.annotations[0].x == pytest.approx(1.0), "plotly places notes by their logarithm"
    assert figure.layout.shapes[0].x0 == 10
    level = figure.data[-1]
    assert (level.name, level.x, level.y) == ("optimum", (1, 100), (5, 5))


def test_a_curve_of_one_point_can_be_seen_and_a_level_beside_it_too():
    figure = figures.curves([Series("RNN", [3.0])], title="Loss", x="step", y="loss", levels={"chance": 2.0})
    assert figure.data[0].mode == "lines+markers"
    assert list(figure.data[1].x) == [0, 1]
    placed = figures.curves([Series("RNN", [3.0], [5])], title="Loss", x="step", y="loss", levels={"chance": 2.0})
    assert [one.mode for one in placed.data] == ["lines+markers"] * 2


def test_curves_of_unequal_length_are_refused():
    with pytest.raises(ValueError, match="'loss' has 2 values of x and 3 of y"):
        figures.curves([Series("loss", [1, 2, 3], [0, 1])], title="t", x="x", y="y")


def test_describe_tells_start_end_extremes_and_log_axes():
    figure = figures.curves(
        [Series("RNN", [4.0, 1.0, 2.0]), Series("flat", [3.0, 3.0, 3.0])],
        title="T",
        x="step",
        y="y",
        log_y=True,
    )
    words = figures.describe(figure)
    assert "RNN goes from 4 to 2 (lowest 1)" in words
    assert "flat stays at 3" in words
    assert "Across: step, up: y (log scale)" in words


def test_describe_follows_a_figure_that_was_changed():
    figure = figures.curves([Series("RNN", [4.0, 1.0])], title="T", x="step", y="y")
    figure.data[0].y = (4.0, 0.5)
    assert "to 0.5" in figures.describe(figure)


def test_bars_show_mean_and_range_and_refuse_nothing():
    figure = figures.bars({"RNN": [2.0, 6.0], "LSTM": [3.0]}, title="t", y="y")
    assert figure.data[0].y == (4,)
    assert (figure.data[0].error_y.array, figure.data[0].error_y.arrayminus) == ((2,), (2,))
    assert figure.data[1].y == (2, 6)
    assert not figure.data[2].error_y.visible, "one seed has no range"
    with pytest.raises(ValueError, match="no value for 'RNN'"):
        figures.bars({"RNN": []}, title="t", y="y")


def test_without_a_bar_one_seed_is_a_dot_and_values_that_cancel_have_mean_zero():
    figure = figures.bars({"RNN": [3.0], "LSTM": [0.1, 0.2, -0.3]}, title="t", y="y", from_zero=False)
    dots = {trace.name: list(trace.y) for trace in figure.data}
    assert dots["RNN, each seed"] == [3.0]
    assert dots["LSTM"] == [0.0]


def test_circle_images_state_the_singular_values():
    words = figures.describe(figures.circle_images({"W": [[0.0, 3.0], [0.5, 0.0]]}, bound=1.0))
    assert "W has semi-axes 3 and 0.5" in words
    with pytest.raises(ValueError, match="not 2x2"):
        figures.circle_images({"W": torch.eye(3)}, bound=1.0)


def test_the_ways_into_an_l1_ball_state_their_lengths():
    rows = {"w": [1.5, 0.5], "nearest": torch.tensor([1.0, 0.0])}
    words = figures.describe(figures.ways_into_l1_ball(rows, radius=1.0, title="One way"))
    assert "w at (1.5, 0.5); nearest at (1, 0), 0.707 away" in words
    with pytest.raises(ValueError, match="has 3 weights"):
        figures.ways_into_l1_ball({"w": [1.0, 2.0, 3.0]}, radius=1.0, title="None")


@given(st.lists(st.floats(-1e300, 1e300) | st.sampled_from([float("nan"), float("inf")]), max_size=20))
@settings(deadline=None, max_examples=50)
def test_rounded_numbers_stay_within_half_a_unit_of_the_last_digit(values):
    for value, short in zip(values, rounded(values), strict=True):
        if value != value or value == float("inf"):
            assert short is None
        else:
            assert abs(short - value) <= 5e-4 * abs(value)


def test_drawing_compiles_no_grammar():
    """Plotly loads nbformat, and that jsonschema: a newer one compiles a grammar of addresses, for a second."""
    code = "import sys, lessons_lib.figures, plotly.io, nbformat; print('lark' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
