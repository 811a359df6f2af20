import dataclasses
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lessons_lib.corpora import DataUnavailable, Vocabulary, download, text, wikitext2

SPLITS = ("train", "valid", "test")


@pytest.fixture(scope="session")
def words(wikitext2_present):
    """The text by an independent reading: each line's words, then <eos>."""
    listed = {}
    for split in SPLITS:
        lines = download.read(download.WIKITEXT2[split]).decode("utf-8").split("\n")[:-1]
        listed[split] = [word for line in lines for word in [*line.split(), "<eos>"]]
    return listed


@pytest.fixture
def cache(wikitext2_present, tmp_path, monkeypatch):
    """A cache with the texts in it and nothing else."""
    for file in download.WIKITEXT2.values():
        download.store(tmp_path / file.path, download.read(file))
    monkeypatch.delenv("LESSONS_DATA_DIR", raising=False)
    monkeypatch.setenv("LESSONS_CACHE_DIR", str(tmp_path))
    return tmp_path


def test_ids_equal_an_independent_reading(words):
    corpus = wikitext2()
    ids: dict[str, int] = {}
    for split, count in zip(SPLITS, (2_088_628, 217_646, 245_569), strict=True):
        expected = [ids.setdefault(word, len(ids)) for word in words[split]]
        tokens = getattr(corpus, split)
        assert tokens.dtype == torch.int64
        assert len(tokens) == count
        assert torch.equal(tokens, torch.tensor(expected))
    assert len(corpus.vocabulary) == 33_278
    assert corpus.vocabulary.words == tuple(ids)


WORDS = st.text("ab\x01é戦", min_size=1, max_size=5).map(lambda part: part * (1 + len(part) * 2)) | st.sampled_from(
    "abc"
)


@settings(deadline=None, max_examples=150)
@given(st.lists(st.lists(st.lists(WORDS, max_size=6), max_size=5), min_size=1, max_size=3))
def test_reading_equals_the_loop_over_words(texts):
    ids: dict[str, int] = {}
    words = [word for lines in texts for line in lines for word in [*line, "<eos>"]]
    expected = [ids.setdefault(word, len(ids)) for word in words]
    read, vocabulary = text.read_words(["".join("  ".join(line) + " \n" for line in lines).encode() for lines in texts])
    assert read.tolist() == expected
    assert vocabulary == list(ids)


def test_words_with_the_same_beginning_are_told_apart():
    generator = np.random.default_rng(0)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    beginnings = ["".join(generator.choice(letters, 8)) for _ in range(50)]
    words = [
        generator.choice(beginnings) + "".join(generator.choice(letters, generator.integers(0, 12)))
        if generator.random() < 0.5
        else "".join(generator.choice(letters, generator.integers(1, 12)))
        for _ in range(10_000)
    ]
    # Chains that differ in their last letter only, and two words that share the hash of an earlier reader.
    words += [beginnings[0] * 8 + letter for letter in letters]
    words += ["gpnqkwdibczoscon", "gfylyecbb5hjGWnK"]
    generator.shuffle(words)
    numbers: dict[str, int] = {}
    for word in words:
        if word not in numbers:
            numbers[word] = len(numbers)
    ids, vocabulary = text.read_words([" ".join(words).encode()])
    assert ids.tolist() == [numbers[word] for word in words]
    assert vocabulary == list(numbers)


def test_a_word_too_many_for_two_bytes_is_refused():
    with pytest.raises(ValueError, match="more than 65,536 different words"):
        text.read_words([" ".join(map(str, range(2**16 + 1))).encode()])


@pytest.mark.parametrize("size", [2, 10, 1000, 33_277, 33_278])
def test_a_reduced_vocabulary_keeps_the_most_frequent_words(words, size):
    corpus = wikitext2(vocabulary_size=size)
    # Counter breaks ties by first appearance.
    frequent = [word for word, _ in Counter(words["train"]).most_common() if word not in ("<unk>", "<eos>")]
    kept = {"<unk>", "<eos>", *frequent[: size - 2]}
    assert len(corpus.vocabulary) == size
    assert set(corpus.vocabulary.words) == kept
    for split in SPLITS:
        expected = [word if word in kept else "<unk>" for word in words[split]]
        assert corpus.vocabulary.decode(getattr(corpus, split)) == expected


