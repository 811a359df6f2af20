"""One file per checkpoint: tensors as safetensors, everything else as JSON in its header; no pickle."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from lessons_lib.files import write_atomically
from lessons_lib.models import State
from lessons_lib.stability import Unconstrained
from lessons_lib.training.settings import Settings
from lessons_lib.training.train import TrainingState

FORMAT = 1


class CheckpointError(ValueError):
    """The file is not a checkpoint that this training can continue from."""


def save_checkpoint(path: str | os.PathLike[str], state: TrainingState, settings: Settings, **extra: Any) -> None:
    """Write weights, optimiser, position, recurrent state and settings, replacing ``path`` atomically.

    A crash or a full disk at any moment leaves the previous checkpoint as it was.

    Args:
        extra: more JSON values to keep, returned by :func:`load_checkpoint`.

    Raises:
        OSError: the file could not be written.
    """
    tensors = {f"model.{name}": value for name, value in _weights(state.model).items()}
    header: dict[str, Any] = {
        "format": FORMAT,
        "seed": state.seed,
        "step": state.step,
        "tokens": state.tokens,
    }
    header["settings"], header["extra"] = settings_to_json(settings), extra
    header["projected_onto"] = _set_to_json(state.projected_onto)
    header["carried"] = _flatten("carried", state.carried, tensors)
    header["past"] = _flatten("past", state.past, tensors)
    optimizer = state.optimizer.state_dict()
    header["groups"] = optimizer["param_groups"]
    for index, moments in optimizer["state"].items():
        tensors |= {f"optimizer.{index}.{name}": torch.as_tensor(v) for name, v in moments.items()}
    tensors = {name: value.detach().to("cpu").contiguous() for name, value in tensors.items()}
    write_atomically(Path(path), save(tensors, metadata={"lessons_lib": json.dumps(header)}))


def load_checkpoint(path: str | os.PathLike[str], state: TrainingState) -> tuple[Settings, dict[str, Any]]:
    """Put ``state`` (made by ``TrainingState.begin`` with the same model and optimiser) where it was saved.

    Returns:
        the settings, and the extra values that were saved beside them.

    Raises:
        CheckpointError: the file is cut off, is no checkpoint, belongs to another model or optimiser, or names a stable
            set that is not imported; ``state`` is unchanged.
        FileNotFoundError: there is no such file.
    """
    try:
        with safe_open(os.fspath(path), framework="pt") as file:
            header = json.loads(file.metadata()["lessons_lib"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if header["format"] != FORMAT:
            raise CheckpointError(f"{path}: written in checkpoint format {header['format']}, this is {FORMAT}")
    except FileNotFoundError:
        raise
    except (SafetensorError, KeyError, TypeError, json.JSONDecodeError, OSError) as error:
        raise CheckpointError(f"{path} is not a readable checkpoint ({error}): delete it to start afresh") from error

    weights = _weights(state.model)
    saved = {name.removeprefix("model."): t for name, t in tensors.items() if name.startswith("model.")}
    if {n: t.shape for n, t in weights.items()} != {n: t.shape for n, t in saved.items()}:
        raise CheckpointError(f"{path} holds another model (names or shapes differ): pass the model it was saved from")
    if state.optimizer.param_groups[0].keys() - {"params"} - header["groups"][0].keys():
        raise CheckpointError(f"{path} was saved with another optimiser: pass a state with the one it was saved from")
    settings, projected_onto = settings_from_json(header["settings"]), _set_from_json(header["projected_onto"])
    moments: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("optimizer."):
            _, index, key = name.split(".")
            moments.setdefault(int(index), {})[key] = value
    state.optimizer.load_state_dict({"state": moments, "param_groups": header["groups"]})
    with torch.no_grad():
        for name, value in weights.items():
            value.copy_(saved[name])  # in place: cuDNN keeps pointers into the flat weight buffer
    device = next(iter(weights.values())).device
    state.seed, state.step, state.tokens = header["seed"], header["step"], header["tokens"]
    state.carried = _unflatten(header["carried"], tensors, device)
    state.past = _unflatten(header["past"], tensors, device)  # type: ignore[assignment]
    state.projected_onto = projected_onto
    return settings, header["extra"]


def settings_to_json(settings: Settings) -> dict[str, Any]:
    """Settings as JSON values."""
    fields = {name: getattr(settings, name) for name in settings.__dataclass_fields__}
    return fields | {"stable_set": _set_to_json(settings.stable_set)}


def settings_from_json(fields: dict[str, Any]) -> Settings:
    """The inverse of :func:`settings_to_json`."""
    stable_set = _set_from_json(fields["stable_set"])
    return replace(Settings(**(fields | {"stable_set": Unconstrained()})), stable_set=stable_set)


def _set_to_json(stable_set: Any) -> list[Any] | None:
    kind = type(stable_set)
    if stable_set is not None and not dataclasses.is_dataclass(kind):
        raise CheckpointError(f"the stable set {kind.__qualname__} cannot be saved: make it a frozen dataclass")
    return None if stable_set is None else [kind.__module__, kind.__qualname__, asdict(stable_set)]


def _set_from_json(value: list[Any] | None) -> Any:
    if value is None:
        return None
    module, name, fields = value
    # Only what is already imported: a file must not choose what runs.
    kind: Any = getattr(sys.modules.get(module), name, None)  # type: ignore[arg-type]
    if not (isinstance(kind, type) and dataclasses.is_dataclass(kind)):
        raise CheckpointError(f"the stable set {module}.{name} is not known here: import the module that defines it")
    return kind(**fields)


def _weights(model: torch.nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers by name, tied ones once."""
    return dict(model.named_parameters()) | dict(model.named_buffers())


def _flatten(name: str, state: State | None, tensors: dict[str, Tensor]) -> Any:
    """Put a state's tensors into ``tensors``; return its shape as nested lists of names (None: no state)."""
    if state is None:
        return None
    if isinstance(state, Tensor):
        tensors[name] = state
        return name
    return [_flatten(f"{name}.{index}", part, tensors) for index, part in enumerate(state)]


def _unflatten(names: Any, tensors: dict[str, Tensor], device: torch.device) -> State | None:
    if names is None:
        return None
    if isinstance(names, str):
        return tensors[names].to(device)
    return tuple(_unflatten(part, tensors, device) for part in names)  # type: ignore[misc]
