"""A stored file's config holds every number that its points depend on: change one, and the file begins anew."""

import ast
import inspect
import json
import sys
from types import ModuleType

import pytest

from lessons_lib.cli import WITH_EXPERIMENTS
from lessons_lib.corpora import ProductOfLags
from lessons_lib.experiments.catalogue import experiments_in
from lessons_lib.experiments.experiment import Experiment
from lessons_lib.lessons.lesson_06 import adding, copying, race_tasks
from lessons_lib.lessons.lesson_13 import ablation
from lessons_lib.wikitext2.experiment import STUDY

FOUND = experiments_in(*(f"lessons_lib.{room}" for room in WITH_EXPERIMENTS)).values()
HOMES = {".".join(e.measure.__module__.split(".")[-2:]): sys.modules[e.measure.__module__] for e in FOUND if e != STUDY}
# Other modules whose numbers an experiment's points depend on.
PARTS = {"lesson_06.races": (adding, copying, race_tasks), "lesson_13.equal_context": (ablation,)}
NO_POINT_DEPENDS_ON = {
    "experiments.chorales": {"LONGEST", "MOST_KEYS"},  # a live probe does
    "experiments.class_server": {"PATIENCE"},  # how long to wait before giving up
    "lesson_05.experiment": {"LENGTH"},  # what a throughput is measured on unless told otherwise
    "lesson_06.chorale_families": {"REPORTED"},  # published figures, to compare with
    "lesson_06.races": {"SMOOTHED", "MUSIC_EPOCHS"},  # the race that is watched
    # The live panel, and what it reads without a download.
    "lesson_07.experiment": {"LANGUAGE", "MADE_UP_LENGTH", "LIVE_RATE", "SWEEP_STEPS", "SWEEP_ROWS", "SWEEP_WORDS"},
    "lesson_10.experiment": {"WIDTH", "INPUTS", "LENGTH"},  # the untrained models of its first sections
    "lesson_11.experiment": {"CONTEXT_LENGTHS", "TRAINING_STEPS"},  # the short training in a cell
    "lesson_13.equal_context": {"INPUT_CLIP", "LEAST_CONTEXT"},  # an LSTM, and which choices are refused
}


def another(value):
    """Another value like this one; None where there is no number in it."""
    if isinstance(value, ProductOfLags):
        return ProductOfLags(value.lags, another(value.flips))
    if isinstance(value, tuple | dict):
        inside = value if isinstance(value, dict) else dict(enumerate(value))
        changed = next(({key: new} for key, old in inside.items() if (new := another(old)) is not None), None)
        whole = changed and inside | changed
        return whole if isinstance(value, dict) or whole is None else tuple(whole.values())
    steps = {int: 1, float: 0.1}
    return value + steps[type(value)] if type(value) in steps else None


def assigned(statement) -> set[str]:
    """The names in upper case that a statement gives a value."""
    nodes = ast.walk(statement) if isinstance(statement, ast.Assign | ast.AnnAssign) else ()
    names = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return {name for name in names if name.isupper() and not name.startswith("_")}


def numbers(module: ModuleType) -> set[str]:
    """The constants of a module that hold a number."""
    names = set().union(*map(assigned, ast.parse(inspect.getsource(module)).body))
    return {name for name in names if another(vars(module)[name]) is not None}


def experiments(home: ModuleType, folder, constant: str | None = None) -> list[str]:
    """Cases and config of a module's experiments, read once more from its source with another value of a constant."""
    statements, fresh = [], ModuleType(home.__name__)
    for statement in ast.parse(inspect.getsource(home)).body:
        statements.append(statement)
        if constant in assigned(statement):
            statements += ast.parse(f"{constant} = another({constant})").body
    fresh.__dict__["another"] = another
    exec(compile(ast.Module(statements, []), str(home.__file__), "exec"), fresh.__dict__)
    return [json.dumps([e.known(folder), e.config]) for e in vars(fresh).values() if isinstance(e, Experiment)]


@pytest.mark.parametrize("name", sorted(HOMES))
def test_a_number_that_points_depend_on_changes_the_config_or_the_cases(name, tmp_path, monkeypatch):
    home = HOMES[name]
    before = experiments(home, tmp_path)
    unheard = {number for number in numbers(home) if experiments(home, tmp_path, number) == before}
    for part in PARTS.get(name, ()):
        for number in numbers(part):
            with monkeypatch.context() as patch:
                patch.setattr(part, number, another(vars(part)[number]))
                if experiments(home, tmp_path) == before:
                    unheard.add(number)
    assert before
    assert unheard == NO_POINT_DEPENDS_ON.get(name, set())
