"""The panel without a browser: its widgets' callbacks are what a browser would call."""

import html
import io
import threading
import time
import wave

import pytest
import torch
from ipywidgets import Tab
from ipywidgets.widgets import widget as registry

from lessons_lib.checks import predict
from lessons_lib.corpora import Stream
from lessons_lib.experiments import chorales
from lessons_lib.models import GRU, LSTM, LanguageModel, LinearRecurrence, TanhRNN, seeded
from lessons_lib.panels import Preset, TrainingPanel, presets_for, transport
from lessons_lib.panels.controls import _family
from lessons_lib.panels.training_plot import gap_to_twin, marks
from lessons_lib.runs import Change, Probe, Run, Writer
from lessons_lib.stability import EigenvalueDisc, LSTMStableSet, LSTMWideSet, SpectralBall, Unconstrained
from lessons_lib.training import Settings
from tests.waiting import wait_for

TOKENS = torch.randint(9, (601,), generator=torch.Generator().manual_seed(0))


def factory(core=TanhRNN):
    with seeded(0):
        return LanguageModel(core(5, 6), 9, 5), Stream(TOKENS, 2, 10)


def new_run(build=factory, settings=None, **keywords):
    probe = Probe(Stream(TOKENS, 1, 100)[0], TOKENS[:30].view(1, -1), max_context=8, max_lag=8)
    settings = settings or Settings(5, learning_rate=0.1, gradient_clip=1.0)
    return Run(build, settings, name="panel test", probe=probe, **keywords)


@pytest.fixture
def make():
    panels = []

    def make(run=None, **keywords):
        panels.append(TrainingPanel(run or new_run(), **keywords))
        return panels[-1]

    yield make
    for panel in panels:
        panel.run.close()
        panel.close()


def test_controls_write_settings_that_the_next_step_uses(make):
    panel = make()
    panel.buttons["Play"].click()
    wait_for(lambda: panel.run.step_count > 0)
    panel.controls["truncation_length"].slider.value = 3
    panel.controls["stable_set"]._switch.value = True
    panel.controls["stable_set"].type("0.5")
    panel.controls["learning_rate"].type("0.2")
    wait_for(lambda: len(panel.run.history.changes) >= 3)
    settings = panel.run.settings
    assert (settings.truncation_length, settings.learning_rate) == (3, 0.2)
    assert settings.stable_set == SpectralBall(0.5)
    panel.controls["stable_set"]._switch.value = False
    assert panel.run.settings.stable_set == Unconstrained()


def test_an_lstm_gets_a_forget_ceiling(make):
    panel = make(new_run(lambda: factory(LSTM), Settings(5, stable_set=LSTMStableSet(0.7))))
    assert panel.controls["stable_set"].slider.description == "f̄"
    assert panel.controls["stable_set"].value == 0.7
    panel.controls["stable_set"].type("0.8")
    assert panel.run.settings.stable_set == LSTMStableSet(0.8)


def test_the_ceiling_moves_and_the_bound_of_the_inputs_stays(make):
    panel = make(new_run(lambda: factory(LSTM), Settings(5, stable_set=LSTMStableSet(0.7, input_bound=2.0))))
    panel.controls["stable_set"].type("0.8")
    assert panel.run.settings.stable_set == LSTMStableSet(0.8, input_bound=2.0)


def test_a_preset_with_another_set_brings_that_sets_slider_and_its_switch_gives_it_back(make):
    wide = Preset("wide set", "the larger certified set", LSTMWideSet(), 0.2)
    panel = make(new_run(lambda: factory(LSTM)), presets=[*presets_for(LSTMStableSet()), wide])
    control = panel.controls["stable_set"]
    assert (control.on, control.slider.description) == (False, "f̄")
    panel.presets["wide set"].click()
    assert (control.value, control.slider.description) == (0.85, "highest f̄")
    assert (control.slider.min, control.slider.max) == (LSTMWideSet.knob.low, LSTMWideSet.knob.high)
    control._switch.value = False
    assert panel.run.settings.stable_set == Unconstrained()
    control._switch.value = True
    assert panel.run.settings.stable_set == LSTMWideSet()
    control.slider.value = 0.97
    assert panel.run.settings.stable_set == LSTMWideSet().with_knob(0.97)
    control.slider.value = 0.7
    assert panel.run.settings.stable_set == LSTMWideSet(highest_ceiling=0.7), "pulled back, λ is what it was"
    panel.presets["explode"].click()
    assert (control.on, control.slider.description) == (False, "f̄")
    control._switch.value = True
    assert panel.run.settings.stable_set == LSTMStableSet(0.99)


