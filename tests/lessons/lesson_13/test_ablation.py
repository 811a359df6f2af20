"""An ablation trains what means something, once each, and its report claims no more than the seeds decide."""

import math

import pytest
import torch

from lessons_lib.lessons.lesson_13 import ablation
from lessons_lib.lessons.lesson_13.ablation import Choice, Measured, Plan
from lessons_lib.models import Windowed
from lessons_lib.models.size import parameter_count
from lessons_lib.stability import LSTMWideSet, certified_rate


@pytest.mark.parametrize("model", ablation.MODELS)
def test_every_model_keeps_to_its_context(model):
    k = None if model == "linear recurrence" else 7
    built, batches = ablation.factory(Choice(model, "lags 2 and 7", k))()
    if k is None:
        assert built.context_length is None
        return
    assert 3 <= built.context_length <= k
    tokens = batches[0][0][:1, :20]
    other = tokens.clone()
    other[0, 0] = (tokens[0, 0] + 1) % 4
    with torch.no_grad():
        moved = (built.eval()(tokens)[0] - built(other)[0]).norm(dim=-1)[0]
    assert moved[0] > 0
    assert moved[built.context_length :].max() == 0


@pytest.mark.parametrize("name", [name for name in ablation.TASKS if name != "words"])
def test_every_task_trains_and_is_scored(name):
    found = ablation.measure(Choice("RNN", name), steps=2)
    assert math.isfinite(found.loss)
    assert found.optimum is not None
    assert found.loss > found.optimum


def test_words_train_and_have_no_optimum(wikitext2_present):
    found = ablation.measure(Choice("RNN", "words", k=3), steps=2)
    assert 0 < found.loss < math.log(1_000) + 0.5
    assert found.optimum is None


def test_a_bound_can_be_chosen_where_a_set_promises_it_and_asking_moves_no_random_number():
    before = torch.get_rng_state()
    bounded = [model for model in ablation.MODELS if ablation.can_be_bounded(model, 0.9)]
    assert bounded == ["RNN", "LSTM", "linear recurrence"]
    assert torch.equal(torch.get_rng_state(), before)
    wide = LSTMWideSet(0.9, 0.3 * 0.9, 0.9 * 0.9, input_bound=ablation.INPUT_CLIP)
    assert Choice("LSTM", "renewal", bound=0.9).stable_set == wide


@pytest.mark.parametrize("model", ["RNN", "LSTM", "linear recurrence"])
def test_a_bound_is_kept_and_certified(model):
    choice = Choice(model, "lags 2 and 7", bound=0.9)
    built, _ = ablation.factory(choice)()
    choice.stable_set.project_(built)
    assert choice.stable_set.contains(built)
    assert choice.stable_set.rate(built) <= 0.9 * (1 + 1e-5)
    if model == "RNN":
        assert certified_rate(built) <= 0.9 * (1 + 1e-5)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"model": "TCN", "k": 7, "bound": 0.9}, "λ means nothing"),
        ({"model": "TCN"}, "give it a context length"),
        ({"model": "linear recurrence", "k": 5}, "leave it out"),
        ({"model": "perceptron"}, "choose one of"),
        ({"model": "RNN", "task": "chess"}, "choose one of"),
    ],
)
def test_what_means_nothing_is_refused_in_one_line(given, said):
    with pytest.raises(ValueError, match=said):
        Choice(**{"task": "lags 2 and 7", **given})


@pytest.mark.parametrize("model", ablation.MODELS)
def test_cores_are_of_nearly_equal_size_at_every_context(model):
    contexts = (None,) if model == "linear recurrence" else (7, 15)
    sizes = [parameter_count(Choice(model, "renewal", k).core()) for k in contexts]
    print(model, sizes)
    # The Transformer's width is a multiple of eight, and cannot come nearer.
    allowed = 0.3 if model == "transformer" else 0.03
    assert all(abs(size / ablation.PARAMETERS - 1) < allowed for size in sizes)


def test_a_plan_holds_each_meaningful_combination_once():
    plan = Plan(("RNN", "TCN", "linear recurrence"), ("renewal",), (None, 7), (None, 0.9), seeds=(0,))
    found = {(c.model, c.k, c.bound) for c in plan.choices()}
    assert len(found) == len(plan.choices()) == 4 + 1 + 2
    assert ("TCN", 7, None) in found
    assert isinstance(Choice("RNN", "renewal", 7).core(), Windowed)
    with pytest.raises(ValueError, match="nothing to train"):
        Plan(("TCN",), ("renewal",)).choices()


def test_a_plan_leaves_out_a_context_that_is_too_small_for_a_feed_forward_model():
    found = Plan(("RNN", *ablation.FEED_FORWARD), ("renewal",), (2, 3), seeds=(0,)).choices()
    assert {(c.model, c.k) for c in found} == {("RNN", 2), ("RNN", 3), *((name, 3) for name in ablation.FEED_FORWARD)}


def results(**losses):
    return [
        Measured(Choice(model, "renewal", 7, seed=seed), loss, 0.1, 7, 1_000)
        for model, seeds in losses.items()
        for seed, loss in enumerate(seeds)
    ]


@pytest.mark.parametrize(
    ("losses", "said"),
    [
        ({"RNN": [1.0, 1.1], "GRU": [1.2, 1.3]}, "RNN, renewal, k = 7 is below every other row on every seed"),
        ({"RNN": [1.0, 1.25], "GRU": [1.2, 1.3]}, "not told apart from GRU"),
        ({"RNN": [1.0], "GRU": [1.2]}, "one seed decides nothing"),
        ({"RNN": [1.0, 1.1]}, "nothing to compare"),
        (
            {"GRU": [math.nan, 1.3], "RNN": [1.4, 1.5], "LSTM": [1.6, 1.7]},
            "RNN, renewal, k = 7 is lowest, and not told",
        ),
        ({"GRU": [math.nan, 1.6], "RNN": [1.4, 1.5]}, "RNN, renewal, k = 7 is below every other row"),
        ({"GRU": [1.6, math.nan], "RNN": [1.4, 1.5]}, "diverged on at least one seed: GRU, renewal, k = 7."),
        ({"GRU": [math.nan, 1.6], "RNN": [1.4, math.inf]}, "no row has a finite loss on every seed"),
    ],
)
def test_the_verdict_is_what_the_seeds_decide(losses, said):
    assert said in ablation.verdict(results(**losses))


def test_the_report_leaves_open_what_only_the_learner_can_say():
    plan, found = Plan(("RNN", "GRU"), ("renewal",), (7,), seeds=(0, 1)), results(RNN=[1.0, 1.1], GRU=[1.2, 1.3])
    empty = ablation.report(plan, found)
    assert empty.count(ablation.TO_WRITE) == 3
    assert "| RNN, renewal, k = 7 | 1.050 (1.000 to 1.100) | 0.100 | 7 | 1,000 |" in empty
    written = ablation.report(plan, found, question="Which?", prediction="RNN", limits="one task")
    assert "| inf (1.000 to inf) |" in ablation.report(plan, results(RNN=[1.0, math.nan]))
    assert ablation.TO_WRITE not in written
    assert "**Limits.** one task" in written
