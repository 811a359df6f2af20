"""Families on the chorales: compared by the recipe that validation chose, and a study that goes on where it stopped."""

from dataclasses import asdict, replace

import pytest

from lessons_lib.corpora import Chorales
from lessons_lib.experiments import artefact, chorales
from lessons_lib.lessons.lesson_06 import chorale_families
from lessons_lib.lessons.lesson_06.chorale_families import REPORTED, SEEDS, Recipe

QUICK = Recipe(width=8, dropout=0.5, learning_rate=0.01, epochs=2)


@pytest.fixture(scope="module")
def made_up() -> chorales.Music:
    whole = chorales.embedded_music()
    return chorales.Music("ten short pieces", Chorales(*(part[:10] for part in vars(whole.pieces).values())))


@pytest.mark.parametrize("family", REPORTED)
def test_every_family_trains_with_dropout_and_is_scored_without(family, made_up):
    model, point = chorale_families.learn(family, 0, QUICK, reading=made_up)
    assert chorales.score(model.train(), made_up.pieces.test) == point["test"]
    assert model.training
    again = chorale_families.learn(family, 0, QUICK, reading=made_up)[1]
    assert again | {"seconds": 0} == point | {"seconds": 0}


def test_the_choice_looks_at_the_first_seeds_validation_alone():
    def point(recipe, seed, valid, test):
        return {"family": "GRU", "seed": seed, **asdict(recipe), "valid": valid, "test": test}

    other = replace(QUICK, width=16)
    points = [point(QUICK, 0, 8.5, 9.0), point(other, 0, 8.6, 8.0), point(other, 1, 8.0, 8.0)]
    assert chorale_families.chosen(points, "GRU") == QUICK
    assert chorale_families.chosen(points, "TCN") is None


def test_the_study_trains_the_chosen_recipe_with_every_seed_and_goes_on(made_up, tmp_path, monkeypatch):
    monkeypatch.setattr(chorale_families, "jsb_chorales", lambda: made_up.pieces)
    path, told = tmp_path / "chorale_families.json", []
    tried = {"GRU": (QUICK, replace(QUICK, learning_rate=1e-5))}
    chorale_families.study(path, (0, 1), tried, told.append)
    assert len(told) == 3
    points = artefact.read_artefact(path)["points"]
    assert [p["seed"] for p in points if p["learning_rate"] == QUICK.learning_rate] == [0, 1]
    chorale_families.study(path, (0, 1, 2), tried, told.append)
    assert len(told) == 4


def test_the_stored_families_have_every_seed():
    found = chorale_families.published()
    assert found.keys() == REPORTED.keys()
    assert all([point["seed"] for point in points] == list(SEEDS) for points in found.values())


def test_an_unknown_family_is_refused():
    with pytest.raises(ValueError, match="choose one of RNN, LSTM, GRU, TCN"):
        chorale_families.learn("Transformer", 0, QUICK, reading=chorales.embedded_music())