@pytest.mark.parametrize(
    ("core", "chosen"), [(LSTM, LSTMWideSet(0.97, 0.2, 0.9, input_bound=0.5)), (LinearRecurrence, EigenvalueDisc(0.9))]
)
def test_a_runs_own_set_is_shown_turned_and_kept(make, core, chosen):
    panel = make(Run(lambda: factory(core), Settings(5, stable_set=chosen), name="panel test"))
    control = panel.controls["stable_set"]
    assert control.value == chosen.knob_value
    control.slider.value = 0.8
    assert panel.run.settings.stable_set == chosen.with_knob(0.8)
    panel.buttons["Step"].click()
    wait_for(lambda: panel.run.step_count == 1 and panel.run.state == "paused")
    assert float(chosen.with_knob(0.8).project_(panel.run.model)) <= 1e-5


def test_a_set_beyond_its_sliders_range_is_shown_where_it_stands(make):
    panel = make(new_run(settings=Settings(5, stable_set=SpectralBall(4.0))))
    assert panel.controls["stable_set"].value == 4.0
    assert panel.run.settings.stable_set == SpectralBall(4.0)


def test_a_model_that_no_set_fits_has_no_such_control(make):
    panel = make(Run(lambda: factory(GRU), Settings(5), name="panel test"))
    assert set(panel.controls) == {"truncation_length", "learning_rate"}
    assert not panel.presets


def test_buttons_allow_what_the_state_allows(make, monkeypatch):
    monkeypatch.setattr(transport, "AGAIN_SECONDS", 0.0)  # whoever presses here waits for the state instead
    panel = make()

    def allowed():
        return {button.description for button in panel.buttons.values() if not button.disabled}

    assert allowed() == {"Play", "Step", "Reset"}
    panel.buttons["Play"].click()
    wait_for(lambda: panel.run.state == "running")
    wait_for(lambda: allowed() == {"Pause", "Stop", "Reset"})
    panel.buttons["Play"].click()
    wait_for(lambda: allowed() == {"Play", "Step", "Stop", "Reset"})
    assert "Paused at step" in panel._state.value
    panel.buttons["Stop"].click()
    wait_for(lambda: allowed() == {"Reset"})
    panel.buttons["Reset"].click()
    assert allowed() == {"Play", "Step", "Reset"}
    assert panel.run.history.steps == []


def test_a_double_press_of_play_plays_and_of_pause_pauses(make, monkeypatch):
    monkeypatch.setattr(transport, "AGAIN_SECONDS", 3600.0)
    panel = make()
    play = panel.buttons["Play"]
    play.click()
    wait_for(lambda: play.description == "Pause")
    play.click()
    assert panel.run._wanted == "run"
    panel.buttons["Reset"].click()
    play.click()  # it takes back nothing: the run stands
    wait_for(lambda: panel.run.step_count > 0)
    monkeypatch.setattr(transport, "AGAIN_SECONDS", 0.0)
    play.click()
    wait_for(lambda: play.description == "Play")
    monkeypatch.setattr(transport, "AGAIN_SECONDS", 3600.0)
    play.click()
    assert panel.run._wanted == "pause"


