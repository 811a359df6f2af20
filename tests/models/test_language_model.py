import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from lessons_lib.models import LSTM, LanguageModel, TanhRNN, Windowed
from lessons_lib.models.head import ROWS, WORDS, cross_entropy_in_chunks


@settings(deadline=None, max_examples=20)
@given(
    rows=st.sampled_from([1, 7, ROWS, ROWS + 1, 2 * ROWS + 3]),
    words=st.sampled_from([501, WORDS, WORDS + 1, 3 * WORDS + 7]),
    scale=st.sampled_from([1.0, 30.0]),  # by 30 most words are as good as impossible
    seed=st.integers(0, 99),
)
def test_the_chunked_head_equals_a_full_float64_softmax_in_loss_and_gradients(rows, words, scale, seed):
    torch.manual_seed(seed)
    parts = [torch.randn(rows, 12), scale * torch.randn(words, 12), torch.randn(words)]
    targets = torch.randint(words, (rows,))
    targets[seed % rows] = -100 if rows > 1 else targets[0]
    chunked = [part.clone().requires_grad_() for part in parts]
    loss = cross_entropy_in_chunks(*chunked, targets)
    (3 * loss).backward()
    full = [part.double().requires_grad_() for part in parts]
    reference = F.cross_entropy(F.linear(*full), targets)
    (3 * reference).backward()
    tolerance = 1e-5 * scale  # a score is rounded relative to its size
    assert loss.item() == pytest.approx(reference.item(), rel=tolerance)
    for ours, theirs in zip(chunked, full, strict=True):
        assert (ours.grad - theirs.grad).norm() <= tolerance * theirs.grad.norm()


def test_evaluation_makes_no_gradients():
    class Sizes(TorchDispatchMode):
        largest = 0

        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            result = function(*args, **(kwargs or {}))
            if isinstance(result, torch.Tensor) and result.untyped_storage().data_ptr() != weight.data_ptr():
                self.largest = max(self.largest, result.untyped_storage().nbytes())
            return result

    weight = torch.randn(WORDS, 12).requires_grad_()
    arguments = torch.randn(3, 12), weight, torch.zeros(WORDS), torch.arange(3)
    with torch.no_grad(), Sizes() as sizes:
        cross_entropy_in_chunks(*arguments)
    assert sizes.largest < weight.nbytes
    with Sizes() as sizes:
        cross_entropy_in_chunks(*arguments)
    assert sizes.largest == weight.nbytes


def test_a_uniform_model_loses_log_of_the_vocabulary():
    model = LanguageModel(TanhRNN(3, 4), 50, 3)
    torch.nn.init.zeros_(model.decoder.weight)
    tokens = torch.randint(50, (2, 9))
    features, _ = model(tokens)
    assert model.loss(features, tokens).item() == pytest.approx(math.log(50), rel=1e-6)


def test_loss_is_the_mean_over_positions_of_the_logits_cross_entropy():
    torch.manual_seed(0)
    model = LanguageModel(LSTM(3, 4), 11, 3).double()
    tokens, targets = torch.randint(11, (2, 2, 9))
    features, _ = model(tokens)
    expected = F.cross_entropy(model.logits(features).flatten(0, 1), targets.flatten())
    torch.testing.assert_close(model.loss(features, targets), expected)
    log_p, _ = model.log_probabilities(tokens)
    torch.testing.assert_close(-log_p.gather(2, targets.unsqueeze(2)).mean(), expected.detach())


def test_tied_weights_are_one_parameter():
    model = LanguageModel(TanhRNN(4, 4), 11, 4, tied=True)
    assert model.decoder.weight is model.embedding.weight
    assert len(list(model.parameters())) == 6


def test_context_length_is_the_cores():
    core = TanhRNN(3, 4)
    assert LanguageModel(core, 11, 3).context_length is None
    assert LanguageModel(Windowed(core, 5), 11, 3).context_length == 5


def test_widths_that_do_not_fit_are_refused_in_one_line():
    with pytest.raises(ValueError, match="make the two equal"):
        LanguageModel(TanhRNN(3, 4), 11, 5)
    with pytest.raises(ValueError, match="untie"):
        LanguageModel(TanhRNN(3, 4), 11, 3, tied=True)
