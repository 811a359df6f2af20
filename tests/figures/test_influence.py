"""Influence pictures: nothing has a place of its own on the log axis, and the words say where it begins."""

import math

import pytest
import torch

from lessons_lib import figures
from lessons_lib.figures import Series


def test_nothing_lies_on_its_own_tick_below_every_value():
    cliff = Series("convolution", [1.0, 0.5, 1e-13, 0.0])
    figure = figures.influence_curves([cliff, Series("rnn", [1.0, 0.1, 0.01, 1e-4])], title="t")
    axis = figure.layout.yaxis
    floor = axis.tickvals[0]
    assert axis.ticktext[0] == "nothing"
    assert floor < 1e-4
    assert list(figure.data[0].y) == [1.0, 0.5, floor, floor]
    assert list(figure.data[1].y) == [1.0, 0.1, 0.01, 1e-4]
    assert axis.range[0] < math.log10(floor)


def test_a_redrawn_figure_can_keep_its_axis():
    first, second = (
        figures.influence_curves([Series("rnn", values)], title="t", lowest=1e-6)
        for values in ([1.0, 0.1], [1.0, 1e-9])
    )
    assert first.layout.yaxis.tickvals == second.layout.yaxis.tickvals
    assert second.data[0].y[1] == 1e-6, "small is not nothing"


def test_bands_and_styles_survive():
    series = Series.over_seeds("tcn", [[1.0, 0.0], [2.0, 0.0]])
    figure = figures.influence_curves([series], title="t")
    assert "range" in figure.data[0].name
    assert figure.data[1].line.color == figures.style_of("tcn").colour


def test_the_words_say_where_an_influence_ends():
    figure = figures.influence_curves(
        [Series("convolution", [1.0, 0.5, 0.0]), Series("deaf", [0.0, 0.0])], title="t", marks={"k = 2": 2}
    )
    words = figures.describe(figure)
    assert "convolution goes from 1 at 0 to 0.5 at 1, and nothing after it" in words
    assert "deaf: nothing anywhere" in words
    assert "k = 2" in words
    with pytest.raises(ValueError, match="at least 0"):
        figures.influence_curves([Series("x", [-1.0])], title="t")


def test_maps_leave_blank_what_is_not_felt_and_say_how_far_the_rest_reaches():
    band = torch.triu(torch.ones(6, 6)) * torch.tril(torch.ones(6, 6), 2)
    figure = figures.influence_maps({"feed-forward": band, "recurrent": torch.triu(torch.ones(6, 6))}, title="t")
    blank = [[shade is None for shade in row] for row in figure.data[0].z]
    assert blank == (band == 0).tolist()
    words = figures.describe(figure)
    assert "feed-forward: outputs 0 to 2 steps after" in words
    assert "recurrent: outputs 0 to 5 steps after" in words


def test_what_is_infinite_is_a_gap_and_a_series_keeps_its_place():
    series = Series("exploded", [1.0, 10.0, math.inf, math.nan], place=3)
    figure = figures.influence_curves([series], title="t")
    assert list(figure.data[0].y) == [1.0, 10.0, None, None]
    assert figure.data[0].line.color == figures.style.ordered_style(3).colour


def test_maps_of_nothing_and_of_infinite_influence_can_be_drawn():
    exploded = torch.tensor([[1.0, math.inf], [0.0, 0.1]])
    figure = figures.influence_maps({"deaf": torch.zeros(2, 2), "exploded": exploded}, title="t")
    assert list(map(list, figure.data[0].z)) == [[None, None], [None, None]]
    assert list(map(list, figure.data[1].z)) == [[0.0, 0.0], [None, -1.0]]
    assert "deaf: nothing anywhere" in figures.describe(figure)
