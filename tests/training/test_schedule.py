"""The learning rate's fall."""

import pytest

from lessons_lib.training import Settings, linear_decay


@pytest.mark.parametrize(
    ("progress", "hold", "share"), [(0, 0, 1), (0.25, 0, 0.75), (0.5, 0.5, 1), (0.75, 0.5, 0.5), (0.9, 0.8, 0.5)]
)
def test_the_rate_stays_then_falls_in_a_line(progress, hold, share):
    assert linear_decay(progress, hold) == pytest.approx(share)


def test_the_last_rate_is_one_that_settings_take():
    assert Settings(5, learning_rate=linear_decay(1.0)).learning_rate < 1e-8
