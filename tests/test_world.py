"""What the world said once is not asked again, and nobody gets another's reply."""

from __future__ import annotations

from flowengine.engine.world import World


def test_a_second_run_gets_what_the_first_was_told() -> None:
    first = World()
    assert [first.once("http a.x", lambda: 1), first.once("http a.y", lambda: 2)] == [1, 2]
    second = World(replay=first.recorded)
    assert second.once("http a.y", lambda: 99) == 2
    assert second.once("http a.z", lambda: 3) == 3
    assert second.once("http a.x", lambda: 99) == 1
    assert second.once("http a.x", lambda: 4) == 4
    assert first.recorded == [["http a.x", 1], ["http a.y", 2]]


def test_the_same_step_twice_in_one_turn_keeps_its_order() -> None:
    replies = iter([1, 2])
    first = World()
    assert [first.once("http a.x", lambda: next(replies)) for _ in range(2)] == [1, 2]
    second = World(replay=first.recorded)
    assert [second.once("http a.x", lambda: 99) for _ in range(2)] == [1, 2]
