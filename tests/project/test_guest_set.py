"""A stable set that somebody adds in one file is steered, marked, searched and found, and nothing else changes."""

import ast
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

import lessons_lib
from lessons_lib.corpora import Stream
from lessons_lib.models import GRU, LanguageModel, seeded
from lessons_lib.panels import TrainingPanel
from lessons_lib.panels.training_plot import marks
from lessons_lib.runs import Run
from lessons_lib.stability import Knob, StableSet, Unconstrained, layers_of, sets, stable_sets
from lessons_lib.training import Settings
from lessons_lib.wikitext2.rows import StudyConfig, at_bound, starting_point, suggest
from tests.waiting import wait_for

PACKAGE = Path(lessons_lib.__file__).parent


@pytest.fixture
def box(monkeypatch):
    """A toy set for GRUs, which no set of the library fits; gone after the test."""
    monkeypatch.setattr(sets, "_SETS", dict(sets._SETS))

    @dataclass(frozen=True)
    class Box(StableSet):
        """GRUs with no recurrent weight larger than ``size``."""

        name = "gru-box"
        knob = Knob("size", "w", "Box: recurrent weights are cut at w.", 0.1, 2.0, 0.1, "box", search=(0.2, 0.9))
        kinds = ("gru",)

        size: float = 1.0

        def contains(self, module):
            return all(layer.weight_hh.abs().max() <= self.size for layer in layers_of(module))

        @torch.no_grad()
        def project_(self, module):
            squares = torch.zeros(())
            for layer in layers_of(module):
                nearest = layer.weight_hh.clamp(-self.size, self.size)
                squares = squares + (nearest - layer.weight_hh).square().sum()
                layer.weight_hh.copy_(nearest)
            return squares.sqrt()

        def rate(self, module):
            return float("inf")

        def describe(self):
            return f"GRU weights within {self.size:g}; no rate"

    return Box


@pytest.fixture
def panel(box):
    def factory():
        with seeded(0):
            model = LanguageModel(GRU(5, 6), 9, 5)
            model.core.cells[0].weight_hh_l0.data.mul_(20)
            return model, Stream(torch.randint(9, (601,)), 2, 10)

    made = TrainingPanel(Run(factory, Settings(5, learning_rate=0.1, gradient_clip=1.0), name="guest"))
    yield made
    made.run.close()
    made.close()


def test_a_guest_set_is_offered_by_the_panel_turned_by_its_slider_and_projects_the_next_step(panel, box):
    control = panel.controls["stable_set"]
    assert (control.slider.description, control._switch.description, control.on) == ("w", "box", False)
    panel.buttons["Step"].click()
    wait_for(lambda: panel.run.step_count == 1 and panel.run.state == "paused")
    control._switch.value = True
    assert panel.run.settings.stable_set == box(2.0)
    control.slider.value = 0.3
    assert panel.run.settings.stable_set == box(0.3)
    assert not box(0.3).contains(panel.run.model)
    panel.buttons["Step"].click()
    wait_for(lambda: panel.run.step_count == 2 and panel.run.state == "paused")
    assert box(0.3).contains(panel.run.model)
    assert marks(panel.run.history.changes)[-1][1] == "w ≤ 0.3"
    control._switch.value = False
    assert panel.run.settings.stable_set == Unconstrained()


def test_a_search_proposes_a_guest_sets_knob_and_a_row_moves_along_it(box):
    optuna = pytest.importorskip("optuna", reason="optuna is not installed: pip install 'lessons-lib[lab]'")
    config, trial = StudyConfig("lstm", "gru-box"), optuna.create_study().ask()
    proposed = suggest(config, trial).build_set()
    assert isinstance(proposed, box)
    assert 0.2 <= trial.params["size"] == proposed.size <= 0.9
    assert starting_point(config)["size"] == 1.0
    assert at_bound("guest", config, 0.5).build_set() == box(0.5)


def switches(tree, names):
    """Lines that decide by the class of a stable set, or by its name."""

    def mentions(node):
        return any(
            (isinstance(part, ast.Name) and part.id in names)
            or (isinstance(part, ast.Attribute) and part.attr in names)
            or (isinstance(part, ast.Constant) and part.value in names)
            for part in ast.walk(node)
        )

    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="isinstance" | "issubclass"), args=[_, kinds]) if mentions(kinds):
                yield node.lineno
            case ast.Call(func=ast.Name(id="getattr"), args=[ast.Name(id="stability"), *_]):
                yield node.lineno
            # A value such as Unconstrained() may be compared; a class or its name may not.
            case ast.Compare(left=left, comparators=others) if any(
                mentions(one) and not isinstance(one, ast.Call) for one in (left, *others)
            ):
                yield node.lineno
            case ast.MatchClass(cls=kind) if mentions(kind):
                yield kind.lineno
            case ast.Dict(keys=keys) if any(key is not None and mentions(key) for key in keys):
                yield node.lineno


def set_names():
    return {name for kind in stable_sets() for name in (kind.__name__, kind.name)}


def test_outside_stability_nothing_decides_by_the_class_of_a_stable_set():
    modules = [path for path in PACKAGE.rglob("*.py") if PACKAGE / "stability" not in path.parents]
    assert len(modules) > 100
    found = [
        f"{path.relative_to(PACKAGE)}:{line}"
        for path in modules
        for line in switches(ast.parse(path.read_text(encoding="utf8")), set_names())
    ]
    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        "isinstance(chosen, SpectralBall)",
        "isinstance(chosen, (int, stability.LSTMWideSet))",
        "isinstance(chosen, LSTMStableSet | Unconstrained)",
        "getattr(stability, name)",
        "type(chosen) is EigenvalueDisc",
        "type(chosen).__name__ == 'SpectralBall'",
        "config.stable_set in ('LSTMStableSet', 'wide-lstm')",
        "{SpectralBall: 1}[type(chosen)]",
        "match chosen:\n case SpectralBall():\n  pass",
    ],
)
def test_such_a_switch_would_be_found(source):
    assert list(switches(ast.parse(source), set_names()))


@pytest.mark.parametrize("source", ["chosen != Unconstrained()", "SETS = {'rnn': SpectralBall(0.9)}"])
def test_values_may_be_made_and_compared(source):
    assert not list(switches(ast.parse(source), set_names()))
