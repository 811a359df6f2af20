"""Pure functions from numbers to plotly figures, in one look, and each figure in words."""

from lessons_lib.figures.influence import influence_curves, influence_maps
from lessons_lib.figures.lines import Series, curves, error_against_bound, spectrum
from lessons_lib.figures.machines import three_promises
from lessons_lib.figures.plane import orbits, ways_into_l1_ball
from lessons_lib.figures.schemes import gradient_reach, truncation_schemes
from lessons_lib.figures.score_against_k import KScores, score_against_k
from lessons_lib.figures.side_by_side import side_by_side
from lessons_lib.figures.style import FAMILIES, Style, finished, ordered_style, style_of
from lessons_lib.figures.summaries import bars, circle_images
from lessons_lib.figures.trees import dilated_tree, dilated_walk, reached_nodes
from lessons_lib.figures.unrolled import unrolled_graph
from lessons_lib.figures.words import describe

__all__ = [
    "FAMILIES",
    "KScores",
    "Series",
    "Style",
    "bars",
    "circle_images",
    "curves",
    "describe",
    "dilated_tree",
    "dilated_walk",
    "error_against_bound",
    "finished",
    "gradient_reach",
    "influence_curves",
    "influence_maps",
    "orbits",
    "ordered_style",
    "reached_nodes",
    "score_against_k",
    "side_by_side",
    "spectrum",
    "style_of",
    "three_promises",
    "truncation_schemes",
    "unrolled_graph",
    "ways_into_l1_ball",
]
