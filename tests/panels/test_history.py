import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lessons_lib.panels.history import Curve, RunningMean, as_frame

CAPACITY = 16
finite = st.floats(-1e6, 1e6, allow_nan=False)


def in_chunks(curve: Curve, values: list[float], sizes: list[int]) -> None:
    position = 0
    while position < len(values):
        size = sizes[position % len(sizes)]
        chunk = values[position : position + size]
        curve.extend(range(position, position + len(chunk)), chunk)
        position += len(chunk)


@settings(deadline=None, max_examples=60)
@given(values=st.lists(finite, max_size=200), sizes=st.lists(st.integers(1, 40), min_size=1, max_size=5))
def test_spikes_survive_and_the_size_is_bounded(values, sizes):
    curve = Curve(CAPACITY)
    in_chunks(curve, values, sizes)
    assert len(curve) <= CAPACITY
    drawn = values[: len(values) - len(values) % curve.stride]
    if drawn:
        assert curve.y.min() == min(drawn)
        assert curve.y.max() == max(drawn)
    assert np.all(np.diff(curve.x) >= 0)
    assert all(values[int(x)] == y for x, y in zip(curve.x, curve.y, strict=True))


@settings(deadline=None, max_examples=30)
@given(values=st.lists(finite, max_size=200), sizes=st.lists(st.integers(1, 40), min_size=1, max_size=5))
def test_the_points_do_not_depend_on_how_samples_arrive(values, sizes):
    piecewise, at_once = Curve(CAPACITY), Curve(CAPACITY)
    in_chunks(piecewise, values, sizes)
    at_once.extend(range(len(values)), values)
    np.testing.assert_array_equal(piecewise.y, at_once.y)
    np.testing.assert_array_equal(piecewise.x, at_once.x)


@settings(deadline=None, max_examples=30)
@given(values=st.lists(finite, min_size=1, max_size=200))
def test_points_already_drawn_change_only_with_the_generation(values):
    curve = Curve(CAPACITY)
    for position, value in enumerate(values):
        before, generation = curve.y.copy(), curve.generation
        curve.extend([position], [value])
        if curve.generation == generation:
            np.testing.assert_array_equal(curve.y[: len(before)], before)


def test_a_single_spike_among_a_million_samples_is_drawn():
    values = np.zeros(1_000_000)
    values[567_891] = 7.0
    curve = Curve()
    curve.extend(np.arange(1_000_000), values)
    assert len(curve) <= 2000
    assert curve.x[curve.y.argmax()] == 567_891


def test_missing_samples_never_hide_finite_ones():
    curve = Curve(8)
    curve.extend(range(16), [math.nan, math.inf, 3.0, math.nan] + [math.nan] * 4 + [1.0] * 8)
    assert curve.stride == 4
    assert curve.y[:2].tolist() == [3.0, 3.0]
    assert np.isnan(curve.y[2:4]).all()


def test_assign_replaces_everything():
    curve = Curve()
    curve.extend([1, 2], [3, 4])
    curve.assign([5], [6])
    assert (curve.x.tolist(), curve.y.tolist()) == ([5], [6])


def test_unequal_lengths_are_refused():
    with pytest.raises(ValueError, match="same length"):
        Curve().extend([1, 2], [3])


def test_a_frame_holds_the_new_points_in_single_precision():
    curve = Curve()
    curve.extend([1, 2, 3], [0.5, 0.25, 0.125])
    assert np.frombuffer(as_frame([(curve, 1)]), np.float32).tolist() == [2, 3, 0.25, 0.125]
    assert as_frame([]) == b""


def test_a_running_mean_is_of_the_last_quarter_until_that_is_the_window_however_it_is_fed():
    samples = np.random.default_rng(0).normal(size=1000)
    expected = [samples[max(0, n - min(100, -(-n // 4))) : n].mean() for n in range(1, 1001)]
    mean, found = RunningMean(100), []
    for piece in np.split(samples, [1, 1, 5, 60, 399, 400, 999]):
        found += mean(piece).tolist()
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_a_running_mean_goes_on_where_another_stream_parted():
    samples = np.arange(1000.0)
    whole = RunningMean(100)(samples)
    np.testing.assert_allclose(RunningMean(100, samples[150:250], 250)(samples[250:]), whole[250:])
