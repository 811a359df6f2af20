"""Small multiples keep every curve, name each family once, and share an axis where they may."""

import pytest

from lessons_lib import figures


def one(values, family="rnn", log=False):
    line = figures.Series(family, values, range(1, len(values) + 1), family=family)
    return figures.curves([line], title="own title", x="k", y="loss", log_y=log)


def test_each_figure_keeps_its_place_and_the_legend_names_a_curve_once():
    whole = figures.side_by_side({"early": one([3, 2], log=True), "late": one([2, 1], log=True)}, title="Both")
    assert [trace.xaxis for trace in whole.data] == ["x", "x2"]
    assert [trace.showlegend for trace in whole.data] == [True, False]
    assert whole.layout.yaxis.type == whole.layout.yaxis2.type == "log"
    assert whole.layout.yaxis2.matches == "y"
    words = figures.describe(whole)
    assert "Both" in words
    assert "early" in words
    assert "rnn goes from 2 to 1" in words


def test_bands_stay_out_of_the_legend_and_axes_may_differ():
    band = figures.curves([figures.Series.over_seeds("lstm", [[1, 2], [3, 4]])], title="t", x="k", y="nats")
    whole = figures.side_by_side({"a": band, "b": one([1, 2])}, title="Two units", same_y=False)
    assert [trace.showlegend for trace in whole.data] == [False, True, True]
    assert (whole.layout.yaxis.title.text, whole.layout.yaxis2.title.text) == ("nats", "loss")


def test_nothing_to_show_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        figures.side_by_side({}, title="none")


def test_a_figure_with_marks_is_refused_rather_than_drawn_without_them():
    marked = figures.curves([figures.Series("rnn", [1, 2])], title="t", x="k", y="loss", marks={"k = 1": 1})
    with pytest.raises(ValueError, match="'late' has marks"):
        figures.side_by_side({"early": one([1, 2]), "late": marked}, title="Both")