@pytest.mark.parametrize("begin_again", [lambda p: p.buttons["Reset"], lambda p: p.presets["stable"]])
def test_a_play_right_after_a_pause_and_a_new_beginning_plays(make, monkeypatch, begin_again):
    monkeypatch.setattr(transport, "AGAIN_SECONDS", 0.0)
    panel = make()
    play = panel.buttons["Play"]
    play.click()
    wait_for(lambda: play.description == "Pause")
    play.click()
    monkeypatch.setattr(transport, "AGAIN_SECONDS", 3600.0)
    begin_again(panel).click()
    play.click()
    wait_for(lambda: panel.run.step_count > 0)
    wait_for(lambda: play.description == "Pause")
    play.click()  # the second press of that Play
    assert panel.run._wanted == "run"


def test_the_plot_shows_what_the_history_holds(make):
    panel = make(new_run(steps=30, twin=True), context_length=5)
    panel.buttons["Step"].click()
    wait_for(lambda: panel.run.state == "paused")
    panel.controls["truncation_length"].slider.value = 2
    panel.buttons["Play"].click()
    wait_for(lambda: panel.run.state == "finished")
    history, curves = panel.run.history, panel.plot.curves
    wait_for(lambda: "Finished after 30 steps" in panel._state.value)
    assert curves["loss"].y.tolist() == history.loss
    assert curves["twin"].y.tolist() == history.twin_loss
    assert len(curves["held_out_loss"]) == len(history.probes)
    assert curves["singular_values"].y.tolist() == history.measured.singular_values
    assert len(curves["gradient_by_lag"]) == 9
    assert len(curves["truncation_error"]) == len(curves["truncation_bound"]) == 8
    assert "step 30 of 30" in panel._progress.line.value
    assert "step 30" in panel.plot.alt
    assert "measured" in panel._meter.value
    assert len(panel.figure().data) == len(curves)


def test_levels_stay_on_the_loss_whatever_is_marked_there(make):
    panel = make(levels={"best possible": 0.4})

    def lines():
        layout = panel.figure().layout
        return {(line.y0, line.y1) for line in layout.shapes}, {word.text for word in layout.annotations}

    drawn, words = lines()
    assert (0.4, 0.4) in drawn
    assert "best possible" in words
    panel.run.step()
    panel.run.update(truncation_length=3)
    panel.run.step()
    wait_for(lambda: panel.run.history.changes and panel.run.state == "paused")
    drawn, words = lines()
    assert (0.4, 0.4) in drawn
    assert {"best possible", "k 3"} <= words


def test_a_preset_begins_again_and_says_so(make):
    panel = make()
    panel.buttons["Play"].click()
    wait_for(lambda: panel.run.step_count > 2)
    panel.presets["very short memory"].click()
    assert panel.run.state == "ready"
    assert "very short memory" in panel._state.value
    assert panel.run.settings.stable_set == SpectralBall(0.3)
    assert panel.controls["stable_set"].value == 0.3
    assert len(panel.plot.curves["loss"]) == 0
    panel.presets["explode"].click()
    assert panel.controls["stable_set"].value is None
    assert torch.linalg.matrix_norm(panel.run.model.core.cells[0].weight_hh_l0, 2).item() == pytest.approx(4.0)


def test_play_waits_for_the_prediction(make):
    question = predict("What happens to the loss?", ["it rises", "it falls"], "it falls", "It learns.")
    panel = make(prediction=question)
    assert panel.buttons["Play"].disabled
    assert panel.buttons["Step"].disabled
    question.commit("it falls")
    assert not panel.buttons["Play"].disabled


def test_divergence_is_a_state_that_says_what_to_try(make):
    panel = make(new_run(settings=Settings(5, learning_rate=1e30)))
    panel.buttons["Play"].click()
    wait_for(lambda: "Diverged" in panel._state.value)
    assert "learning rate" in panel._state.value


def test_a_failure_shows_its_escaped_traceback(make):
    def probe(model, settings):
        raise RuntimeError("<no such thing>")

    panel = make(Run(factory, Settings(5), name="panel test", probe=probe))
    panel.buttons["Play"].click()
    wait_for(lambda: "Failed" in panel._state.value)
    assert "&lt;no such thing&gt;" in panel._state.value
    assert "in probe" in panel._state.value
    assert "<no such" not in panel._state.value
    told = panel._state.value
    panel._show_state()
    assert panel._state.value == told


