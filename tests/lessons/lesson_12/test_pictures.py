"""The study's rows in one picture, a panel a family."""

from collections import defaultdict

from lessons_lib.figures import Series
from lessons_lib.lessons.lesson_12.pictures import FAMILIES, by_family, cost_of_proofs
from lessons_lib.wikitext2.cost import Cost
from lessons_lib.wikitext2.rows import ROWS


def test_every_row_stands_in_its_familys_panel_and_what_holds_it_has_one_colour():
    figure = by_family([Series(row, [1.0, 2.0]) for row in ROWS], title="all", x="words", y="nats")
    panels, colours = defaultdict(list), defaultdict(set)
    for trace in figure.data:
        panels[trace.xaxis].append(trace.name)
        colours[trace.name].add(trace.line.color)
    assert [heading.text for heading in figure.layout.annotations] == list(FAMILIES.values())
    assert sum(map(len, panels.values())) == len(ROWS)
    assert all({"no bound", "certified"} <= set(names) for names in panels.values())
    assert all(len(found) == 1 for found in colours.values())
    assert len({*map(min, colours.values())}) == len(colours)
    assert sum(trace.showlegend for trace in figure.data) == len(colours)


def test_a_point_of_the_cost_is_the_mean_of_its_seeds_and_what_has_no_finite_context_is_left_out():
    measured = {
        "qrnn-stable": {0.9: Cost([150.0, 154.0], [30, 32]), 0.7: Cost([160.0], [10]), 0.99: Cost([140.0])},
        "linear-stable": {0.9: Cost([155.0], [200])},
    }
    figure = cost_of_proofs(measured, {"free": 146.0})
    curve, level = figure.data
    assert (curve.name, curve.x, curve.y) == ("qrnn-stable", (10, 31), (160, 152))
    assert (level.name, level.y) == ("free", (146, 146))
