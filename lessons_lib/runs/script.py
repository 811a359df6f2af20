"""A run as code: a plain cell that repeats it, every change of a setting at its step."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

from lessons_lib.training import Settings

CELL = """\
# {title}
{imports}

torch.set_num_threads({threads})  # sums over more threads are rounded otherwise
mailbox = Mailbox({first})
changes = {changes}
model, stream = {factory}()
training = train(model, stream, mailbox, seed={seed}, optimizer={optimizer!r})
losses = []
for step in range({steps}):
    mailbox.update(**changes.get(step, {{}}))
    losses.append(next(training).loss.item())
print(f"{{len(losses)}} steps, the last loss is {{losses[-1]:.4f}} nats")
"""


class _Writer:
    """Writes values as expressions, and collects what must be imported for them."""

    def __init__(self) -> None:
        self.imports = {"import torch", "from lessons_lib.training import Mailbox, Settings, train"}

    def value(self, value: Any) -> str:
        """An expression for ``value``.

        Raises:
            ValueError: no code is known that would make it again.
        """
        if isinstance(value, float) and not math.isfinite(value):
            return f'float("{value}")'
        if value is None or isinstance(value, (bool, int, str, float)):
            return repr(value)
        if isinstance(value, (list, tuple)):
            inside = ", ".join(map(self.value, value))
            return f"[{inside}]" if isinstance(value, list) else f"({inside}{',' if len(value) == 1 else ''})"
        if isinstance(value, Mapping):
            return "{" + ", ".join(f"{self.value(key)}: {self.value(part)}" for key, part in value.items()) + "}"
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return self.dataclass(value)
        if isinstance(value, functools.partial):
            self.imports.add("import functools")
            return f"functools.partial({self.arguments((value.func, *value.args), value.keywords)})"
        if (recipe := getattr(value, "recipe", None)) is not None:
            function, arguments, options = recipe
            return f"{self.value(function)}({self.arguments(arguments, options)})"
        if inspect.ismethod(value):
            return f"{self.value(value.__self__)}.{value.__name__}"
        if inspect.isfunction(value) or inspect.isclass(value):
            return self.name(value)
        raise ValueError(f"no code is known for {value!r}")

    def arguments(self, values: Sequence[Any], options: Mapping[str, Any]) -> str:
        return ", ".join([*map(self.value, values), *(f"{name}={self.value(part)}" for name, part in options.items())])

    def dataclass(self, value: Any) -> str:
        """The fields that are not as their class has them."""
        given = {}
        for one in dataclasses.fields(value):
            usual = one.default if one.default_factory is dataclasses.MISSING else one.default_factory()
            if one.init and getattr(value, one.name) != usual:
                given[one.name] = getattr(value, one.name)
        return f"{self.name(type(value))}({self.arguments((), given)})"

    def name(self, value: Any) -> str:
        module, path = value.__module__, value.__qualname__
        if "<" in path:
            raise ValueError(f"{path} has no name that a cell could import: define it with def in a module")
        if module == "__main__":
            return path  # a cell of the same notebook defines it
        self.imports.add(f"from {module} import {path.split('.')[0]}")
        return path


def script(
    factory: Any,
    moves: Sequence[tuple[int, Settings]],
    *,
    steps: int,
    name: str,
    seed: int,
    optimizer: str,
    threads: int,
) -> str:
    """A cell that takes ``steps`` steps from ``factory`` under the settings that ``moves`` names from each step on.

    Run in a fresh kernel on the same CPU, it gives the same losses to the last bit.

    Raises:
        ValueError: the factory is made of something that has no name: a lambda, a function inside a function, a tensor.
    """
    writer = _Writer()
    names = [one.name for one in dataclasses.fields(Settings)]
    changes = {
        step: {name: getattr(after, name) for name in names if getattr(after, name) != getattr(before, name)}
        for (_, before), (step, after) in itertools.pairwise(moves)
    }
    lines = [f"    {step}: {writer.value(change)}," for step, change in changes.items()]
    return CELL.format(
        title=f"The run “{name}”: {steps:,} steps, {len(changes)} of them with new settings",
        first=writer.value(moves[0][1]),
        changes="\n".join(["{", *lines, "}"]) if lines else "{}",
        factory=writer.value(factory),
        imports="\n".join(sorted(writer.imports, key=lambda line: (not line.startswith("import"), line))),
        steps=steps,
        seed=seed,
        optimizer=optimizer,
        threads=threads,
    )
