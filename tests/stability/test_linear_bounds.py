"""The bound of a stack of gated linear recurrences, attacked; and what its blocks promise."""

import math

import pytest
import torch

from lessons_lib.models import GatedRecurrence, LanguageModel
from lessons_lib.models.gated_recurrence import EPSILON
from lessons_lib.stability import certified_rate, context_for, truncation_bound, truncation_bounds
from tests.stability.attacks import largest_error_by_bound

WIDTH = 6


def wild(seed: int, bound: float, layers: int) -> GatedRecurrence:
    """A stack in float64 whose weights are far larger than at a start."""
    torch.manual_seed(seed)
    core = GatedRecurrence(WIDTH, WIDTH, layers, units=4, bound=bound).double()
    for parameter in core.parameters():
        if parameter.dim() == 2 and parameter.shape[-1] > 2:
            parameter.data *= 1 + 3 * torch.rand(())
        elif parameter.dim() == 1 and len(parameter) == WIDTH:  # gains and shifts of normalisations, biases
            parameter.data += torch.randn(WIDTH)
    return core.eval()


@pytest.mark.parametrize("name", [name for name, _ in GatedRecurrence(3, WIDTH, 1).named_parameters()])
def test_a_diverged_stack_has_no_bound_whichever_parameter_is_no_number(name):
    core = GatedRecurrence(3, WIDTH, 1, bound=0.9)
    core.get_parameter(name).data.flatten()[0] = math.nan
    assert truncation_bound(core, 5, input_bound=1.0) == context_for(core, 1e-3, input_bound=1.0) == math.inf


def test_no_truncation_error_of_10_000_attacked_cases_lies_above_the_bound(capsys):
    stacks = (wild(seed, bound=(0.5, 0.8, 0.9, 0.95)[seed % 4], layers=1 + seed % 3) for seed in range(20))
    cases, largest = largest_error_by_bound(stacks, order=2, pace=1, rounds=4)
    with capsys.disabled():
        print(f"\nstack of gated linear recurrences: {cases:,} cases, largest error / bound {largest:.3f}")
    assert cases == 10_000
    assert 0.8 < largest <= 1  # the attack comes near


def test_the_bound_falls_at_the_largest_eigenvalue_in_the_end():
    core = wild(0, bound=0.8, layers=2)
    rate = certified_rate(core)
    late = truncation_bounds(core, (1000, 1500), input_bound=math.inf)
    # k ρ^k with two blocks: the slope of its logarithm is that of ρ^k, but for log(1.5)/500.
    slope = math.log(late[1] / late[0]) / 500
    assert slope == pytest.approx(math.log(rate), rel=0.01)


def test_the_context_that_the_theorem_asks_for_is_the_smallest_one():
    core = wild(1, bound=0.9, layers=2)
    needed = context_for(core, 1e-3, input_bound=math.inf)
    assert truncation_bound(core, int(needed), input_bound=math.inf) <= 1e-3
    assert truncation_bound(core, int(needed) - 1, input_bound=math.inf) > 1e-3


def test_a_stack_that_need_not_forget_has_no_context_but_its_outputs_ball():
    core = GatedRecurrence(4, 4, 2).double()
    core.blocks[1].recurrence.coordinates.data[0] = torch.tensor([1.0, 0.3])
    assert truncation_bound(core, 50, input_bound=math.inf) == 2 * math.sqrt(4)
    assert context_for(core, 1e-3, input_bound=math.inf) == math.inf


@pytest.mark.parametrize("size", [1e-3, 0.1, 10.0])
def test_the_normalisation_moves_two_points_apart_by_no_more_than_its_epsilon_says(size):
    torch.manual_seed(0)
    norm = GatedRecurrence(5, 5).double().norm
    a = torch.randn(1000, 5, dtype=torch.float64) * size
    b = a + torch.randn_like(a) * 10 ** (4 * torch.rand(1000, 1) - 5)
    stretched = ((norm(a) - norm(b)).norm(dim=-1) / (a - b).norm(dim=-1)).max()
    assert 0 < stretched <= EPSILON**-0.5
    assert stretched > 0.9 * EPSILON**-0.5 or size > 1e-3  # near the middle it is attained
    assert bool((norm(a).norm(dim=-1) <= math.sqrt(5)).all())


def test_pieces_read_one_after_the_other_equal_the_whole():
    torch.manual_seed(0)
    model = LanguageModel(GatedRecurrence(8, 8, 2, bound=0.99), 11, 8).double()
    tokens = torch.randint(11, (3, 20))
    whole, end = model(tokens)
    first, state = model(tokens[:, :7])
    second, last = model(tokens[:, 7:], state)
    assert torch.allclose(torch.cat([first, second], 1), whole, atol=1e-12)
    assert torch.allclose(last, end, atol=1e-12)


def test_a_changed_token_moves_nothing_before_it():
    torch.manual_seed(0)
    core = GatedRecurrence(8, 8, 2, bound=0.9).double()
    inputs = torch.randn(1, 12, 8, dtype=torch.float64)
    changed = inputs.clone()
    changed[:, 5, 0] += 1  # one number: what all have in common the normalisation takes away
    before, after = core(inputs)[0], core(changed)[0]
    assert torch.equal(before[:, :5], after[:, :5])
    assert bool(((before - after)[:, 5:].abs().amax(-1) > 0).all())


def test_a_core_without_blocks_is_refused():
    with pytest.raises(ValueError, match="at least one layer"):
        GatedRecurrence(4, 4, 0)
