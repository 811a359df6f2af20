"""The study's rows in one picture, a panel a family."""

from collections import defaultdict

from lessons_lib.figures import Series
from lessons_lib.lessons.lesson_12.pictures import FAMILIES, by_family
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
