"""Three promises of one machine: what is drawn, and what is said of it."""

import pytest

from lessons_lib import figures

MACHINE = {
    "lengths": [4, 64],
    "past": [16, 256],
    "throughput": {"lstm": [100.0, 200.0], "tcn": [50.0, 300.0]},
    "gradients": {"LSTM": [[2.0, 0.2], [1.0, 0.3]]},
    "generation": {"lstm, cached": [0.5, 0.5], "lstm, not cached": [1.0, 8.0]},
}


def drawn():
    return figures.three_promises(MACHINE, families={"LSTM": "lstm"})


def test_every_curve_is_a_ratio() -> None:
    curves = {trace.name: list(trace.y) for trace in drawn().data if "range" not in trace.name}
    assert curves["TCN"] == pytest.approx([0.5, 3.0])
    assert curves["LSTM, no cache"] == pytest.approx([2.0, 16.0])
    assert [list(t.y) for t in drawn().data if t.name == "LSTM"][-1] == pytest.approx([1.0, 0.2])


def test_the_words_name_the_ratios_at_the_largest_size() -> None:
    words = figures.describe(drawn())
    assert "at length 64: LSTM 2, TCN 3." in words
    assert "lag 1, relative to lag 0, mean over seeds: LSTM 0.2." in words
    assert "after 256: LSTM cached 1, LSTM not cached 16." in words
