"""Paths in the plane: every start has its own line, and the words say how far apart they ended."""

import pytest
import torch

from lessons_lib import figures


def test_paths_are_separate_lines_between_their_starts_and_ends():
    states = torch.tensor([[[0.5, 0.0], [-0.5, 0.0]], [[0.25, 0.1], [-0.25, 0.1]]])
    figure = figures.orbits(states, title="Two starts")
    paths, start, end = figure.data
    assert list(paths.x) == [0.5, 0.25, None, -0.5, -0.25, None]
    assert list(start.x) == [0.5, -0.5]
    assert list(end.y) == [0.1, 0.1]
    assert "at most 1 apart; after 1 steps they are at most 0.5 apart" in figures.describe(figure)


def test_a_matrix_is_drawn_as_the_image_of_a_circle():
    matrix = torch.tensor([[2.0, 0.0], [0.0, 0.5]])
    figure = figures.orbits(torch.zeros(2, 1, 2), title="One", matrix=matrix)
    image = next(trace for trace in figure.data if trace.name == "W")
    assert (max(image.x), max(image.y)) == (1.0, 0.25)


def test_states_outside_a_plane_are_refused():
    with pytest.raises(ValueError, match="only a plane"):
        figures.orbits(torch.zeros(3, 2, 5), title="five dimensions")