def test_ten_panels_of_one_name_leave_one_thread_and_the_widgets_of_one(make):
    make()
    widgets = len(registry._instances)
    for _ in range(10):
        panel = make(new_run(), prediction=None)
        panel.buttons["Play"].click()
    assert len(registry._instances) == widgets
    wait_for(lambda: sum(thread.name == "run panel test" for thread in threading.enumerate()) == 1)


def test_a_paused_panel_stops_drawing(make, monkeypatch):
    monkeypatch.setattr(transport, "AGAIN_SECONDS", 0.0)
    panel = make()
    panel.buttons["Play"].click()
    wait_for(lambda: panel.run.step_count > 3)
    panel.buttons["Play"].click()
    wait_for(lambda: panel.run.state == "paused")
    time.sleep(1.3)  # longer than a plot waits for a silent page
    sent = []
    panel.plot.send = lambda *message: sent.append(message)
    time.sleep(0.5)
    assert sent == []


def test_callbacks_work_in_any_thread(make):
    panel = make()
    thread = threading.Thread(target=panel.buttons["Play"].click)
    thread.start()
    thread.join()
    wait_for(lambda: panel.run.step_count > 2)
    thread = threading.Thread(target=panel.presets["stable"].click)
    thread.start()
    thread.join(10)
    assert panel.run.state == "ready"


def test_a_dragged_slider_leaves_one_mark_where_it_came_to_rest():
    dragged = [Change(100 + i, "truncation_length", 50 - i, 49 - i, 0.0) for i in range(10)]
    pulled = Change(112, "stable_set", Unconstrained(), SpectralBall(0.9), 0.0)
    later = Change(300, "truncation_length", 40, 7, 0.0)
    assert marks([*dragged, pulled, later]) == [(109, "k 40", 0), (112, "λ ≤ 0.9", 1), (300, "k 7", 2)]


def test_a_cell_run_again_offers_the_run_that_is_going_on(make):
    panel = make()
    panel.buttons["Play"].click()
    wait_for(lambda: panel.run.step_count > 3)
    again = make(new_run())
    assert again._found.layout.display != "none"
    assert again.buttons["Play"].disabled
    assert "is going on at step" in again._found_line.value
    assert all(start.disabled for start in again.presets.values()), "a start would forget the run without a word"
    again.found["go on"].click()
    wait_for(lambda: again.run.step_count > again.run.history.steps[0] + 5 and again.run.state == "running")
    assert again._found.layout.display == "none"
    assert not any(start.disabled for start in again.presets.values())
    wait_for(lambda: len(again.plot.curves["loss"]) == len(again.run.history.loss) > 5)
    assert again.plot.curves["loss"].x[0] == 0


def test_begin_again_forgets_it_but_for_its_ghost(make):
    panel = make()
    panel.buttons["Step"].click()
    wait_for(lambda: panel.run.state == "paused")
    again = make(new_run())
    assert again.found["go on"].description == "Show the run as it stands"
    again.found["anew"].click()
    assert again.run.earlier is None
    assert not again.buttons["Play"].disabled
    assert [len(ghost.loss) for ghost in again.plot.ghosts] == [1]


def test_the_last_three_runs_stay_as_ghosts_named_by_their_settings(make):
    panel = make()
    for rate in ("0.1", "0.2", "0.3", "0.4"):
        panel.controls["learning_rate"].type(rate)
        panel.buttons["Step"].click()
        wait_for(lambda: panel.run.state == "paused")
        panel.buttons["Reset"].click()
    assert [ghost.title for ghost in panel.plot.ghosts] == [f"no bound, k 5, rate {rate}" for rate in (0.2, 0.3, 0.4)]
    drawn = [panel.plot.curves[f"ghost_loss_{i}"].y.tolist() for i in range(3)]
    assert drawn == [list(ghost.loss) for ghost in panel.plot.ghosts]
    assert {ghost.title for ghost in panel.plot.ghosts} <= {trace.name for trace in panel.figure().data}
    assert all(ghost.title in panel.past._legend.value for ghost in panel.plot.ghosts)
    assert len(panel.plot.curves["loss"]) == 0
    panel.past.buttons["Clear"].click()
    assert panel.plot.ghosts == []
    assert not any(len(panel.plot.curves[f"ghost_loss_{i}"]) for i in range(3))
    assert panel.past.buttons["Clear"].disabled


