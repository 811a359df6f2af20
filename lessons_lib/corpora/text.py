"""WikiText-2 by words: the text read once, and cached as two bytes a word."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lessons_lib.files import cache_folder

from .download import WIKITEXT2, bytes_of, read, store

UNKNOWN, END = "<unk>", "<eos>"


class Vocabulary:
    """Words and their ids, both ways.  ``words[i]`` has id ``i``.

    Raises:
        ValueError: a word stands twice.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)
        if len(set(self.words)) != len(self.words):
            raise ValueError("a vocabulary holds every word once: remove the repeated ones")

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {word: index for index, word in enumerate(self.words)}

    def __len__(self) -> int:
        return len(self.words)

    def encode(self, words: Iterable[str]) -> Tensor:
        """``(time,)`` int64 ids of a list of words, or of a text that is split at whitespace.

        Words that the vocabulary does not hold become ``<unk>``.

        Raises:
            ValueError: an unknown word, and the vocabulary holds no ``<unk>``.
        """
        listed = words.split() if isinstance(words, str) else list(words)
        unknown = self._ids.get(UNKNOWN)
        ids = [self._ids.get(word, unknown) for word in listed]
        if None in ids:
            raise ValueError(f"{listed[ids.index(None)]!r} is not in this vocabulary, and it holds no {UNKNOWN}")
        return torch.tensor(ids, dtype=torch.int64)

    def decode(self, ids: Tensor | Iterable[int]) -> list[str]:
        """The words of ``(time,)`` ids.

        Raises:
            ValueError: an id outside ``0 <= id < len(vocabulary)``.
        """
        listed = ids.tolist() if isinstance(ids, Tensor) else list(ids)
        if any(not 0 <= index < len(self.words) for index in listed):
            raise ValueError(f"ids must lie in 0..{len(self.words) - 1}")
        return [self.words[index] for index in listed]


@dataclass(frozen=True)
class TextCorpus:
    """A text as ids: ``train``, ``valid`` and ``test`` are ``(time,)`` int64 tensors."""

    train: Tensor
    valid: Tensor
    test: Tensor
    vocabulary: Vocabulary


def wikitext2(vocabulary_size: int | None = None) -> TextCorpus:
    """WikiText-2 (Merity et al. 2016) by words: 2,088,628 / 217,646 / 245,569 tokens, 33,278 words.

    Words are split at whitespace, every line ends in ``<eos>``, and ids count words in order of first
    appearance in train.  With ``vocabulary_size=n`` only the n most frequent words of train are kept (ties by
    first appearance), among them always ``<unk>`` and ``<eos>``; all others become ``<unk>``.  The kept words
    stay in order of first appearance. A perplexity over a reduced vocabulary is no WikiText-2 result: label
    it.

    Raises:
        DataUnavailable: the text is not on this machine and cannot be downloaded.
        ValueError: ``vocabulary_size`` below 2 or above 33,278.
    """
    splits, words = _load()
    if vocabulary_size is not None:
        splits, words = _reduce(splits, words, vocabulary_size)
    train, valid, test = (torch.from_numpy(ids.astype(np.int64)) for ids in splits)
    return TextCorpus(train, valid, test, Vocabulary(words))


Ids = NDArray[np.uint16]

# The cache holds the ids of the three splits, two bytes each, then the words, one a line.  It follows from
# the pinned text alone, so its own hash can be pinned: whatever was read or cached wrongly is noticed.
_TOKENS = (2_088_628, 217_646, 245_569)
_MOST_WORDS = 2**16
_CACHE = "wikitext-2/words.bin"
_CACHE_SHA256 = "7003a39373feb2923fcb53b1a53abeca73e6e667f64e7436ced043811433d6d1"


def _load() -> tuple[list[Ids], list[str]]:
    path = cache_folder() / _CACHE
    content = bytes_of(path)
    if content is None or hashlib.sha256(content).hexdigest() != _CACHE_SHA256:
        ids, words = read_words([read(WIKITEXT2[split]) for split in ("train", "valid", "test")])
        content = ids.tobytes() + "\n".join(words).encode()
        if hashlib.sha256(content).hexdigest() != _CACHE_SHA256:
            raise RuntimeError("WikiText-2 was read wrongly on this machine: please report it with its numpy version")
        store(path, content)
    ids = np.frombuffer(content, dtype="<u2", count=sum(_TOKENS))
    words = content[ids.nbytes :].decode().split("\n")
    return np.split(ids, np.cumsum(_TOKENS[:-1])), words


def read_words(texts: Iterable[bytes]) -> tuple[Ids, list[str]]:
    """Ids of all words in all texts, one after another, and the words in order of first appearance.

    Words are split at ASCII whitespace, and every line ends in ``<eos>``.

    Raises:
        ValueError: more than 65,536 different words.
    """
    ids: defaultdict[bytes, int] = defaultdict()
    ids.default_factory = ids.__len__  # a word met for the first time gets the next number
    split = (text.replace(b"\n", f" {END} ".encode()).split() for text in texts)
    read = [np.fromiter(map(ids.__getitem__, words), dtype=np.int32) for words in split]
    if len(ids) > _MOST_WORDS:
        raise ValueError(f"more than {_MOST_WORDS:,} different words: ids of two bytes cannot tell them apart")
    return np.concatenate(read).astype("<u2"), [word.decode() for word in ids]


def _reduce(splits: list[Ids], words: list[str], size: int) -> tuple[list[Ids], list[str]]:
    if not 2 <= size <= len(words):
        raise ValueError(f"vocabulary_size={size}: pass a number from 2 ({UNKNOWN} and {END}) to {len(words)}")
    unknown = words.index(UNKNOWN)
    counts = np.bincount(splits[0], minlength=len(words))
    counts[[unknown, words.index(END)]] = len(splits[0])
    kept = np.sort(np.argsort(-counts, kind="stable")[:size])
    new = np.full(len(words), np.searchsorted(kept, unknown), dtype=np.uint16)
    new[kept] = np.arange(size)
    return [new[ids] for ids in splits], [words[index] for index in kept]
