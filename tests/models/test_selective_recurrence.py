"""The selective recurrence is one model in pieces and at once, and the sign of λ(x) is what counts modulo 2."""

import pytest
import torch

from lessons_lib.models import LanguageModel, SelectiveRecurrence, affine_scan


@pytest.mark.parametrize("signed", [False, True])
def test_a_sequence_at_once_and_one_input_at_a_time_are_the_same_model(signed):
    torch.manual_seed(0)
    model = LanguageModel(SelectiveRecurrence(6, 8, 2, signed=signed), 4, 6).double()
    tokens = torch.randint(4, (3, 21))
    features, last = model(tokens)
    state, stepped = None, []
    for t in range(21):
        feature, state = model(tokens[:, t : t + 1], state)
        stepped.append(feature)
    torch.testing.assert_close(torch.cat(stepped, 1), features, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(state, last, rtol=1e-10, atol=1e-12)


def test_a_later_input_and_another_sequence_move_nothing():
    torch.manual_seed(0)
    core = SelectiveRecurrence(4, 8, 2).double()
    inputs = torch.randn(2, 12, 4, dtype=torch.float64)
    changed = inputs.clone()
    changed[0, 7] += 1
    before, after = core(inputs)[0], core(changed)[0]
    assert torch.equal(before[0, :7], after[0, :7])
    assert torch.equal(before[1], after[1])
    assert (before[0, 7:] != after[0, 7:]).any(-1).all()


def test_gradients_pass_through_the_scan():
    torch.manual_seed(0)
    core = SelectiveRecurrence(2, 3, signed=True).double()
    inputs = torch.randn(2, 5, 2, dtype=torch.float64, requires_grad=True)
    state = torch.randn(1, 2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda *given: core(*given), (inputs, state))


@pytest.mark.parametrize(("signed", "low"), [(False, 0.0), (True, -1.0)])
def test_every_eigenvalue_lies_where_it_is_said_to(signed, low):
    torch.manual_seed(0)
    block = SelectiveRecurrence(4, 16, signed=signed).blocks[0]
    values = block.squash(block.select(10 * torch.randn(500, 16)))
    assert low <= values.min() < low + 0.2
    assert 0.8 < values.max() <= 1


def test_one_unit_whose_eigenvalue_the_input_turns_is_running_parity():
    bits = torch.randint(2, (300, 1), generator=torch.Generator().manual_seed(0)).double()
    assert torch.equal(affine_scan(1 - 2 * bits, bits), bits.cumsum(0) % 2)


def test_no_layers_are_refused():
    with pytest.raises(ValueError, match="at least one layer"):
        SelectiveRecurrence(2, 2, 0)
