import math

from lessons_lib.panels.meter import GREEN, meter
from lessons_lib.runs import Measurements


def test_an_unmeasured_meter_promises_nothing():
    html = meter(Measurements(), 20, "Euclidean norm")
    assert html.count("–") == 3
    assert GREEN not in html


def test_a_stable_model_shows_rate_context_and_error_beside_the_bound():
    measured = Measurements(
        rate=0.9,
        accuracy=0.1,
        context_needed=61,
        truncation_error=[1.0] * 19 + [0.03],
        truncation_bound=[9.0] * 19 + [6.1],
    )
    html = meter(measured, 20, "Euclidean norm")
    for words in ("0.9", "61 tokens", "ε = 0.1", "last 20 tokens", "0.03 measured", "at most 6.1"):
        assert words in html
    assert html.count(GREEN) == 3


def test_an_error_below_rounding_is_not_shown_above_its_bound():
    measured = Measurements(rate=0.3, truncation_error=[1.2e-7], truncation_bound=[1.4e-10])
    html = meter(measured, 1, "Euclidean norm")
    assert "below 1e-06, which is rounding" in html
    assert "1.2e-07" not in html


def test_what_a_model_has_not_is_not_waited_for_and_no_infinity_is_a_limit():
    feed_forward = Measurements(truncation_error=[0.2], accuracy=0.1, context_needed=31)
    html = meter(feed_forward, 1, "Euclidean norm")
    for words in ("this model has none", "31 tokens", "0.2 measured"):
        assert words in html
    gru = Measurements(rate=math.inf, truncation_error=[0.2], truncation_bound=[math.inf])
    html = meter(gru, 1, "")
    assert "the theorem knows no limit" in html
    assert "inf" not in html
    assert "()" not in html


def test_without_a_certificate_it_says_so():
    html = meter(Measurements(rate=math.inf, accuracy=0.1, context_needed=math.inf), 20, "max norm")
    assert "none" in html
    assert "no finite one" in html
    assert GREEN not in html
