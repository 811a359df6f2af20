"""How fast WikiText-2 is read, against the loop that everybody writes first."""

import os
import tempfile
from functools import partial
from pathlib import Path
from unittest.mock import patch

import torch
from torch import Tensor

from lessons_lib.bench import Gate
from lessons_lib.corpora import DataUnavailable, download, wikitext2
from lessons_lib.experiments.machine import cpu_seconds

COLD_LIMIT, WARM_LIMIT = 0.45, 0.02


class PlainDictionary:
    """Words and ids as language-model scripts keep them."""

    def __init__(self) -> None:
        self.ids: dict[str, int] = {}
        self.words: list[str] = []

    def add(self, word: str) -> None:
        if word not in self.ids:
            self.words.append(word)
            self.ids[word] = len(self.words) - 1


def plain_reading(folder: Path) -> list[Tensor]:
    """The usual reading: one pass over each file that adds its words, and one that looks them up line by
    line.
    """
    dictionary = PlainDictionary()
    splits = []
    for file in download.WIKITEXT2.values():
        with open(folder / file.path, encoding="utf8") as lines:
            for line in lines:
                for word in [*line.split(), "<eos>"]:
                    dictionary.add(word)
        read = []
        with open(folder / file.path, encoding="utf8") as lines:
            for line in lines:
                ids = []
                for word in [*line.split(), "<eos>"]:
                    ids.append(dictionary.ids[word])
                read.append(torch.tensor(ids))
        splits.append(torch.cat(read))
    return splits


def measure(repeats: int = 5) -> dict[str, float]:
    """CPU time of a cold reading (hash checks included) and a warm one, relative to the plain loop: best of
    repeats.

    Raises:
        DataUnavailable: WikiText-2 is not on this machine and cannot be downloaded.
    """
    plain, cold, warm = [], [], []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for file in download.WIKITEXT2.values():
                download.store(folder / file.path, download.read(file))
            with patch.dict(os.environ, {"LESSONS_CACHE_DIR": name, "LESSONS_DATA_DIR": ""}):
                plain.append(cpu_seconds(partial(plain_reading, folder)))
                cold.append(cpu_seconds(wikitext2))
                warm.append(min(cpu_seconds(wikitext2) for _ in range(3)))
    return {"plain": min(plain), "cold": min(cold) / min(plain), "warm": min(warm) / min(plain)}


def gates() -> list[Gate]:
    """Reading cold and warm, as shares of the plain loop; nothing where WikiText-2 cannot be had."""
    try:
        ratios = measure()
    except DataUnavailable as error:
        print(f"  left out: {error}")
        return []
    return [
        Gate("WikiText-2 by words, plain loop, seconds", ratios["plain"]),
        Gate("cold, of the plain loop", ratios["cold"], COLD_LIMIT),
        Gate("warm, hash check included, of the plain loop", ratios["warm"], WARM_LIMIT),
    ]