def test_reset_after_a_preset_returns_to_the_own_start_and_says_so(make):
    panel = make(new_run(settings=Settings(5, learning_rate=0.1, stable_set=SpectralBall(0.8))))
    own = panel.run.model.core.cells[0].weight_hh_l0.detach().clone()
    panel.presets["explode"].click()
    assert panel.run.settings.stable_set == Unconstrained()
    panel.buttons["Reset"].click()
    assert "the lesson's own start" in html.unescape(panel._state.value)
    assert panel.run.settings.stable_set == SpectralBall(0.8)
    assert panel.controls["stable_set"].value == 0.8
    assert torch.equal(panel.run.model.core.cells[0].weight_hh_l0, own)


@pytest.mark.parametrize(("button", "chosen"), [("Reset", Unconstrained()), ("very short memory", SpectralBall(0.3))])
def test_after_the_earlier_run_was_shown_one_begins_from_the_cell_as_it_stands(make, button, chosen):
    panel = make(new_run(settings=Settings(9, learning_rate=0.3, gradient_clip=2.0), seed=3, optimizer="adam"))
    panel.buttons["Step"].click()
    wait_for(lambda: panel.run.state == "paused")
    again = make(new_run(steps=12))
    again.found["go on"].click()
    assert again.controls["truncation_length"].value == 9
    (again.buttons | again.presets)[button].click()
    run = again.run
    assert run.settings == Settings(5, learning_rate=0.1, gradient_clip=1.0, stable_set=chosen)
    assert (run.seed, run.optimizer, run.steps) == (0, "sgd", 12)
    assert again.controls["truncation_length"].value == 5


def test_a_run_is_saved_and_stands_as_a_ghost_behind_the_next(make, tmp_path, monkeypatch):
    monkeypatch.setattr("lessons_lib.panels.past_runs.runs_folder", lambda: tmp_path / "my_runs")
    panel = make(new_run(steps=12))
    assert panel.past.menu.layout.display == "none"
    panel.past.buttons["Save run"].click()
    assert "Nothing to save yet" in panel.past._said.value
    panel.buttons["Play"].click()
    wait_for(lambda: panel.run.state == "finished")
    panel.past.buttons["Save run"].click()
    (place,) = (tmp_path / "my_runs").iterdir()
    assert place.name in panel.past._said.value
    assert "Plotly.newPlot" in (place / "picture.html").read_text()
    again = make(new_run())
    again.past.menu.value = place
    assert [list(ghost.loss) for ghost in again.plot.ghosts] == [panel.run.history.loss]
    assert again.past.menu.value is None
    (place / "run.json").write_text("{")
    again.past.menu.value = place
    assert "no saved run that can be read" in again.past._said.value


def test_copying_sends_the_script_to_the_page_or_says_why_not(make):
    panel = make()
    sent = []
    panel.access.send = sent.append
    panel.past.buttons["Copy as code"].click()
    assert (sent, "Nothing to copy yet" in panel.past._said.value) == ([], True)
    panel.buttons["Step"].click()
    wait_for(lambda: panel.run.state == "paused")
    panel.past.buttons["Copy as code"].click()
    assert sent == [{"op": "copy", "text": panel.run.script()}]
    nameless = make(new_run(lambda: factory()))
    nameless.buttons["Step"].click()
    wait_for(lambda: nameless.run.state == "paused")
    nameless.past.buttons["Copy as code"].click()
    assert "cannot be written as code" in nameless.past._said.value


