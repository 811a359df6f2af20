"""Families on the chorales: compared by the recipe that validation chose, and a study that goes on where it stopped."""

from dataclasses import asdict, replace

import pytest

from lessons_lib.corpora import Chorales
from lessons_lib.experiments import chorales
from lessons_lib.lessons.lesson_06 import chorale_families
from lessons_lib.lessons.lesson_06.chorale_families import REPORTED, SEEDS, Recipe

QUICK = Recipe(width=8, dropout=0.5, learning_rate=0.01, epochs=2)


@pytest.fixture(scope="module")
def made_up() -> chorales.Music:
    whole = chorales.embedded_music()
    return chorales.Music("ten short pieces", Chorales(*(part[:10] for part in vars(whole.pieces).values())))


@pytest.mark.parametrize("family", REPORTED)
def test_every_family_trains_with_dropout_and_is_scored_without(family, made_up):
    first, again = (chorale_families.point(family, 0, reading=made_up, **asdict(QUICK)) for _ in range(2))
    assert replace(again, seconds=0) == replace(first, seconds=0)
    model, _ = chorales.factory_of(lambda: QUICK.core(family), dropout=0.5, reading=made_up)()
    scores = [chorales.score(model.train(mode), made_up.pieces.test) for mode in (True, False)]
    assert scores[0] == scores[1]


def test_the_choice_looks_at_the_first_seeds_validation_alone():
    rest = {"family": "GRU", "parameters": 1, "epoch": 1, "seconds": 0}

    def point(recipe, seed, valid, test):
        return chorale_families.Point(**asdict(recipe), **rest, seed=seed, valid=valid, test=test)

    other = replace(QUICK, width=16)
    points = [point(QUICK, 0, 8.5, 9.0), point(other, 0, 8.6, 8.0), point(other, 1, 8.0, 8.0)]
    assert chorale_families.chosen(points) == {"GRU": points[:1]}


def test_the_chosen_recipe_is_trained_with_every_seed(made_up, tmp_path, monkeypatch):
    monkeypatch.setattr(chorales, "music", lambda: made_up)
    monkeypatch.setattr(chorale_families, "TRIED", {"GRU": (QUICK, replace(QUICK, learning_rate=1e-5))})
    small = replace(chorale_families.FAMILIES, data={})
    assert len(small.missing(tmp_path)) == 2
    small.run(["seed=0"], tmp_path)
    assert [case["learning_rate"] for case in small.missing(tmp_path)] == [QUICK.learning_rate] * 2
    small.run(folder=tmp_path)
    seeds = [p.seed for p in small.read(tmp_path).points if p.learning_rate == QUICK.learning_rate]
    assert seeds == list(SEEDS)


def test_the_stored_families_have_every_seed():
    found = chorale_families.chosen(chorale_families.FAMILIES.read().points)
    assert found.keys() == REPORTED.keys()
    assert all([point.seed for point in points] == list(SEEDS) for points in found.values())


def test_an_unknown_family_is_refused():
    with pytest.raises(ValueError, match="choose one of RNN, LSTM, GRU, TCN"):
        chorale_families.point("Transformer", 0, reading=chorales.embedded_music(), **asdict(QUICK))
