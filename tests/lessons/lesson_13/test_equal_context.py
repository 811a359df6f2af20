"""At equal context and equal parameters an order after 75 steps is one of speed: after 600 it is gone."""

import pytest

from lessons_lib.lessons.lesson_13 import equal_context
from lessons_lib.lessons.lesson_13.equal_context import CONTEXTS, EQUAL, MODELS, MOMENTS


def losses(model, k, moment):
    place = MOMENTS.index(moment)
    return [p.loss[place] for p in EQUAL.read().points if (p.model, p.k) == (model, k)]


def test_a_training_is_scored_on_its_way():
    found = equal_context.point("gated convolution", 7, 0, moments=(2, 5))
    assert found.steps == [2, 5]
    again = equal_context.point("gated convolution", 7, 0, moments=(5,))
    assert found.loss[1] == again.loss[0]  # looking changes nothing
    assert found.loss[0] > found.loss[1]


def test_the_artefact_holds_every_training_at_nearly_equal_parameters():
    points = EQUAL.read().points
    assert not EQUAL.missing()
    sizes = [p.parameters for p in points]
    print(min(sizes), max(sizes))
    assert max(sizes) / min(sizes) < 1.1


@pytest.mark.parametrize("k", CONTEXTS)
def test_the_order_of_the_short_run_vanishes(k):
    optimum = EQUAL.config["optimum"]
    for moment in MOMENTS:
        means = {model: sum(losses(model, k, moment)) / 3 for model in MODELS}
        print(f"k = {k}, {moment} steps, above the optimum: { {m: round(v - optimum, 3) for m, v in means.items()} }")
    spread = {
        moment: max(max(losses(m, k, moment)) for m in MODELS) - min(min(losses(m, k, moment)) for m in MODELS)
        for moment in MOMENTS
    }
    assert spread[MOMENTS[-1]] < 0.03
    assert spread[MOMENTS[0]] > 0.1
