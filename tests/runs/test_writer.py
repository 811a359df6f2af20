import torch

from lessons_lib.corpora import Stream
from lessons_lib.models import LanguageModel, TanhRNN
from lessons_lib.models.generation import generate
from lessons_lib.runs import Probe, Run, Writer
from lessons_lib.training import Settings

TOKENS = torch.randint(9, (301,), generator=torch.Generator().manual_seed(0))
PROMPT = torch.tensor([1, 2, 3])


def model():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return LanguageModel(TanhRNN(5, 6), 9, 5, dropout=0.5)


def named(tokens):
    return [f"w{token}" for token in tokens.tolist()]


def test_it_writes_what_generating_gives_and_touches_nobody_elses_chance():
    speaking = model().train()
    before = torch.get_rng_state()
    written = Writer(PROMPT, named, length=5)(speaking)
    assert torch.equal(torch.get_rng_state(), before)
    expected = generate(speaking.eval(), PROMPT.unsqueeze(0), 5, 1.0, torch.Generator().manual_seed(0))
    assert (written.prompt, written.continued) == ("w1 w2 w3", " ".join(named(expected[0])))


def test_a_text_stands_until_it_is_read_but_another_model_writes_its_own():
    writer = Writer(PROMPT, named, seconds=3600.0)
    first, other = model(), model()
    text = writer(first)
    with torch.no_grad():
        for weights in [*first.parameters(), *other.parameters()]:
            weights.mul_(-3.0)
    assert writer(first) is text
    assert writer(other) != text
    hasty = Writer(PROMPT, named, seconds=0.0)
    assert hasty(first) is not hasty(first)


def test_a_runs_losses_are_the_same_with_a_writer():
    def losses(writer):
        probe = Probe(Stream(TOKENS, 1, 50)[0], TOKENS[:30].view(1, -1), 4, 4, writer=writer)
        run = Run(lambda: (model(), Stream(TOKENS, 2, 10)), Settings(5), name="writer", probe=probe, steps=30)
        run.start()
        run.result(60)
        assert (run.history.measured.written is None) == (writer is None)
        run.close()
        return run.history.loss

    assert losses(Writer(PROMPT, named, seconds=0.0)) == losses(None)
