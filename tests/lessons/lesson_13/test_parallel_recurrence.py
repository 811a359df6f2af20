"""The three rivals are of one size, learn, and the artefact holds what the lesson says of them."""

import pytest

from lessons_lib.lessons.lesson_13 import parallel_recurrence


def test_the_rivals_are_of_nearly_the_same_size():
    sizes = [
        sum(p.numel() for p in parallel_recurrence.model_of(name).parameters()) for name in parallel_recurrence.CORES
    ]
    assert max(sizes) < 1.1 * min(sizes)


def test_the_linear_recurrence_learns_and_is_certified():
    found = parallel_recurrence.learn("linear recurrence", 0, steps=60)
    assert found.ratio < 1.1
    assert found.rate <= 0.98


def test_only_the_linear_recurrence_is_certified():
    assert parallel_recurrence.learn("TCN", 0, steps=1).rate is None
    with pytest.raises(ValueError, match="choose one of"):
        parallel_recurrence.model_of("GRU")


def test_speeds_are_positive():
    assert parallel_recurrence.training_speed("TCN", batch_size=1, steps=16) > 0
    assert parallel_recurrence.reading_speed("linear recurrence", steps=4) > 0


def test_the_artefact_holds_three_seeds_within_two_percent_of_the_optimum():
    stored = parallel_recurrence.read()
    assert set(stored["learned"]) == set(stored["speed"]) == set(parallel_recurrence.CORES)
    linear = stored["learned"]["linear recurrence"]
    assert len(linear) == 3
    assert all(one["ratio"] <= 1.02 and one["rate"] <= 0.98 for one in linear)
