"""An LSTM's certificates unit by unit and in the l1 norm, and the report on the public code's rule."""

import math

import pytest
import torch

from lessons_lib.models import LSTM
from lessons_lib.stability import (
    LSTMPublishedCode,
    LSTMStableSet,
    LSTMWideSet,
    certified_rate,
    l1_rate,
    layers_of,
    max_norm_rate,
    worst_forget_gate,
)
from lessons_lib.stability.rates import forget_ceilings, lstm_l1_matrix, lstm_unit_matrix

CLIP = 0.75


def lstm(seed: int, hidden: int = 5) -> LSTM:
    torch.manual_seed(seed)
    core = LSTM(4, hidden, input_clip=CLIP).double()
    core.cells[0].weight_hh_l0.data *= 3 * torch.rand(())
    return core


def one_step(core: LSTM, inputs: torch.Tensor, hidden: torch.Tensor, cell: torch.Tensor):
    state, memory = core.step(core.project(inputs), (hidden[None], cell[None]))[1]
    return state[0], memory[0]


def test_the_l1_matrix_bounds_10_000_attacked_steps(capsys):
    largest, cases = 0.0, 0
    for seed in range(50):
        core = lstm(seed)
        layer = layers_of(core)[0]
        matrix = torch.tensor(lstm_l1_matrix(layer))
        box = 1 / (1 - forget_ceilings(layer))
        rows = 200
        inputs = torch.randn(rows, 4, dtype=torch.float64)
        place = torch.rand(4, rows, 5, dtype=torch.float64) * 2 - 1  # two states in the box: (h, h', c, c')
        for _ in range(3):  # half of the cases climb the gradient of the ratio
            place.requires_grad_()
            first = one_step(core, inputs, place[0], place[2] * box)
            second = one_step(core, inputs, place[1], place[3] * box)
            before = torch.stack([((place[2] - place[3]) * box).abs().sum(1), (place[0] - place[1]).abs().sum(1)])
            allowed = matrix @ before
            moved = torch.stack([(first[1] - second[1]).abs().sum(1), (first[0] - second[0]).abs().sum(1)])
            ratio = moved / allowed
            (gradient,) = torch.autograd.grad(ratio.sum(), place)
            gradient[:, : rows // 2] = 0
            place = (place + 0.2 * gradient.sign()).clamp(-1, 1).detach()
        assert ratio.isfinite().all()
        largest, cases = max(largest, float(ratio.detach().max())), cases + rows
    with capsys.disabled():
        print(f"\nLSTM in the l1 norm: {cases:,} cases, largest step / bound {largest:.3f}")
    assert cases == 10_000
    assert 0.8 < largest <= 1  # the attack comes near


def test_the_unit_matrix_bounds_every_entry_of_10_000_attacked_steps(capsys):
    largest, cases = 0.0, 0
    for seed in range(50):
        core = lstm(seed)
        layer = layers_of(core)[0]
        of_state, of_inputs = lstm_unit_matrix(layer, CLIP)
        box = 1 / (1 - forget_ceilings(layer))
        rows = 200
        read = torch.rand(2, rows, 4, dtype=torch.float64) * 2 - 1
        place = torch.rand(4, rows, 5, dtype=torch.float64) * 2 - 1  # two states in the box: (h, h', c, c')
        for _ in range(3):  # half of the cases climb the gradient of the largest ratio
            read.requires_grad_(), place.requires_grad_()
            first = one_step(core, CLIP * read[0], place[0], place[2] * box)
            second = one_step(core, CLIP * read[1], place[1], place[3] * box)
            before = torch.cat([(place[2] - place[3]) * box, place[0] - place[1]], dim=1).abs()
            allowed = before @ of_state.T + (CLIP * (read[0] - read[1])).abs() @ of_inputs.T
            moved = torch.cat([first[1] - second[1], first[0] - second[0]], dim=1).abs()
            ratio = (moved / allowed).amax(1)
            climb = torch.autograd.grad(ratio.sum(), (read, place))
            for one in climb:
                one[:, : rows // 2] = 0
            read, place = (
                (one.detach() + 0.2 * up.sign()).clamp(-1, 1) for one, up in zip((read, place), climb, strict=True)
            )
        assert ratio.isfinite().all()
        largest, cases = max(largest, float(ratio.detach().max())), cases + rows
    with capsys.disabled():
        print(f"\nLSTM unit by unit: {cases:,} cases, largest step / bound {largest:.3f}")
    assert cases == 10_000
    assert 0.8 < largest <= 1  # the attack comes near


def test_no_norm_of_the_unit_matrix_gives_a_smaller_rate():
    wide = LSTMWideSet()
    for seed in range(20):
        core = lstm(seed)
        assert certified_rate(core) <= min(l1_rate(core), max_norm_rate(core), wide.rate(core)) * (1 + 1e-9)


def test_weights_whose_columns_are_small_and_rows_large_are_better_certified_in_the_l1_norm():
    core = LSTM(2, 6, input_clip=CLIP).double()
    LSTMStableSet().project_(core)
    hidden = core.cells[0].weight_hh_l0.data
    hidden.zero_()
    hidden[12, :] = 0.2  # one unit's candidate listens to everybody: its row is 1.2, each column .2
    assert l1_rate(core) < 1 < max_norm_rate(core)


def test_the_public_codes_rule_gives_its_column_sums_and_no_certificate():
    rule, core = LSTMPublishedCode(), LSTM(4, 8, input_clip=1.0).double()
    rule.project_(core)
    layer = layers_of(core)[0]
    sums = [float(block.abs().sum(0).max()) for block in layer.weight_hh.detach().split(8)]
    assert sums == pytest.approx([0.395, 0.155, 0.099, 0.395])
    assert layer.weight_ih.detach()[8:16].abs().sum(0).tolist() == pytest.approx([0.25] * 4)
    assert float(rule.project_(core)) == pytest.approx(0, abs=1e-12)
    assert not rule.contains(core)


def test_a_large_forget_bias_that_the_rule_leaves_free_takes_the_certificate_away():
    rule, core = LSTMPublishedCode(), LSTM(4, 8, input_clip=1.0).double()
    rule.project_(core)
    core.cells[0].bias_ih_l0.data.zero_()
    core.cells[0].bias_hh_l0.data.zero_()
    core.cells[0].bias_ih_l0.data[8:16] = 4.18
    rule.project_(core)
    report = rule.report(core)
    assert report["largest forget gate"] == worst_forget_gate(core) > 0.98
    assert min(report["rate in the max norm"], report["rate in the l1 norm"]) > rule.rate(core) > 1
    assert rule.rate(core) == report["rate unit by unit"]


def test_inputs_without_a_limit_leave_no_rate():
    assert l1_rate(LSTM(4, 8)) == max_norm_rate(LSTM(4, 8)) == math.inf