def test_the_whole_vocabulary_asked_for_by_number_is_the_default(wikitext2_present):
    by_number, default = wikitext2(33_278), wikitext2()
    assert by_number.vocabulary.words == default.vocabulary.words
    assert torch.equal(by_number.test, default.test)


@pytest.mark.parametrize("size", [1, 0, -5, 33_279])
def test_an_impossible_vocabulary_size_says_what_is_possible(wikitext2_present, size):
    with pytest.raises(ValueError, match=r"from 2 .* to 33278"):
        wikitext2(vocabulary_size=size)


def test_the_cached_ids_are_read_without_the_text_and_are_the_same(cache):
    first = wikitext2()
    for split in SPLITS:
        (cache / "wikitext-2" / f"{split}.txt").unlink()
    second = wikitext2()
    assert torch.equal(first.train, second.train)
    assert first.vocabulary.words == second.vocabulary.words


@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b"\x07" + b[1:], lambda b: b""])
def test_damaged_ids_are_noticed_and_read_anew(cache, damage):
    first = wikitext2()
    path = cache / "wikitext-2" / "words.bin"
    good = path.read_bytes()
    path.write_bytes(damage(good))
    assert torch.equal(wikitext2().train, first.train)
    assert path.read_bytes() == good


def test_ids_that_cannot_be_cached_cost_a_warning_only(cache, tmp_path, monkeypatch):
    monkeypatch.setenv("LESSONS_DATA_DIR", str(cache))
    (tmp_path / "blocked").write_text("")
    monkeypatch.setenv("LESSONS_CACHE_DIR", str(tmp_path / "blocked"))
    with pytest.warns(UserWarning, match="not kept for the next time"):
        corpus = wikitext2()
    assert len(corpus.valid) == 217_646


def test_a_changed_corpus_does_not_change_the_next_one(wikitext2_present):
    wikitext2().test.zero_()
    assert wikitext2().test.max() > 0


def test_absent_data_is_one_clear_error(tmp_path, monkeypatch):
    nowhere = (download.Mirror("http://127.0.0.1:9/nothing"),)
    unreachable = {s: dataclasses.replace(f, mirrors=nowhere) for s, f in download.WIKITEXT2.items()}
    monkeypatch.setattr(text, "WIKITEXT2", unreachable)
    monkeypatch.delenv("LESSONS_DATA_DIR", raising=False)
    monkeypatch.setenv("LESSONS_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with pytest.raises(DataUnavailable, match=r"wikitext-2/train.txt .*LESSONS_DATA_DIR"):
        wikitext2()


def test_a_vocabulary_reads_what_it_writes():
    vocabulary = Vocabulary(["<eos>", "a", "<unk>", "b"])
    assert vocabulary.encode("a b a <eos>").tolist() == [1, 3, 1, 0]
    assert vocabulary.encode(["b", "zebra"]).tolist() == [3, 2]
    assert vocabulary.decode(torch.tensor([1, 3, 0])) == ["a", "b", "<eos>"]
    assert vocabulary.encode([]).tolist() == []
    assert len(vocabulary) == 4


def test_a_vocabulary_refuses_what_it_cannot_hold():
    with pytest.raises(ValueError, match="'c' is not in this vocabulary"):
        Vocabulary(["a", "b"]).encode(["a", "c"])
    for ids in ([2], [-1]):
        with pytest.raises(ValueError, match=r"0\.\.1"):
            Vocabulary(["a", "b"]).decode(ids)
    with pytest.raises(ValueError, match="every word once"):
        Vocabulary(["a", "a"])


def test_importing_the_room_loads_nothing_that_only_downloads_need():
    code = (
        "import sys, lessons_lib.corpora\n"
        "print([m for m in ('pooch', 'requests', 'scipy', 'plotly', 'IPython') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
