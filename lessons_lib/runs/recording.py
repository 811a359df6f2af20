"""A run as it was: what is kept of it when it ends, on disk or as a ghost behind the next one."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from lessons_lib.files import write_atomically
from lessons_lib.training import Settings
from lessons_lib.training.checkpoint import settings_from_json, settings_to_json

FORMAT = 1
FILE, SCRIPT = "run.json", "script.py"


@dataclass(frozen=True)
class Recording:
    """Plain numbers; nothing in it changes any more.

    Args:
        name: the run's.
        moves: (step, the settings from that step on), the first at step 0.
        loss: nats per step, from step 0.
        twin_steps, twin_loss: the twin's, from where it parted.
        truncation_error, truncation_bound: at context length 1, 2, 3, ..., as measured last; empty if never.
        script: the cell that repeats the run; empty where no code says how its model is made.
    """

    name: str
    moves: tuple[tuple[int, Settings], ...]
    loss: tuple[float, ...]
    twin_steps: tuple[int, ...] = ()
    twin_loss: tuple[float, ...] = ()
    truncation_error: tuple[float, ...] = ()
    truncation_bound: tuple[float, ...] = ()
    script: str = ""

    @property
    def title(self) -> str:
        """Its last settings, as short as a legend must be."""
        return in_short(self.moves[-1][1])

    def save(self, folder: Path, also: Mapping[str, bytes] | None = None) -> Path:
        """Write into a new folder below ``folder``: the numbers, the script, and further files by name.

        Returns:
            the new folder.
        """
        kept = re.sub(r"\W+", "_", self.name).strip("_")
        when = f"{datetime.now():%Y-%m-%d_%H-%M-%S}"
        names = (f"{when}{again}_{kept}" for again in itertools.chain([""], map("-{}".format, itertools.count(2))))
        place = next(folder / name for name in names if not (folder / name).exists())
        moves = [[step, settings_to_json(settings)] for step, settings in self.moves]
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__} | {"moves": moves}
        if self.script:
            write_atomically(place / SCRIPT, self.script.encode())
        for name, content in (also or {}).items():
            write_atomically(place / name, content)
        write_atomically(place / FILE, json.dumps({"format": FORMAT} | fields).encode())
        return place

    @classmethod
    def load(cls, place: Path) -> Recording:
        """What :meth:`save` wrote into the folder ``place``.

        Raises:
            ValueError: there is no such run, or its file is damaged or of another version of the course.
        """
        try:
            fields: dict[str, Any] = json.loads((place / FILE).read_text())
            if fields.pop("format") != FORMAT:
                raise ValueError("another format")
            if not fields["moves"]:
                raise ValueError("no settings")
            moves = tuple((step, settings_from_json(settings)) for step, settings in fields.pop("moves"))
            lists: dict[str, Any] = {
                name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()
            }
            return cls(moves=moves, **lists)
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise ValueError(f"{place.name} is no saved run that can be read: {error}") from error


def saved_runs(folder: Path) -> list[Path]:
    """The folders of all saved runs, the latest first."""
    return sorted((file.parent for file in folder.glob(f"*/{FILE}")), reverse=True)


def in_short(settings: Settings) -> str:
    """Settings in a few characters."""
    bound = settings.stable_set.in_short()
    return f"{bound}, k {settings.truncation_length}, rate {settings.learning_rate:g}"
