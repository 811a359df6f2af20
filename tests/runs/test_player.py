"""A generator in a thread does what its buttons say."""

import itertools
import threading
import time

from lessons_lib.runs import Player
from tests.waiting import wait_for


def counting():
    for i in itertools.count():
        time.sleep(0.002)
        yield i


def test_start_pause_resume_reset():
    seen, states = [], []
    player = Player(counting, seen.append, name="counting")
    player.listeners.append(lambda p: states.append(p.state))
    assert player.state == "ready"
    player.pause()
    assert seen == []
    player.start()
    wait_for(lambda: len(seen) > 3)
    player.pause()
    wait_for(lambda: player.state == "paused")
    count = len(seen)
    time.sleep(0.05)
    assert len(seen) == count
    player.start()
    wait_for(lambda: len(seen) > count)
    assert seen == list(range(len(seen)))
    player.reset()
    assert player.state == "ready"
    seen.clear()
    player.start()
    wait_for(lambda: len(seen) > 1)
    assert seen[0] == 0
    player.close()
    assert states[:4] == ["running", "paused", "running", "ready"]


def test_an_end_and_a_failure_are_told():
    def breaks():
        yield 1
        raise ValueError("too far")

    finished = Player(lambda: iter([1, 2]), lambda _: None, name="ends")
    finished.start()
    wait_for(lambda: finished.state == "finished")
    finished.start()
    assert finished.state == "finished"
    failed = Player(breaks, lambda _: None, name="breaks")
    failed.start()
    wait_for(lambda: failed.state == "failed")
    assert failed.message == "ValueError: too far"


def test_a_name_is_played_once():
    seen = []
    first = Player(counting, seen.append, name="same")
    first.start()
    wait_for(lambda: seen)
    second = Player(counting, lambda _: None, name="same")
    count = len(seen)
    time.sleep(0.05)
    assert len(seen) == count
    second.close()


def test_a_start_while_it_is_being_closed_does_not_take_the_end_back():
    going, let_go = threading.Event(), threading.Event()

    def busy(_):
        going.set()
        let_go.wait(60)

    player = Player(counting, busy, name="closing")
    player.start()
    assert going.wait(60)
    closing = threading.Thread(target=player.close, daemon=True)
    closing.start()
    wait_for(lambda: player._wanted == "stop")
    player.start()
    let_go.set()
    closing.join(60)
    assert not closing.is_alive()
    player.start()
    assert player.state == "ready"
    assert not any(thread.name == "player closing" for thread in threading.enumerate())
