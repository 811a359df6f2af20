import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lessons_lib.corpora import Batches, ChoraleBatches, frame_loss, jsb_chorales


def pieces(*lengths: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [(torch.rand(length, 88, generator=generator) < 0.1).float() for length in lengths]


def test_the_split_is_the_published_one(jsb_chorales_present):
    chorales = jsb_chorales()
    assert [len(part) for part in (chorales.train, chorales.valid, chorales.test)] == [229, 76, 77]
    lengths = []
    for piece in (*chorales.train, *chorales.valid, *chorales.test):
        assert piece.shape[1:] == (88,)
        assert piece.dtype == torch.float32
        assert set(piece.unique().tolist()) <= {0.0, 1.0}
        lengths.append(len(piece))
    assert (min(lengths), max(lengths)) == (25, 160)
    # Four voices, sometimes in unison.
    assert 3.5 < torch.cat(chorales.train).sum(1).mean() < 4


@settings(deadline=None, max_examples=30)
@given(lengths=st.lists(st.integers(2, 9), min_size=1, max_size=7), batch_size=st.integers(1, 4))
def test_every_frame_but_the_first_is_predicted_once_from_the_one_before(lengths, batch_size):
    rolls = pieces(*lengths)
    batches = ChoraleBatches(rolls, batch_size)
    assert isinstance(batches, Batches)
    rows = [row for batch in batches for row in zip(*batch, strict=True)]
    assert len(rows) == len(rolls)
    for (inputs, targets), roll in zip(rows, rolls, strict=True):
        kept = len(roll) - 1
        assert inputs.shape == targets.shape == (batches.steps, 88)
        assert torch.equal(inputs[:kept], roll[:-1])
        assert torch.equal(targets[:kept], roll[1:])
        assert (inputs[kept:] == 0).all()
        assert (targets[kept:] == -100).all()


def test_shuffling_keeps_all_pieces_and_changes_with_the_epoch():
    rolls = pieces(*range(2, 12))
    batches = ChoraleBatches(rolls, 4, epochs=2, seed=3)
    assert len(batches) == 6
    lengths = [int((row[:, 0] != -100).sum()) for _, targets in batches for row in targets]
    first, second = lengths[:10], lengths[10:]
    assert sorted(first) == sorted(second) == list(range(1, 11))
    assert first != second
    for one, other in zip(batches, ChoraleBatches(rolls, 4, epochs=2, seed=3), strict=True):
        assert torch.equal(one[0], other[0])


def test_the_loss_sums_over_keys_and_averages_over_the_frames_of_all_pieces():
    rolls = pieces(5, 3, 9)
    _, targets = ChoraleBatches(rolls, 3)[0]
    logits = torch.randn(targets.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    total = frames = 0
    for row, roll in enumerate(rolls):
        for t, frame in enumerate(roll[1:]):
            p = 1 / (1 + np.exp(-logits[row, t].numpy()))
            total -= (frame.numpy() * np.log(p) + (1 - frame.numpy()) * np.log(1 - p)).sum()
            frames += 1
    assert frame_loss(logits, targets.double()).item() == pytest.approx(total / frames, rel=1e-10)


def test_padding_gets_no_gradient_and_no_frames_cost_nothing():
    _, targets = ChoraleBatches(pieces(2, 6), 2)[0]
    logits = torch.zeros_like(targets, requires_grad=True)
    frame_loss(logits, targets).backward()
    assert (logits.grad[0, 1:] == 0).all()
    assert (logits.grad[0, 0] != 0).all()
    assert frame_loss(logits[:1, 1:], targets[:1, 1:]).item() == 0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ChoraleBatches([], 1), "at least one piece"),
        (lambda: ChoraleBatches([torch.zeros(1, 88)], 1), "2 frames or more"),
        (lambda: ChoraleBatches([torch.zeros(5, 87)], 1), "88"),
        (lambda: ChoraleBatches(pieces(3), 0), "batch_size=0"),
        (lambda: ChoraleBatches(pieces(3), 1, epochs=0), "epochs=0"),
    ],
)
def test_batches_that_make_no_sense_say_why(make, message):
    with pytest.raises(ValueError, match=message):
        make()
    with pytest.raises(IndexError, match="1 batches"):
        ChoraleBatches(pieces(3), 1)[1]
