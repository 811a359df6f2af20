"""The drawings tell the truth: checked against autograd and against convolutions themselves."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lessons_lib import figures


def gradient_reaches(scheme: str, position: int, k: int, steps: int = 12) -> list[int]:
    """The positions with a gradient, from autograd on a scalar recurrence cut as the scheme says."""
    inputs = torch.ones(steps, dtype=torch.float64, requires_grad=True)
    states = [torch.zeros((), dtype=torch.float64)]
    for t in range(steps):
        before = states[-1]
        if scheme == "chunked" and t % k == 0:
            before = before.detach()
        if scheme == "exact" and t == position - k + 1:
            before = before.detach()
        states.append(0.5 * before + inputs[t])
    (gradient,) = torch.autograd.grad(states[position + 1], inputs)
    return torch.nonzero(gradient).flatten().tolist()


@given(st.sampled_from(["full", "chunked", "exact"]), st.integers(0, 11), st.integers(1, 12))
@settings(deadline=None, max_examples=60)
def test_gradient_reach_is_what_autograd_finds(scheme, position, k):
    assert list(figures.gradient_reach(scheme, position, k)) == gradient_reaches(scheme, position, k)


def test_reached_states_are_the_filled_ones_in_every_frame():
    figure = figures.truncation_schemes(8, 3, stepped=True)
    assert len(figure.frames) == 8
    for position, frame in enumerate(figure.frames):
        reached = next(trace for trace in frame.data if trace.name == "reached")
        for row, scheme in enumerate(("full", "chunked", "exact")):
            filled = [x for x, y in zip(reached.x, reached.y, strict=True) if y == row]
            assert filled == list(figures.gradient_reach(scheme, position, 3))


def test_unknown_schemes_and_positions_are_refused():
    with pytest.raises(ValueError, match="choose one of full, chunked, exact"):
        figures.gradient_reach("half", 3, 2)
    with pytest.raises(ValueError, match="at least 1"):
        figures.gradient_reach("exact", 3, 0)
    with pytest.raises(ValueError, match="outside the 12 steps"):
        figures.truncation_schemes(12, 4, position=12)
    with pytest.raises(ValueError, match="one state more"):
        figures.unrolled_graph([1.0, 2.0], [0.0, 1.0])
    with pytest.raises(ValueError, match="1 to 10 inputs"):
        figures.unrolled_graph([1.0] * 40, [0.0] * 41)


def test_the_unrolled_graph_knows_at_each_step_what_a_loop_knows():
    inputs, states = [1.0, -2.0, 0.5], [0.0, 0.1, 0.2, 0.3]
    figure = figures.unrolled_graph(inputs, states)
    assert len(figure.frames) == 4
    for now, frame in enumerate(figure.frames):
        _, _, arrows, waiting, known, new = frame.data
        shown = {**dict(zip(zip(known.x, known.y, strict=True), known.text, strict=True))}
        expected = {(t, 1): f"{states[t]:.2f}" for t in range(max(now, 1))}
        expected |= {(t, 0): f"{inputs[t - 1]:.2f}" for t in range(1, now + 1)}
        assert shown == expected
        assert list(new.text) == ([f"{states[now]:.2f}"] if now else [])
        assert len(waiting.x) == 2 * (3 - now)
        ends = {(round(x), round(y)) for x, y in zip(arrows.x, arrows.y, strict=True) if x is not None}
        assert ends == ({(now - 1, 1), (now, 0), (now, 1)} if now else set())
    assert "0.1, 0.2, 0.3" in figures.describe(figure)


@given(st.integers(1, 4), st.lists(st.integers(1, 4), min_size=1, max_size=3))
@settings(deadline=None, max_examples=40)
def test_the_leaves_of_the_tree_are_the_inputs_a_convolution_reads(kernel_size, dilations):
    levels = figures.reached_nodes(kernel_size, dilations)
    field = 1 + (kernel_size - 1) * sum(dilations)
    inputs = torch.ones(1, 1, field + 2, requires_grad=True)
    signal = inputs
    for dilation in dilations:
        weight = torch.ones(1, 1, kernel_size)
        signal = torch.nn.functional.conv1d(signal, weight, dilation=dilation)
    (gradient,) = torch.autograd.grad(signal[0, 0, -1], inputs)
    lags = sorted(field + 1 - place for place in torch.nonzero(gradient[0, 0]).flatten().tolist())
    assert levels[-1] == lags


@given(st.integers(2, 3), st.lists(st.integers(1, 3), min_size=1, max_size=3))
@settings(deadline=None, max_examples=20)
def test_a_walk_shows_one_new_node_a_level_and_keeps_what_is_read_later(kernel_size, dilations):
    figure = figures.dilated_walk(kernel_size, dilations, steps=2 + (kernel_size - 1) * max(dilations))
    steps, needed = [], set()
    for frame in figure.frames:
        grey, kept, edges, new = frame.data
        nodes = [set(zip(trace.x, trace.y, strict=True)) for trace in (grey, kept, new)]
        now = max(t for t, _ in nodes[2])
        assert nodes[2] == {(now, height) for height in range(len(dilations) + 1)}
        assert nodes[0] | nodes[1] == {(t, height) for t in range(now) for height in range(len(dilations) + 1)}
        assert len(nodes[1]) == figures.reached_nodes(kernel_size, dilations)[-1][-1]
        read = {(x, y) for x, y in zip(edges.x, edges.y, strict=True) if x is not None}
        assert read <= nodes[1] | nodes[2]
        needed |= read
        steps.append((now, nodes[1]))
    first, kept = steps[0]
    assert kept == {(t, height) for t, height in needed if t < first}, "what is kept is what this or a later step reads"


def test_a_large_tree_leaves_out_what_is_not_read():
    small, large = figures.dilated_tree(2, (1, 2)), figures.dilated_tree(3, (1, 3, 9, 27))
    assert len(small.data[1].x) > 0
    assert len(large.data[1].x) == 0
    assert len(large.data[2].x) == 81 + 27 + 9 + 3 + 1


def test_the_tree_names_its_receptive_field_and_refuses_nonsense():
    figure = figures.dilated_tree(2, (1, 2, 4, 8))
    assert "receptive field 16" in figures.describe(figure)
    with pytest.raises(ValueError, match="each must be at least 1"):
        figures.reached_nodes(0, [1])
