"""Where the experiments are: nothing lists them, they are found."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from pathlib import Path
from typing import Any

from lessons_lib.experiments.experiment import Experiment


def experiments_in(*packages: str) -> dict[str, Experiment[Any]]:
    """The experiments that the modules of these packages have as variables, by name.

    Only a module whose source speaks of ``Experiment`` is imported: the others may need Jupyter.

    Raises:
        ValueError: two experiments of one name.
    """
    found: dict[str, Experiment[Any]] = {}
    for package in packages:
        for entry in pkgutil.walk_packages(import_module(package).__path__, f"{package}."):
            spec = entry.module_finder.find_spec(entry.name, None)
            if spec is None or spec.origin is None or b"Experiment" not in Path(spec.origin).read_bytes():
                continue
            for value in vars(import_module(entry.name)).values():
                if isinstance(value, Experiment) and found.setdefault(value.name, value) is not value:
                    raise ValueError(f"two experiments are called {value.name}: rename one, or they share a file")
    return dict(sorted(found.items()))
