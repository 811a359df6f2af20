"""Exponents, radii and growth agree with brute force in float64."""

from functools import partial

import pytest
import torch
from torch import nn

from lessons_lib.models import GRU, LSTM, LanguageModel, TanhRNN
from lessons_lib.stability import (
    contraction,
    contraction_quantiles,
    lyapunov_exponents,
    spectral_radius,
    transient_growth,
)


def flat(state):
    parts = state if isinstance(state, tuple) else (state,)
    return torch.cat([p.transpose(0, 1).flatten(1) for p in parts], 1)


def next_state(core, x, like, vector):
    """One step as a map of flat vectors; ``like`` is a state of the wanted structure."""
    if isinstance(like, tuple):
        state = tuple(part.reshape(like[0].shape) for part in vector.chunk(2))
    else:
        state = vector.reshape(like.shape)
    return flat(core(x, state)[1])[0]


@pytest.mark.parametrize(("kind", "sizes"), [(TanhRNN, (3, 4)), (TanhRNN, (3, 2, 2)), (GRU, (3, 4)), (LSTM, (3, 3, 2))])
def test_lyapunov_exponents_are_those_of_the_product_of_jacobians(kind, sizes):
    torch.manual_seed(0)
    core = kind(*sizes).double()
    inputs = torch.randn(2, 9, 3, dtype=torch.float64)
    found = lyapunov_exponents(core, inputs)
    for row in range(2):
        one = inputs[row : row + 1]
        _, state = core(one[:, :1])
        jacobians = []
        for t in range(1, 9):
            step = partial(next_state, core, one[:, t : t + 1], state)
            jacobians.append(torch.autograd.functional.jacobian(step, flat(state)[0].detach()))
            _, state = core(one[:, t : t + 1], state)
        basis, logs = torch.eye(len(jacobians[0])).double(), 0
        for jacobian in reversed(jacobians):
            basis, r = torch.linalg.qr(jacobian.T @ basis)
            logs = logs + r.diagonal().abs().log()
        torch.testing.assert_close(found[row], logs / 8, rtol=1e-8, atol=1e-10)
        determinants = torch.stack([torch.linalg.slogdet(j).logabsdet for j in jacobians])
        torch.testing.assert_close(found[row].sum(), determinants.mean(), rtol=1e-8, atol=1e-10)
    torch.testing.assert_close(lyapunov_exponents(core, inputs, 2), found[:, :2], rtol=1e-8, atol=1e-10)


def test_lyapunov_exponents_of_a_linear_map_are_the_logs_of_its_eigenvalues():
    """tanh near 0 is linear: with a triangular W the growth is read off the diagonal."""
    module = nn.RNN(1, 3, batch_first=True, bias=False).double()
    with torch.no_grad():
        module.weight_ih_l0.zero_()
        module.weight_hh_l0.copy_(torch.tensor([[0.9, 5.0, 0.0], [0.0, 0.5, 1.0], [0.0, 0.0, 0.1]]))
    found = lyapunov_exponents(module, torch.zeros(1, 150, 1, dtype=torch.float64))
    torch.testing.assert_close(found[0].exp(), torch.tensor([0.9, 0.5, 0.1]).double(), rtol=0.05, atol=0)


def test_contraction_quantiles_run_from_the_best_to_the_worst_context():
    torch.manual_seed(0)
    model = LanguageModel(TanhRNN(4, 5), 7, 4).double()
    tokens, starts = torch.randint(0, 7, (20, 6)), torch.randn(2, 1, 20, 5, dtype=torch.float64)
    each = contraction(model, tokens, *starts)
    found = contraction_quantiles(model, tokens, *starts, (0.0, 0.5, 1.0))
    ordered = each.sort(0).values
    expected = torch.stack([ordered[0], (ordered[9] + ordered[10]) / 2, ordered[-1]])
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)


def test_powers_of_a_stable_matrix_may_rise_before_they_fall():
    """A non-normal matrix of radius .9 whose powers rise before they fall."""
    matrix = torch.tensor([[0.9, 8.0], [0.0, 0.9]], dtype=torch.float64)
    growth = transient_growth(matrix, 60)
    for t in (0, 1, 7, 60):
        expected = torch.linalg.matrix_norm(torch.linalg.matrix_power(matrix, t), 2)
        torch.testing.assert_close(growth[t], expected, rtol=1e-10, atol=0)
    assert spectral_radius(matrix) < 1 < growth.max()
    assert growth.argmax() > 3
    assert growth[-1] < growth.max()


def test_exponents_refuse_what_has_no_step():
    with pytest.raises(ValueError, match="two time steps"):
        lyapunov_exponents(TanhRNN(2, 3), torch.zeros(1, 1, 2))
    with pytest.raises(ValueError, match="3 directions"):
        lyapunov_exponents(TanhRNN(2, 3), torch.zeros(1, 4, 2), 4)
