from datetime import date

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lessons_lib.corpora import DateFormats, NumberWords
from lessons_lib.corpora.translation import DAYS, MONTHS, SMALL, TENS, number_in_words

KINDS = [NumberWords, lambda *a, **o: NumberWords(*a, to_words=True, **o), DateFormats]


def number_from_words(words: list[str]) -> int:
    """The other way, written independently: groups are multiplied, the rest is added."""
    total = group = 0
    for word in words:
        if word == "hundred":
            group *= 100
        elif word == "thousand":
            total, group = 1000 * group, 0
        elif word != "and":
            group += SMALL.index(word) if word in SMALL else 10 * TENS.index(word)
    return total + group


@settings(deadline=None, max_examples=300)
@given(st.integers(0, 999_999))
def test_a_number_in_words_means_that_number(number):
    assert number_from_words(number_in_words(number)) == number


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "zero"),
        (40, "forty"),
        (305, "three hundred and five"),
        (1000, "one thousand"),
        (1001, "one thousand and one"),
        (12_340, "twelve thousand three hundred and forty"),
        (999_999, "nine hundred and ninety nine thousand nine hundred and ninety nine"),
    ],
)
def test_numbers_read_as_in_british_english(number, words):
    assert " ".join(number_in_words(number)) == words


def test_a_number_too_large_says_so():
    for number in (-1, 10**6):
        with pytest.raises(ValueError, match="999,999"):
            number_in_words(number)


def meaning(task, source: str, target: str) -> int:
    if isinstance(task, NumberWords):
        words, digits = (target, source) if task.to_words else (source, target)
        assert number_from_words(words.split()) == int(digits.replace(" ", ""))
        return int(digits.replace(" ", ""))
    when = date.fromisoformat(target.replace(" ", ""))
    written = source.split()
    if written[0] in DAYS:
        assert DAYS[when.weekday()] == written.pop(0)
    months = [word for word in written if word in MONTHS]
    assert months == [MONTHS[when.month - 1]]
    # Digits of day and year, in whichever order; a year has four.
    digits = "".join(word for word in written if word.isdigit())
    assert len(digits) + 1 == len(written)
    assert (when.year, when.day) in ((int(digits[:4]), int(digits[4:])), (int(digits[-4:]), int(digits[:-4])))
    return when.toordinal()


@pytest.mark.parametrize("kind", KINDS)
def test_source_and_target_mean_the_same_and_train_never_meets_test(kind):
    seen = {}
    for split in ("train", "test"):
        task = kind(split, batch_size=400, batches=2)
        pairs = [(task.read(s), task.read(t)) for batch in task for s, t in zip(*batch, strict=True)]
        seen[split] = {meaning(task, source, target) for source, target in pairs}
        assert len(seen[split]) > 200
    assert not seen["train"] & seen["test"]


def test_a_tenth_of_all_meanings_is_kept_for_the_test():
    train, test = NumberWords("train"), NumberWords("test")
    held = np.array([test.holds(number) for number in range(20_000)])
    assert held.mean() == pytest.approx(0.1, abs=0.005)
    assert not any(train.holds(number) for number in np.flatnonzero(held)[:50])
    # Every last digit occurs in both splits: the test asks for new numbers, not for new symbols.
    assert len(set(np.flatnonzero(held) % 10)) == 10


@pytest.mark.parametrize("kind", KINDS)
def test_rows_end_once_and_are_padded_behind_their_end(kind):
    task = kind(batch_size=300)
    for ids, width in zip(task[0], (task.source_width, task.target_width), strict=True):
        assert ids.shape == (300, width)
        assert ids.dtype == torch.int64
        assert ((ids == task.eos).sum(1) == 1).all()
        ends = (ids == task.eos).int().argmax(1)
        behind = torch.arange(width) > ends[:, None]
        assert ((ids == task.pad) == behind).all()
        assert (ids != task.bos).all()
        assert ids.max() < task.vocabulary_size
    assert task.steps == max(task.source_width, task.target_width)


def test_the_longest_number_and_the_longest_day_fit():
    rng = np.random.default_rng(0)
    for to_words in (False, True):
        task = NumberWords(to_words=to_words)
        for symbols, width in zip(task.pair(777_777, rng), (task.source_width, task.target_width), strict=True):
            assert len(symbols) == width - 1
    task = DateFormats()
    pairs = [task.pair(date(1998, 9, 30).toordinal(), rng) for _ in range(50)]
    assert max(len(source) for source, _ in pairs) == task.source_width - 1
    assert len(pairs[0][1]) == task.target_width - 1


def test_days_are_written_in_four_ways():
    rng = np.random.default_rng(0)
    written = {" ".join(DateFormats().pair(date(1998, 3, 5).toordinal(), rng)[0]) for _ in range(100)}
    assert written == {
        "5 march 1 9 9 8",
        "march 5 1 9 9 8",
        "1 9 9 8 march 5",
        "thursday 5 march 1 9 9 8",
    }


def test_scoring_is_exact_up_to_the_end_and_blind_behind_it():
    task = NumberWords(batch_size=4)
    _, targets = task[0]
    assert task.exact_match(targets, targets) == 1
    ended = targets.clone()
    ended[ended == task.pad] = 7
    assert task.exact_match(ended, targets) == 1
    assert task.exact_match(targets[:, :-1], targets) >= 0.75
    wrong = targets.clone()
    wrong[0, 0] += 1
    assert task.exact_match(wrong, targets) == 0.75
    unended = targets.clone()
    unended[unended == task.eos] = task.pad
    assert task.exact_match(unended, targets) == 0
    with pytest.raises(ValueError, match="3 rows"):
        task.exact_match(targets[:3], targets)


def test_an_unknown_split_says_which_there_are():
    with pytest.raises(ValueError, match='"train" or "test"'):
        NumberWords("valid")
