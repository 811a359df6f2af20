"""Three promises on two machines: what is drawn, and what is said of it."""

from lessons_lib import figures

LSTM = {"lstm": [100.0, 200.0]}
HERE = {
    "lengths": [4, 64],
    "past": [16, 256],
    "throughput": LSTM,
    "gradients": {"LSTM": [[1.0, 0.1], [1.0, 0.3]]},
    "generation": {"lstm, cached": [0.5, 0.5], "lstm, not cached": [1.0, 8.0]},
}


def drawn(reference=None):
    return figures.three_promises(HERE, reference, families={"LSTM": "lstm"})


def test_the_reference_stands_behind_this_machine_and_never_in_its_markers() -> None:
    figure = drawn({**HERE, "throughput": {"lstm": [300.0, 400.0]}})
    timings = [trace for trace in figure.data if "machine" in trace.name or "reference" in trace.name]
    assert [("reference" in t.name, t.mode) for t in timings][:3] == [(True, "lines")] * 3
    assert {t.mode for t in timings if "this machine" in t.name} == {"lines+markers"}
    assert len(timings) == 6


def test_the_words_compare_both_machines_where_both_were_measured() -> None:
    reference = {**HERE, "lengths": [4, 1_000], "throughput": {"lstm": [300.0, 400.0]}}
    words = figures.describe(drawn(reference))
    assert "at 4: LSTM 100 (reference 300)" in words
    assert "at 256: LSTM cached 0.5 (reference 0.5), LSTM not cached 8 (reference 8)" in words
    assert "lag 1, mean over seeds: LSTM 0.2" in words


def test_one_machine_alone_is_drawn_too() -> None:
    words = figures.describe(drawn())
    assert "reference" not in words
    assert "at 64: LSTM 200" in words
