"""Chance from a seed: the numbers that torch.manual_seed gives, and nobody else's are touched."""

import threading
import time
from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from lessons_lib.models import (
    LSTM,
    TCN,
    ConvolutionalTranslator,
    LanguageModel,
    RecurrentTranslator,
    TanhRNN,
    Transformer,
    TransformerTranslator,
    seeded,
)

SQUARE = torch.arange(12.0).reshape(3, 4)

TRANSLATORS = RecurrentTranslator, ConvolutionalTranslator, TransformerTranslator


def trained_loss(kind):
    """A translator's loss in training: its weights and its dropout are drawn."""
    model, pairs = kind(12, 8, dropout=0.5, pad=0, bos=1, eos=2), torch.arange(12).reshape(3, 4)
    return model.loss(model(pairs)[0], pairs).detach()


DRAWS = {
    "rand": lambda: torch.rand(3),
    "randn in float64": lambda: torch.randn(3, 2, dtype=torch.float64),
    "randint": lambda: torch.randint(9, (5,)),
    "randperm": lambda: torch.randperm(7),
    "rand_like": lambda: torch.rand_like(SQUARE),
    "randn_like": lambda: torch.randn_like(SQUARE),
    "normal": lambda: torch.normal(0.0, 1.0, (4,)),
    "bernoulli": lambda: torch.bernoulli(torch.full((9,), 0.5)),
    "multinomial": lambda: torch.multinomial(SQUARE + 1, 5, replacement=True),
    "uniform_": lambda: torch.empty(3).uniform_(-1, 1),
    "exponential_": lambda: torch.empty(3).exponential_(),
    "orthogonal_": lambda: nn.init.orthogonal_(torch.empty(3, 3), 2.0),
    "kaiming_uniform_": lambda: nn.init.kaiming_uniform_(torch.empty(3, 3)),
    "trunc_normal_": lambda: nn.init.trunc_normal_(torch.empty(3)),
    "dropout": lambda: F.dropout(SQUARE, 0.3),
    "dropout of a transpose": lambda: nn.Dropout(0.3)(SQUARE.T),
    "dropout in place": lambda: F.dropout(SQUARE.clone(), 0.3, inplace=True),
    "dropout of everything": lambda: F.dropout(SQUARE, 1.0),
    "dropout in evaluation": lambda: nn.Dropout(0.3).eval()(SQUARE),
    "a distribution": lambda: torch.distributions.Categorical(logits=SQUARE).sample(),
    "two in a row": lambda: torch.cat([torch.randn(3), torch.rand(3), F.dropout(SQUARE, 0.5).flatten()]),
    "RNN": lambda: weights(LanguageModel(TanhRNN(4, 4, 2), 7, 4)),
    "LSTM": lambda: weights(LanguageModel(LSTM(4, 4), 7, 4, tied=True)),
    "TCN": lambda: weights(TCN(4, 4, layers=2)),
    "Transformer": lambda: weights(Transformer(4, 4, layers=2, heads=2)),
    **{kind.__name__: partial(trained_loss, kind) for kind in TRANSLATORS},
}


def weights(module):
    return torch.cat([parameter.detach().flatten() for parameter in module.parameters()])


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_a_seed_gives_the_numbers_of_torchs_own_and_leaves_the_global_generator_alone(draw):
    torch.manual_seed(5)
    expected = draw()
    before = torch.random.get_rng_state()
    with seeded(5):
        found = draw()
    assert torch.equal(found, expected)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_generator_of_ones_own_goes_first():
    mine = torch.Generator()
    with seeded(5):
        first = torch.rand(3, generator=mine.manual_seed(1))
        second = nn.init.orthogonal_(torch.empty(3, 3), 1.0, mine.manual_seed(1))
    assert torch.equal(first, torch.rand(3, generator=mine.manual_seed(1)))
    assert torch.equal(second, nn.init.orthogonal_(torch.empty(3, 3), 1.0, mine.manual_seed(1)))


def test_a_seed_inside_another_begins_afresh_and_gives_the_outer_one_back():
    with seeded(5):
        outer = torch.rand(2), torch.rand(2)
    with seeded(5):
        first = torch.rand(2)
        with seeded(6):
            inner = torch.rand(2)
        second = torch.rand(2)
    with seeded(6):
        assert torch.equal(inner, torch.rand(2))
    assert torch.equal(torch.stack([first, second]), torch.stack(outer))


def test_threads_beside_a_seed_neither_disturb_it_nor_notice_it():
    torch.manual_seed(1)
    alone = torch.rand(400)
    with seeded(5):
        expected = torch.rand(400)
    found, ended = [], threading.Event()

    def block():
        with seeded(5):
            while len(found) < 400:
                found.append(torch.rand(1))
                time.sleep(0)  # the other thread's turn
        ended.set()

    thread = threading.Thread(target=block)
    torch.manual_seed(1)
    thread.start()
    beside = []
    while len(beside) < 400:
        beside.append(torch.rand(1))
        time.sleep(0)
    assert ended.wait(60)
    thread.join()
    assert torch.equal(torch.cat(found), expected)
    assert torch.equal(torch.cat(beside), alone)
