"""The quasi-recurrent layer: one model in pieces and at once, its gates blind to its state, its memory a mean."""

import pytest
import torch

from lessons_lib.models import QRNN, LanguageModel, affine_scan


def layer(window: int = 2, seed: int = 0) -> QRNN:
    torch.manual_seed(seed)
    return QRNN(4, 6, window=window).double()


def inputs(time: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(3, time, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("window", [1, 2, 3])
def test_pieces_read_one_after_the_other_equal_the_whole(window):
    core, given = layer(window), inputs(11)
    whole, end = core(given)
    state, parts = None, []
    for piece in given.split([1, 1, 4, 5], dim=1):
        part, state = core(piece, state)
        parts.append(part)
    torch.testing.assert_close(torch.cat(parts, 1), whole, rtol=0, atol=1e-14)
    for one, other in zip(state, end, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-14)


def test_its_memory_is_what_a_scan_of_its_gates_gives():
    core, given = layer(), inputs(17)
    gates = core.gates(given)[0]
    content, forget, show = gates.chunk(3, dim=-1)
    forget = forget.sigmoid()
    memory = torch.stack(
        [affine_scan(f, (1 - f) * z) for f, z in zip(forget, content.tanh(), strict=True)]
    )  # no gate has seen a memory
    torch.testing.assert_close(core(given)[0], show.sigmoid() * memory)


def test_an_output_moves_with_no_later_input():
    core, given = layer(3), inputs(12)
    changed = given.clone()
    changed[0, 7] += 1
    before, after = core(given)[0], core(changed)[0]
    assert torch.equal(before[0, :7], after[0, :7])
    assert torch.equal(before[1:], after[1:])
    assert (before[0, 7:] != after[0, 7:]).any(-1).all()


def test_its_memory_stays_within_one_whatever_it_reads():
    core = layer()
    with torch.no_grad():
        core.gates.convolution.weight *= 100
        core.ceiling.copy_(3 * torch.rand(6) - 1)  # what lies outside [0, 1] counts as its end
    _, (memory, _) = core(100 * inputs(200))
    assert memory.abs().max() <= 1


def test_gradients_reach_everything():
    core = layer()
    given, state = inputs(5).requires_grad_(), tuple(s.requires_grad_() for s in core(inputs(3, 1))[1])
    state = tuple(s.detach().requires_grad_() for s in state)
    assert torch.autograd.gradcheck(lambda x, *s: core(x, s)[0], (given, *state))
    core(given)[0].sum().backward()
    assert all(p.grad.abs().max() > 0 for p in core.parameters())


def test_a_language_model_of_it_predicts():
    features, _ = LanguageModel(QRNN(4, 6), 11, 4)(torch.zeros(2, 3, dtype=torch.int64))
    assert features.shape == (2, 3, 6)


def test_no_window_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        QRNN(4, 6, window=0)
