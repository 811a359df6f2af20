import pytest
from ipywidgets.widgets import widget as registry

from lessons_lib.panels.controls import NumberControl, close_all


@pytest.fixture
def told():
    return []


def control(told, **changes):
    given = {"low": 1, "high": 50, "step": 1, "value": 20, "integer": True, "on_change": told.append} | changes
    return NumberControl("k", "how far back the gradient reaches", **given)


def test_slider_and_box_move_together_and_tell_once(told):
    k = control(told)
    k.slider.value = 30
    k.number.value = 10
    assert (k.slider.value, k.number.value, told) == (10, 10, [30, 10])


def test_showing_a_value_tells_nobody(told):
    k = control(told)
    k.show(7)
    assert (k.slider.value, k.number.value, k.value, told) == (7, 7, 7, [])


def test_a_number_switched_off_is_none_and_comes_back(told):
    bound = control(told, value=None, switch="bound", integer=False, low=0.05, high=2.5, step=0.05)
    assert bound.value is None
    assert bound.slider.disabled
    bound._switch.value = True
    bound.number.value = 0.9
    bound._switch.value = False
    assert told == [2.5, 0.9, None]
    bound.show(0.5)
    assert (bound.value, bound.slider.disabled, told) == (0.5, False, [2.5, 0.9, None])


def test_a_logarithmic_slider_rounds_to_two_digits_without_moving_its_handle(told):
    rate = control(told, integer=False, logarithmic=True, low=0.01, high=10.0, step=0.05, value=1.0)
    rate.slider.value = 10**0.05
    assert (rate.number.value, rate.slider.value, told) == (1.1, 10**0.05, [1.1])
    rate.number.value = 0.123
    assert (rate.slider.value, told) == (0.123, [1.1, 0.123])


def test_close_all_leaves_no_widget_behind(told):
    before = set(registry._instances)
    bound = control(told, value=None, switch="bound")
    close_all(bound)
    assert set(registry._instances) == before
