"""Translators: what the loss may see, that padding is never read, and that cached decoding changes nothing."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from lessons_lib.models import ConvolutionalTranslator, RecurrentTranslator, TransformerTranslator
from lessons_lib.training import Settings, train

PAD, BOS, EOS, SYMBOLS = 0, 1, 2, 9
FAMILIES = [RecurrentTranslator, ConvolutionalTranslator, TransformerTranslator]
every_family = pytest.mark.parametrize("family", FAMILIES)


def translator(family, seed=0, **options):
    torch.manual_seed(seed)
    return family(SYMBOLS, 8, pad=PAD, bos=BOS, eos=EOS, **options).double().eval()


def padded(lengths, symbols=SYMBOLS):
    tokens = torch.randint(3, symbols, (len(lengths), max(lengths)))
    for row, length in zip(tokens, lengths, strict=True):
        row[length:] = PAD
    return tokens


def assert_close(ours, theirs):
    torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)


lengths = st.lists(st.integers(1, 7), min_size=1, max_size=4)


@every_family
@settings(deadline=None, max_examples=15)
@given(lengths=lengths, extra=st.integers(1, 4), seed=st.integers(0, 999))
def test_padding_is_never_read(family, lengths, extra, seed):
    model = translator(family, seed)
    source, target = padded(lengths), padded(lengths[::-1])
    longer, _ = model(F.pad(source, (0, extra), value=PAD))
    memory, _ = model(source)
    assert_close(model.decode(target, longer)[0], model.decode(target, memory)[0])
    for row, length in enumerate(lengths):
        alone, _ = model(source[row : row + 1, :length])
        assert_close(model.decode(target[row : row + 1], alone)[0], model.decode(target, memory)[0][row : row + 1])
    assert_close(model.loss(memory, F.pad(target, (0, extra), value=PAD)), model.loss(memory, target))


@every_family
@settings(deadline=None, max_examples=15)
@given(cut=st.integers(1, 8), seed=st.integers(0, 999))
def test_decoding_in_pieces_equals_decoding_at_once(family, cut, seed):
    model = translator(family, seed)
    memory, _ = model(padded([5, 3, 6]))
    target = padded([9, 9, 9])
    whole, _ = model.decode(target, memory)
    first, state = model.decode(target[:, :cut], memory)
    second, _ = model.decode(target[:, cut:], memory, state)
    assert_close(torch.cat([first, second], 1), whole)


@every_family
def test_a_prediction_sees_the_whole_source_and_no_later_target(family):
    model = translator(family)
    source, target = padded([7]), padded([9])
    before, _ = model.decode(target, model(source)[0])
    changed = target.clone()
    changed[0, 5] = 3 + (target[0, 5] - 2) % (SYMBOLS - 3)
    after, _ = model.decode(changed, model(source)[0])
    assert torch.equal(after[:, :5], before[:, :5])
    assert not torch.equal(after[:, 5], before[:, 5])
    for position in range(7):
        other = source.clone()
        other[0, position] = 3 + (source[0, position] - 2) % (SYMBOLS - 3)
        assert not torch.equal(model.decode(target, model(other)[0])[0][:, 0], before[:, 0])


@every_family
def test_the_loss_is_the_teacher_forced_cross_entropy_of_the_unpadded_targets(family):
    model = translator(family)
    memory, _ = model(padded([4, 6]))
    targets = padded([5, 2])
    total = 0.0
    for row, length in ((0, 5), (1, 2)):
        state, token = None, torch.full((2, 1), BOS)
        for t in range(length):
            logits, state = model.decode(token, memory, state)
            total -= F.log_softmax(logits[row, 0], 0)[targets[row, t]]
            token = targets[:, t : t + 1]
    assert_close(model.loss(memory, targets), total / 7)
    assert_close(model.loss(memory, targets.masked_fill(targets == PAD, -100)), total / 7)


class Reversal:
    """Strings of 2 to 5 symbols and their mirror images: the smallest task that reorders."""

    steps, carries_state = 6, False

    def __len__(self):
        return 400

    def __getitem__(self, index):
        chance = torch.Generator().manual_seed(index)
        source, target = torch.full((2, 64, self.steps), PAD)
        for row in range(64):
            length = int(torch.randint(2, 6, (), generator=chance))
            source[row, :length] = torch.randint(3, SYMBOLS, (length,), generator=chance)
            target[row, :length], target[row, length] = source[row, :length].flip(0), EOS
        return source, target


@every_family
def test_train_drives_a_translator_until_it_reverses_strings(family):
    torch.manual_seed(0)
    model = family(SYMBOLS, 32, pad=PAD, bos=BOS, eos=EOS)
    task = Reversal()
    for _ in train(model, task, Settings(6, learning_rate=5e-3, gradient_clip=1.0), steps=200, optimizer="adam"):
        pass
    source, target = task[399]
    written = model.translate(source, 6)
    assert (F.pad(written, (0, 6 - written.shape[1]), value=PAD) == target).all(1).double().mean() >= 0.9


@every_family
def test_a_translation_stops_at_its_end_symbol_or_at_the_longest_length(family):
    model = translator(family)
    source = padded([4, 6])
    assert model.translate(source, 5).shape == (2, 5)
    assert model.translate(source, 0).shape == (2, 0)
    torch.nn.init.zeros_(model.decoder.weight)
    model.decoder.bias.data[EOS] = 99
    assert model.translate(source, 5).tolist() == [[EOS], [EOS]]


@every_family
def test_dropout_acts_while_training_only(family):
    model = translator(family, dropout=0.5)
    source, target = padded([5, 6]), padded([5, 3])
    assert torch.equal(model.loss(model(source)[0], target), model.loss(model(source)[0], target))
    model.train()
    assert not torch.equal(model.loss(model(source)[0], target), model.loss(model(source)[0], target))
    assert torch.equal(model.translate(source, 5), model.translate(source, 5))
    assert model.training


def test_nonsense_is_refused_in_one_line():
    with pytest.raises(ValueError, match="take an odd one"):
        translator(ConvolutionalTranslator, kernel_size=4)
    with pytest.raises(ValueError, match="multiple of twice the number of heads"):
        translator(TransformerTranslator, heads=3)
