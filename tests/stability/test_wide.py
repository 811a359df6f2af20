"""The wide LSTM set: nearest points, what it contains, and a rate that no attack exceeds."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lessons_lib.models import LSTM
from lessons_lib.stability import LSTMStableSet, LSTMWideSet, l1_rows_project, layers_of
from lessons_lib.stability.projections import l1_threshold, nested_l1_project
from tests.stability.test_sets import at_published_constants, one_step, scaled

seeds = st.integers(0, 2**31)
scales = st.sampled_from([0.1, 1.0, 3.0, 30.0, 1000.0])


def most_along(steps, weights, limits):
    """max <step, Z> over one row's chain of balls, in closed form.

    A vertex spends t_k on the best entry of block k; the budgets t form a polymatroid, so that serving the
    steepest block first is optimal.
    """
    gains = torch.stack([(s.abs() / w).max() for s, w in zip(steps, weights, strict=True)])
    spent = torch.zeros(len(gains), dtype=torch.float64)
    for k in gains.argsort(descending=True).tolist():
        spent[k] = min(limits[m] - spent[: m + 1].sum() for m in range(k, len(limits)))
    return (gains * spent).sum()


@settings(deadline=None, max_examples=40)
@given(seeds, scales, st.integers(1, 7), st.booleans())
def test_projection_onto_a_chain_of_balls_is_the_nearest_point(seed, scale, width, tied):
    torch.manual_seed(seed)
    widths = (width, 2 * width, 3)
    blocks = [scale * torch.randn(5, w, dtype=torch.float64) for w in widths]
    if tied:  # starts above faces, where several entries and several blocks share a threshold
        blocks = [scale * b.sign() * torch.randint(0, 3, b.shape) for b in blocks]
    weights = [torch.rand(5, w, dtype=torch.float64) + 0.1 for w in widths]
    limits = list(torch.rand(3, 5, dtype=torch.float64).sort(0).values)
    nearest = nested_l1_project(blocks, weights, limits)
    for row in range(5):
        steps = [(b - n)[row] for b, n in zip(blocks, nearest, strict=True)]
        most = most_along(steps, [w[row] for w in weights], [limit[row] for limit in limits])
        along = sum((s * n[row]).sum() for s, n in zip(steps, nearest, strict=True))
        assert most - along <= 1e-10 * most + 1e-14 * scale
    levels = torch.stack([(n.abs() * w).sum(-1) for n, w in zip(nearest, weights, strict=True)]).cumsum(0)
    assert (levels <= torch.stack(limits) * (1 + 1e-12)).all()


def test_a_chain_of_one_ball_is_the_l1_ball_and_a_tighter_outer_ball_wins():
    rows, weights = torch.randn(6, 9).double(), torch.rand(6, 9).double() + 0.1
    (alone,) = nested_l1_project([rows], [weights], [torch.ones(6).double()])
    torch.testing.assert_close(alone, l1_rows_project(rows, 1.0, weights), rtol=1e-12, atol=1e-15)
    loose = [torch.full((6,), limit, dtype=torch.float64) for limit in (5.0, 1.0)]
    halves = nested_l1_project([rows[:, :4], rows[:, 4:]], [weights[:, :4], weights[:, 4:]], loose)
    torch.testing.assert_close(torch.cat(halves, 1), alone, rtol=1e-12, atol=1e-15)


@settings(deadline=None, max_examples=12)
@given(seeds, scales)
def test_the_module_moves_to_the_nearest_point_of_the_set(seed, scale):
    d, wide = 5, LSTMWideSet()
    module = scaled(LSTM(4, d, input_clip=0.75).double(), scale, seed)
    start = {k.split(".")[-1]: v.clone() for k, v in module.state_dict().items()}
    moved = wide.project_(module)
    end = {k.split(".")[-1]: v for k, v in module.state_dict().items()}
    step = {k: start[k] - end[k] for k in start}
    assert float(moved) == pytest.approx(math.hypot(*(s.norm().item() for s in step.values())), rel=1e-12)
    # The set as its docstring prints it: per unit the ceiling, ‖W_f‖'s limit, and the three of the chain, each within
    # the next; what weighs in a is ‖W_i‖ by 1/4, ‖W_z‖ by 1, ‖W_f‖ by the share.
    logits = [math.log(c / (1 - c)) for c in (wide.lowest_ceiling, wide.highest_ceiling)]
    ceilings = torch.linspace(*logits, d, dtype=torch.float64).sigmoid()
    free, into_cell = 1 - ceilings, (wide.bound - ceilings) / wide.mu
    forget_limit = torch.minimum(free**2, 4 * free * into_cell)
    share, left = 1 / (4 * free), ceilings.logit() - forget_limit
    limits = [share * forget_limit, into_cell, wide.bound - ceilings / wide.mu]

    def chain(matrix, j):
        i, f, z, o = (block[j] for block in matrix.chunk(4))
        return [f, torch.cat([i, z]), o]

    weights = [torch.tensor([1.0]), torch.tensor([0.25] * d + [1.0] * d), torch.tensor([0.25])]
    for j in range(d):
        weights[0] = share[j]
        steps, ends = chain(step["weight_hh_l0"], j), chain(end["weight_hh_l0"], j)
        used = 0.0
        for block, weight, limit in zip(ends, weights, limits, strict=True):
            used += (block.abs() * weight).sum()
            assert used <= limit[j] * (1 + 1e-12)
        most = most_along(steps, weights, [limit[j] for limit in limits])
        assert most - sum((s * e).sum() for s, e in zip(steps, ends, strict=True)) <= 1e-10 * most + 1e-14 * scale
    # The forget gates' inputs: the normal cone of B‖u‖_1 + b_ih + b_hh <= left is τ (B ∂‖u‖_1, 1, 1), and a step of
    # a bias counts four times, as often as there are inputs.
    forget = slice(d, 2 * d)
    tau = 4 * step["bias_ih_l0"][forget]
    torch.testing.assert_close(4 * step["bias_hh_l0"][forget], tau, rtol=1e-9, atol=1e-14 * scale)
    assert (tau >= 0).all()
    u_step, u = step["weight_ih_l0"][forget], end["weight_ih_l0"][forget]
    assert (u_step.abs().amax(-1) <= 0.75 * tau * (1 + 1e-9) + 1e-14 * scale).all()
    b = end["bias_ih_l0"][forget] + end["bias_hh_l0"][forget]
    grain = end["bias_ih_l0"][forget].abs() + end["bias_hh_l0"][forget].abs()  # two that nearly cancel round coarsely
    assert (0.75 * u.abs().sum(-1) + b <= left + 1e-12 * left.abs() + 1e-15 * grain).all()
    gap = tau * left - (u_step * u).sum(-1) - tau * b
    assert (gap.abs() <= 1e-10 * (tau * left.abs()) + 1e-13 * scale).all()


def pull_to_the_plainly_nearest_point(module):
    """The same budget of the forget gates, by the Euclidean nearest point: (B‖u‖_1 + both biases) <= left."""
    wide, cell, d = LSTMWideSet(), module.cells[0], module.hidden_size
    left, forget = wide._limits(layers_of(module)[0])[2], slice(d, 2 * d)
    u, biases = cell.weight_ih_l0[forget], [cell.bias_ih_l0[forget], cell.bias_hh_l0[forget]]
    tau = l1_threshold(u.abs(), left - biases[0] - biases[1], torch.full_like(u, 0.75), 2.0)
    u.copy_((u.abs() - 0.75 * tau.unsqueeze(-1)).clamp_min(0) * u.sign())
    for bias in biases:
        bias -= tau


def mean_forget_bias_after_noise(project):
    """What Adam does when the gradient is noise: equal steps of random sign in every weight, each then projected."""
    torch.manual_seed(0)
    module = LSTM(64, 16, input_clip=0.75)
    with torch.no_grad():
        for _ in range(300):
            for parameter in module.parameters():
                parameter += 0.01 * torch.randn_like(parameter).sign()
            project(module)
    cell = module.cells[0]
    return float((cell.bias_ih_l0 + cell.bias_hh_l0)[16:32].detach().mean())


def test_equal_steps_in_every_weight_do_not_shut_the_forget_gates_as_the_plain_norm_does():
    ours = mean_forget_bias_after_noise(LSTMWideSet().project_)
    plain = mean_forget_bias_after_noise(pull_to_the_plainly_nearest_point)
    assert ours > -1
    assert plain < ours - 1


@settings(deadline=None, max_examples=6)
@given(seeds, scales)
def test_projecting_twice_moves_nothing_the_second_time(seed, scale):
    wide, module = LSTMWideSet(0.98, 0.2, 0.95, 1.2), scaled(LSTM(3, 10, layers=2, input_clip=0.75), scale, seed)
    wide.project_(module)
    assert wide.contains(module)
    assert wide.rate(module) <= 0.98 * (1 + 1e-5)
    # Two large biases may nearly cancel: their sum is then no finer than the rounding of either.
    biases = torch.cat([p.detach() for name, p in module.named_parameters() if "bias" in name])
    assert float(wide.project_(module)) <= 1e-5 + 4 * torch.finfo(biases.dtype).eps * float(biases.norm())


def test_it_contains_the_published_set_at_matching_constants():
    """Every extreme point: each row one entry at its bound, each bias at the end of its range."""
    ceiling, a = 0.64, 0.27
    rate = (1 + math.sqrt(1 - 4 * ceiling * (0.36 - a))) / 2  # M's Perron root on the closed boundary, .9386
    mu = (rate - ceiling) / a
    wide, published = LSTMWideSet(rate, ceiling, ceiling, mu), LSTMStableSet()
    for seed in range(25):
        torch.manual_seed(seed)
        module = LSTM(4, 6, input_clip=0.75).double()
        cell = module.cells[0]
        with torch.no_grad():
            for weight in (cell.weight_hh_l0, cell.weight_ih_l0):
                lone = torch.randint(0, weight.shape[1], (len(weight), 1))
                weight.copy_(torch.zeros_like(weight).scatter_(1, lone, 100.0) * torch.randn(len(weight), 1).sign())
            cell.bias_ih_l0.copy_(100 * torch.randn(24).sign())
        published.project_(module)
        assert published.contains(module)
        assert wide.contains(module)
        assert float(wide.project_(module)) < 1e-12
    assert wide.contains(at_published_constants())
    # And more: there is room that the published bounds leave unused.
    with torch.no_grad():
        cell.weight_hh_l0[:12] = 0
        cell.weight_hh_l0[12:18] *= 0.25 / 0.09
    assert wide.contains(module)
    assert not published.contains(module)


def weighted_distance(c, h, mu):
    return torch.maximum((c[0] - c[1]).abs().amax(-1), (h[0] - h[1]).abs().amax(-1) / mu)


@pytest.mark.slow
def test_the_rate_is_never_exceeded_in_10_000_cases_half_of_them_adversarial(capsys):
    """Random states, inputs and weights on the set's boundary; then ascend the ratio over all three."""
    cases, best = 0, 0.0
    for seed in range(10):
        wide = LSTMWideSet(0.9 + seed / 110, 0.2 + seed / 30, 0.7 + seed / 40, 1.05 + seed / 20)
        module = scaled(LSTM(3, 6, input_clip=0.75).double(), 8.0, seed)
        wide.project_(module)
        box = 1 / (1 - wide.ceilings(6))
        x = torch.empty(500, 3).double().uniform_(-0.75, 0.75).requires_grad_()
        h = torch.empty(2, 500, 6).double().uniform_(-1, 1).requires_grad_()
        c = (torch.empty(2, 500, 6).double().uniform_(-1, 1) * box).requires_grad_()
        optimizer = torch.optim.Adam([x, h, c, *module.parameters()], lr=0.1)
        for step in range(15):
            h_next, c_next = one_step(module.cells[0], x, h, c)
            ratio = weighted_distance(c_next, h_next, wide.mu) / weighted_distance(c, h, wide.mu).clamp_min(1e-9)
            assert ratio.max().item() <= wide.rate(module) * (1 + 1e-9)
            assert wide.rate(module) <= wide.bound * (1 + 1e-9)
            cases += 500 * (step in (0, 14))
            best = max(best, ratio.max().item() / wide.rate(module))
            optimizer.zero_grad()
            (-ratio.log().sum()).backward()
            optimizer.step()
            wide.project_(module)
            with torch.no_grad():
                x.clamp_(-0.75, 0.75), h.clamp_(-1, 1), c.copy_(torch.minimum(torch.maximum(c, -box), box))
    with capsys.disabled():
        print(f"\n{cases} cases, largest ratio/rate {best:.3f}")
    assert cases >= 10_000
    assert best > 0.7


def test_it_says_what_it_cannot_do():
    for arguments in ((1.0,), (0.9, 0.0), (0.9, 0.5, 0.4), (0.8, 0.3, 0.85), (0.9, 0.3, 0.5, 0.9), (math.nan,)):
        with pytest.raises(ValueError, match=r"rise in this order|mu="):
            LSTMWideSet(*arguments)
    with pytest.raises(ValueError, match="input_bound"):
        LSTMWideSet(input_bound=math.inf)
    with pytest.raises(ValueError, match="use SpectralBall"):
        LSTMWideSet().project_(nn.RNN(2, 3))
    with pytest.raises(ValueError, match="without biases"):
        LSTMWideSet().project_(nn.LSTM(2, 3, bias=False))
    bare = nn.LSTM(2, 3)
    LSTMWideSet().project_(bare)
    assert not LSTMWideSet().contains(bare)
    assert LSTMWideSet().rate(bare) == LSTMWideSet().rate(nn.RNN(2, 3)) == math.inf
    assert "max(|c|, |h|/1.1)" in LSTMWideSet().describe()
    assert LSTMWideSet.promising(1.0) is LSTMWideSet.promising(0.0) is None
