import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lessons_lib.corpora import Batches, Stream


@settings(deadline=None, max_examples=60)
@given(batch_size=st.integers(1, 5), steps=st.integers(1, 7), extra=st.integers(0, 60))
def test_rows_read_unbroken_text_and_targets_are_the_next_token(batch_size, steps, extra):
    tokens = torch.arange(batch_size * steps + 1 + extra)
    stream = Stream(tokens, batch_size, steps)
    inputs = torch.cat([inputs for inputs, _ in stream], dim=1)
    targets = torch.cat([targets for _, targets in stream], dim=1)
    column = (len(tokens) - 1) // batch_size
    assert len(stream) == column // steps
    assert inputs.shape == (batch_size, len(stream) * steps)
    # Tokens are their own positions: a row that counts up by one is unbroken text.
    starts = torch.arange(batch_size)[:, None] * column
    assert torch.equal(inputs, starts + torch.arange(inputs.shape[1]))
    assert torch.equal(targets, inputs + 1)


def test_batches_are_int64_on_the_device_of_the_tokens():
    stream = Stream(torch.arange(50, dtype=torch.int32), 3, 4)
    for inputs, targets in stream:
        assert inputs.dtype == targets.dtype == torch.int64
        assert inputs.shape == targets.shape == (3, 4)
        assert inputs.device == torch.device("cpu")


def test_a_batch_is_a_copy_that_cannot_change_the_text():
    tokens = torch.arange(13)
    inputs, _ = Stream(tokens, 1, 4)[0]
    inputs.zero_()
    assert torch.equal(tokens, torch.arange(13))


def test_indices_behave_as_those_of_a_sequence():
    stream = Stream(torch.arange(41), 2, 5)
    assert isinstance(stream, Batches)
    assert stream.carries_state
    assert len(list(stream)) == len(stream) == 4
    assert torch.equal(stream[-1][0], stream[3][0])
    for index in (4, -5):
        with pytest.raises(IndexError, match="4 batches"):
            stream[index]


@pytest.mark.parametrize(
    ("tokens", "batch_size", "steps", "message"),
    [
        (torch.arange(12), 3, 4, "at least 13 tokens"),
        (torch.arange(0), 1, 1, "at least 2 tokens"),
        (torch.arange(12).view(3, 4), 1, 1, "1-d"),
        (torch.rand(12), 1, 1, "integer"),
        (torch.arange(12) > 3, 1, 1, "integer"),
        (torch.arange(12), 0, 1, "at least 1"),
        (torch.arange(12), 1, 0, "at least 1"),
    ],
)
def test_a_stream_that_cannot_be_read_says_why(tokens, batch_size, steps, message):
    with pytest.raises(ValueError, match=message):
        Stream(tokens, batch_size, steps)


def test_the_smallest_stream_has_one_batch():
    inputs, targets = Stream(torch.arange(13), 3, 4)[0]
    assert torch.equal(inputs, torch.arange(12).view(3, 4))
    assert torch.equal(targets, torch.arange(1, 13).view(3, 4))


@pytest.mark.cuda
def test_tokens_on_the_gpu_give_batches_on_the_gpu():
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device on this machine")
    inputs, targets = Stream(torch.arange(13, device="cuda"), 3, 4)[0]
    assert inputs.is_cuda
    assert targets.is_cuda
