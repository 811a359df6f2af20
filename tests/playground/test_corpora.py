"""Every line of the table of corpora reads what its numbers say."""

import pytest
import torch

from lessons_lib.corpora import DataUnavailable, OwnText, download
from lessons_lib.models import LanguageModel, TanhRNN
from lessons_lib.playground.choice import reading
from lessons_lib.playground.corpora import CORPORA, FEWEST, copying, hidden_markov, own_words, product_of_lags, renewal
from lessons_lib.training import Settings, train

MANY_WORDS = OwnText("many.txt", " ".join(f"word{i % 50}" for i in range(4_000)).encode())


def test_a_language_is_labelled_with_the_loss_that_no_model_beats():
    found = product_of_lags(bits=2, longest=5, noise=0.1)
    assert found.levels["best possible"] == pytest.approx(2 * 0.32508, abs=1e-4)
    assert (found.vocabulary_size, found.label) == (4, "bits of lag 5, 1")
    assert renewal(shortest=3, longest=3).levels["best possible"] == pytest.approx(0, abs=1e-12)
    assert hidden_markov(states=3, stay=0.9, noise=0.0).levels["best possible"] == pytest.approx(0.32508, abs=1e-4)


def test_gaps_the_wrong_way_round_are_refused_in_a_line_that_says_what_to_do():
    with pytest.raises(ValueError, match=r"^the shortest gap, 9, is longer than the longest, 4: change one of them$"):
        renewal(shortest=9, longest=4)


def test_a_task_measures_gradients_of_its_own_answers():
    found = copying(delay=2, symbols=4, length=3)
    inputs, targets = found.stream[0]
    assert inputs.shape == targets.shape == (32, 8)
    assert found.probe.sample.shape == found.probe.targets.shape == (12, 8)
    assert not torch.equal(found.probe.held_out[0], inputs), "other symbols than those it is trained on"
    assert found.levels["chance"] == pytest.approx(1.386, abs=1e-3)


def test_an_own_text_is_split_into_what_is_trained_on_and_what_is_held_out():
    found = own_words(MANY_WORDS, vocabulary=2_000)
    assert found.vocabulary_size == 50
    trained_on = sum(len(found.stream[i][0].flatten()) for i in range(len(found.stream)))
    assert trained_on == 3_000  # of 3,600: what fills no whole batch of 20 x 50 is left out
    assert found.probe.held_out[0].shape == (1, 399)
    assert found.stream.unit == "words"


def test_of_an_own_text_the_smallest_that_is_taken_trains():
    text = OwnText("small.txt", b"one two three four five six. " * (FEWEST // 7 + 1))
    found = own_words(text, vocabulary=100)
    model = LanguageModel(TanhRNN(8, 8), found.vocabulary_size, 8)
    losses = [float(record.loss) for record in train(model, found.stream, Settings(50), steps=3)]
    assert len(losses) == 3
    assert found.probe(model, Settings(50)).held_out_loss > 0


@pytest.mark.parametrize(("text", "count"), [("word", 1), ("one two three. " * 100, 400)])
def test_a_text_too_short_to_learn_from_is_refused_in_a_line_that_says_how_long_it_must_be(text, count):
    with pytest.raises(
        ValueError, match=rf"^short.txt has too few words to learn from, {count}: choose a text of 1,200 or more$"
    ):
        own_words(OwnText("short.txt", text.encode()), vocabulary=100)


def test_without_a_file_and_without_the_data_one_line_says_what_to_do(monkeypatch):
    with pytest.raises(ValueError, match=r"^upload a text file first, of 10 MB at most: a larger one does not arrive$"):
        reading("your own text, characters", (), None)

    def absent(file):
        raise DataUnavailable("not here")

    monkeypatch.setattr(download, "read", absent)
    with pytest.raises(
        ValueError, match=r"^WikiText-2, characters cannot be had [^\n]*: choose another corpus, or [^\n]*: not here$"
    ):
        reading("WikiText-2, characters", (), None)


def test_wikitext_by_characters_writes_without_spaces_between_them(wikitext2_present):
    found = reading("WikiText-2, characters", (), None)
    assert 100 < found.vocabulary_size <= 200
    assert found.stream.unit == "characters"
    written = found.probe.writer(LanguageModel(TanhRNN(8, 8), found.vocabulary_size, 8))
    assert len(written.prompt) == 24
    assert written.prompt.replace(" ", "").isalpha()


def test_every_knob_stands_within_its_ends():
    for name, entry in CORPORA.items():
        for knob in entry.knobs.values():
            assert knob.low <= knob.value <= knob.high, (name, knob.label)
            assert knob.tooltip
