"""Score against k: every task has its plot, the band covers all seeds of all recurrent models, words say the ends."""

import pytest

from lessons_lib import figures
from lessons_lib.figures import KScores

COPYING = KScores(
    "copying",
    "share right",
    "TCN",
    "tcn",
    {63: [1.0, 1.0], 15: [0.125, 0.13]},
    {"LSTM": [0.13, 0.2], "GRU": [0.4, 0.6]},
    {"chance": 0.125},
    more_is_better=True,
)
VOICE = KScores("voice", "bits", "WaveNet", "wavenet", {5: [5.0], 257: [4.0]}, {"LSTM": [4.4]})


def test_the_band_covers_every_seed_of_every_recurrent_model():
    figure = figures.score_against_k([COPYING], title="t")
    (band,) = [trace for trace in figure.data if trace.name == "recurrent, range"]
    assert (min(band.y), max(band.y)) == (0.13, 0.6)
    (line,) = [trace for trace in figure.data if trace.name == "TCN"]
    assert list(line.x) == [15, 63]
    assert list(line.y) == [0.1275, 1]


def test_each_task_has_its_own_plot_and_each_name_one_place_in_the_legend():
    figure = figures.score_against_k([COPYING, VOICE], title="t")
    assert {trace.xaxis for trace in figure.data} == {"x", "x2"}
    named = [trace.name for trace in figure.data if trace.showlegend]
    assert sorted(named) == ["GRU", "LSTM", "TCN", "WaveNet", "chance"]
    assert [note.text for note in figure.layout.annotations] == ["copying: more is better", "voice: less is better"]


def test_the_words_give_the_ends_and_the_rivals():
    words = figures.describe(figures.score_against_k([COPYING, VOICE], title="Scores"))
    assert words.startswith(
        "Scores. copying (share right, more is better): TCN 0.128 at k = 15, 1 at k = 63; LSTM 0.165"
    )
    assert "chance 0.125" in words
    assert "WaveNet 5 at k = 5, 4 at k = 257; LSTM 4.4" in words


def test_a_task_without_scores_is_refused():
    with pytest.raises(ValueError, match="at least one task"):
        figures.score_against_k([], title="t")
    with pytest.raises(ValueError, match="recurrent"):
        figures.score_against_k([KScores("x", "y", "TCN", "tcn", {1: [1.0]}, {})], title="t")