def test_the_lessons_picture_comes_first_and_titles_speak_of_what_is_read(make):
    def words():
        model, _ = factory()
        return model, Stream(TOKENS, 2, 10, unit="words")

    panel = make(new_run(words), first="error", names={"twin_mean": "unbounded"})
    titles = [layout["meta"]["about"] for layout in panel.plot._layouts.values()]
    assert titles[:2] == ["Error from forgetting all but the last words", "Loss, nats per word"]
    assert "unbounded" in {trace.name for trace in panel.figure().data}
    assert "0 words" in panel._progress.line.value
    with pytest.raises(ValueError, match="the plots are loss, spectrum, gradient, error"):
        make(new_run(), first="picture")
    with pytest.raises(ValueError, match="no curve 'twins' to name"):
        make(new_run(), names={"twins": "?"})


def test_the_difference_to_the_twin_is_said_in_words(make):
    panel = make(new_run(twin=True, steps=160))
    assert gap_to_twin(panel.run) is None
    panel.buttons["Step"].click()
    wait_for(lambda: panel.run.state == "paused")
    panel.controls["learning_rate"].type("1")
    panel.buttons["Play"].click()
    wait_for(lambda: "Finished" in panel._state.value)
    history = panel.run.history
    gap = sum(history.loss[60:]) / 100 - sum(history.twin_loss[-100:]) / 100
    side = "below" if gap < 0 else "above"
    assert gap_to_twin(panel.run) == (f"{abs(gap):.2f} nats {side} its twin", "mean of the last 100 steps")
    assert f"nats {side} its twin" in panel._meter.value
    assert f"nats {side} its twin" in panel.plot.alt
    own, twin = panel.plot.curves["loss_mean"], panel.plot.curves["twin_mean"]
    assert own.y[-1] - twin.y[-1] == pytest.approx(sum(history.loss[120:]) / 40 - sum(history.twin_loss[-40:]) / 40)


def test_speed_sets_the_runs_pace(make):
    panel = make(speed="slow")
    assert panel.run.pace == 4
    panel.speed.value = "fast"
    assert panel.run.pace is None


def test_a_model_that_may_write_is_read_in_a_tab(make):
    writer = Writer(TOKENS[:3], lambda tokens: [f"<{token}>" for token in tokens.tolist()], length=4)
    probe = Probe(Stream(TOKENS, 1, 100)[0], TOKENS[:30].view(1, -1), 8, 8, writer=writer)
    panel = make(Run(factory, Settings(5), name="panel test", probe=probe))
    panel.buttons["Step"].click()
    wait_for(lambda: panel.run.state == "paused" and panel.run.history.measured.written)
    written = panel.run.history.measured.written
    assert len(written.continued.split()) == 4
    assert html.escape(written.continued) in panel._written.value
    (tab,) = (part for part in _family(panel) if isinstance(part, Tab))
    assert tab.titles == ("Theorem", "Write")


def test_a_model_of_music_is_heard_in_a_tab_on_a_click_while_it_trains(make):
    music = chorales.embedded_music()
    build, settings = chorales.factory("RNN", epochs=50, reading=music), chorales.settings("RNN", reading=music)
    run = Run(build, settings, name="panel test", optimizer="adam")
    panel = make(run, composer=chorales.composer(music, given=5, length=7))
    (tab,) = (part for part in _family(panel) if isinstance(part, Tab))
    assert tab.titles == ("Theorem", "Listen")
    run.start()
    wait_for(lambda: run.step_count > 0)
    panel.listening.button.click()
    assert run.state == "running"
    assert "given 5 frames" in panel.listening.roll.value
    assert "composed 7 with" in panel.listening.roll.value
    with wave.open(io.BytesIO(panel.listening.sound.value)) as sound:
        assert sound.getnframes() == 7 * 0.25 * sound.getframerate()
        assert len(set(sound.readframes(10_000))) > 100  # no silence
    first = panel.listening.sound.value
    run.update(learning_rate=0.1)
    before = run.step_count
    wait_for(lambda: run.step_count > before + 5)
    panel.listening.button.click()
    assert panel.listening.sound.value != first
