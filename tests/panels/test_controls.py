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
    k.type("10")
    assert (k.slider.value, k.box.value, k.value, told) == (10, "10", 10, [30, 10])


def test_showing_a_value_tells_nobody(told):
    k = control(told)
    k.show(7)
    assert (k.slider.value, k.box.value, k.value, told) == (7, "7", 7, [])


def test_a_number_switched_off_is_none_and_comes_back(told):
    bound = control(told, value=None, switch="bound", integer=False, low=0.05, high=2.5, step=0.05)
    assert bound.value is None
    assert bound.slider.disabled
    bound._switch.value = True
    bound.type("0.9")
    bound._switch.value = False
    assert told == [2.5, 0.9, None]
    bound.show(0.5)
    assert (bound.value, bound.slider.disabled, told) == (0.5, False, [2.5, 0.9, None])


def test_a_logarithmic_slider_rounds_to_two_digits_without_moving_its_handle(told):
    rate = control(told, integer=False, logarithmic=True, low=0.01, high=10.0, step=0.05, value=1.0)
    rate.slider.value = 10**0.05
    assert (rate.box.value, rate.slider.value, told) == ("1.1", 10**0.05, [1.1])
    rate.type("0.123")
    assert (rate.slider.value, told) == (0.123, [1.1, 0.123])


@pytest.mark.parametrize(("typed", "number"), [("0,9", 0.9), (" 1 ", 1.0), ("5e-1", 0.5), ("+2", 2.0), ("2,5", 2.5)])
def test_a_number_may_be_typed_as_people_write_it(told, typed, number):
    bound = control(told, value=1.5, integer=False, low=0.05, high=2.5, step=0.05)
    bound.type(typed)
    assert (bound.value, bound.slider.value, told) == (number, number, [number])
    assert bound.box.value == f"{number:g}"


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("1e9", "1e9 is outside the range from 0.05 to 2.5: still 1.5."),
        ("0", "0 is outside the range from 0.05 to 2.5: still 1.5."),
        ("-1", "-1 is outside"),
        ("inf", "inf is outside"),
        ("nan", "“nan” is not a number: still 1.5."),
        ("<b>", "“&lt;b&gt;” is not a number"),
        ("1,000,5", "is not a number"),
        ("", "“” is not a number"),
    ],
)
def test_what_cannot_be_the_number_is_refused_in_a_line_and_the_number_stays(told, typed, line):
    bound = control(told, value=1.5, integer=False, low=0.05, high=2.5, step=0.05)
    bound.type(typed)
    assert line in bound._refusal.value
    assert (bound.value, bound.slider.value, bound.box.value, told) == (1.5, 1.5, "1.5", [])
    bound.slider.value = 2.0
    assert (bound._refusal.value, bound._refusal.layout.display) == ("", "none")


def test_a_whole_number_is_asked_for_where_it_must_be_one(told):
    k = control(told)
    k.type("3,5")
    assert "3,5 is not a whole number: still 20." in k._refusal.value
    k.type("1e1")
    assert told == [10]
    assert isinstance(k.value, int)


def test_close_all_leaves_no_widget_behind(told):
    before = set(registry._instances)
    bound = control(told, value=None, switch="bound")
    close_all(bound)
    assert set(registry._instances) == before
