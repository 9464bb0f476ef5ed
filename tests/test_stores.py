from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from threading import Barrier, Thread
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis_servers import Server, serving

from flowengine.stores import open_store, redis_link
from flowengine.stores.base import (
    BURIED,
    DAY,
    KEPT,
    Count,
    Effect,
    JournalRow,
    Record,
    Store,
    StoreRefused,
    Timer,
    Verdict,
    Write,
    merged,
)

NOW = 1_760_000_000.0
HOUR = 3600.0


STORES = ["memory", "sqlite", "redis"]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("redis")) as server:
        yield server


def a_url(request: pytest.FixtureRequest, kind: str, folder: Path) -> str:
    """Of a new store of this kind."""
    if kind == "redis":
        # These tests are not about how long things take, and may run on a machine that is busy with more.
        request.getfixturevalue("monkeypatch").setattr(redis_link, "WAIT", 3.0)
        return f"{request.getfixturevalue('server').url}?prefix={token_hex(4)}"
    return f"sqlite:///{folder}/store.db" if kind == "sqlite" else "memory://"


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    opened = open_store(a_url(request, request.param, tmp_path))
    yield opened
    opened.close()


def write(key: str = "call", version: int = 0, session: bytes = b"one", **more: Any) -> Write:
    return Write(key, version, session, **{"expires": NOW + HOUR, "now": NOW, **more})


def turn(n: int, body: bytes = b"{}") -> JournalRow:
    return JournalRow(n, NOW + n, "front_desk", "menu", "main", "sales", "9f2c", body)


def untouched(store: Store, key: str = "call") -> bool:
    found = store.load(key, "callback")
    return found.session is None and found.answer is None and not store.journal(key)


def test_there_is_no_session_at_first(store: Store) -> None:
    found = store.load("call", "callback")
    assert (found.key, found.version, found.session, found.answer) == ("call", 0, None, None)


def test_a_session_is_read_as_it_was_written(store: Store) -> None:
    session = bytes(range(256)) * 40
    assert store.commit(write(session=session)) is Verdict.DONE
    assert (store.load("call").version, store.load("call").session) == (1, session)
    assert store.commit(write(version=1, session=b"two")) is Verdict.DONE
    assert (store.load("call").version, store.load("call").session) == (2, b"two")
    assert store.load("other").session is None


@pytest.mark.parametrize("version", [0, 2, 7])
def test_a_version_that_is_not_the_stored_one_is_a_conflict(store: Store, version: int) -> None:
    store.commit(write())
    late = write(version=version, session=b"late", dedupe="callback", answer=b"no", journal=turn(2))
    assert store.commit(late) is Verdict.CONFLICT
    found = store.load("call", "callback")
    assert (found.version, found.session, found.answer) == (1, b"one", None)
    assert store.journal("call") == []


def test_going_on_with_a_session_that_is_gone_is_a_conflict(store: Store) -> None:
    assert store.commit(write(version=3)) is Verdict.CONFLICT
    assert untouched(store)


def test_a_callback_acts_once_and_its_answer_is_kept(store: Store) -> None:
    assert store.commit(write(dedupe="callback", answer=b"hello")) is Verdict.DONE
    again = write(version=1, session=b"two", dedupe="callback", answer=b"other", effects=[Effect("e", "k", b"")])
    assert store.commit(again) is Verdict.DUPLICATE
    found = store.load("call", "callback")
    assert (found.version, found.session, found.answer) == (1, b"one", b"hello")
    assert store.take(NOW, 60) == []


def test_an_answer_may_be_empty(store: Store) -> None:
    store.commit(write(dedupe="dice", answer=b""))
    assert store.load("call", "dice").answer == b""
    assert store.commit(write(version=1, dedupe="dice")) is Verdict.DUPLICATE


def test_no_callback_no_answer(store: Store) -> None:
    store.commit(write(answer=b"x"))
    assert store.load("call").answer is None
    assert store.commit(write(version=1)) is Verdict.DONE


def test_a_doubled_callback_is_told_as_such_rather_than_as_a_conflict_or_a_limit(store: Store) -> None:
    full = [Count("calls", 1, 1)]
    store.commit(write(dedupe="callback", counts=full))
    assert store.commit(write(dedupe="callback", counts=full)) is Verdict.DUPLICATE
    assert store.commit(write(dedupe="another", counts=full)) is Verdict.CONFLICT
    assert store.commit(write(version=1, dedupe="another", counts=full)) is Verdict.LIMIT


def test_the_stored_answer_is_found_before_its_session_is_known(store: Store) -> None:
    store.commit(write(dedupe="callback", answer=b"hello"))
    assert store.load("unknown", "callback").answer == b"hello"


def test_a_claim_holds_until_its_lease_is_over(store: Store) -> None:
    assert store.claim("callback", NOW, 5)
    assert not store.claim("callback", NOW + 4.9, 5)
    assert store.load("call", "callback").answer is None
    assert store.claim("callback", NOW + 5, 5)
    assert not store.claim("callback", NOW + 9, 5)


def test_the_claimer_fills_in_the_answer(store: Store) -> None:
    store.claim("callback", NOW, 5)
    assert store.commit(write(dedupe="callback", answer=b"hello")) is Verdict.DONE
    assert store.load("call", "callback").answer == b"hello"
    assert not store.claim("callback", NOW + HOUR, 5)


def test_of_two_claimers_the_first_to_answer_counts(store: Store) -> None:
    store.claim("callback", NOW, 5)
    store.claim("callback", NOW + 6, 5)
    assert store.commit(write(dedupe="callback", answer=b"second")) is Verdict.DONE
    assert store.commit(write(dedupe="callback", answer=b"first")) is Verdict.DUPLICATE
    assert store.load("call", "callback").answer == b"second"


def test_a_conflict_leaves_the_claim_unanswered(store: Store) -> None:
    store.commit(write())
    store.claim("callback", NOW, 5)
    assert store.commit(write(dedupe="callback", answer=b"x")) is Verdict.CONFLICT
    assert store.load("call", "callback").answer is None
    assert not store.claim("callback", NOW + 1, 5)


def test_a_session_is_found_by_its_aliases(store: Store) -> None:
    store.commit(write(dedupe="callback", answer=b"x", aliases=["contact", "custom"], journal=turn(1)))
    for alias in ("contact", "custom"):
        found = store.load(alias, "callback")
        assert (found.key, found.version, found.session, found.answer) == ("call", 1, b"one", b"x")
        assert store.journal(alias) == [turn(1)]


def test_a_session_cannot_begin_under_the_alias_of_another(store: Store) -> None:
    store.commit(write(aliases=["contact"]))
    assert store.commit(write("contact", session=b"shadow")) is Verdict.CONFLICT
    assert store.load("contact").session == b"one"


def test_an_alias_moves_to_the_session_that_names_it_last(store: Store) -> None:
    store.commit(write("first", session=b"1", aliases=["contact"]))
    store.commit(write("second", session=b"2", aliases=["contact"]))
    assert store.load("contact").key == "second"


def test_a_key_of_its_own_counts_more_than_an_alias(store: Store) -> None:
    store.commit(write("first", session=b"1"))
    store.commit(write("second", session=b"2", aliases=["first"]))
    assert store.load("first").session == b"1"


def test_sessions_are_found_by_how_their_keys_begin(store: Store) -> None:
    for key in ("abc2", "abc1", "ab", "abd", "x%_", "ABC1", "abcé"):
        store.commit(write(key, aliases=[f"abc-alias-{key}"]))
    assert store.keys("abc", 9) == ["abc1", "abc2", "abcé"]
    assert store.keys("abc", 2) == ["abc1", "abc2"]
    assert store.keys("x%", 9) == ["x%_"] and store.keys("%", 9) == [] and len(store.keys("", 9)) == 7


def test_the_journal_is_read_in_order(store: Store) -> None:
    for n in range(12):
        store.commit(write(version=n, journal=turn(n, b'{"n": %d}' % n)))
        store.commit(write("other", n, journal=turn(n)))
    assert store.journal("call") == [turn(n, b'{"n": %d}' % n) for n in range(12)]
    assert store.journal("nobody") == []


def test_a_turn_written_twice_is_a_mistake_and_changes_nothing(store: Store) -> None:
    store.commit(write(journal=turn(1)))
    with pytest.raises(ValueError):
        store.commit(write(version=1, session=b"two", dedupe="callback", journal=turn(1, b"other")))
    assert store.load("call", "callback").session == b"one"
    assert store.load("call", "callback").answer is None
    assert store.journal("call") == [turn(1)]


@pytest.mark.parametrize("ids", [["old"], ["new", "new"], ["new", "old"]])
def test_an_effect_written_twice_is_a_mistake_and_changes_nothing(store: Store, ids: list[str]) -> None:
    store.commit(write(effects=[Effect("old", "send", b"")]))
    with pytest.raises(ValueError):
        store.commit(write(version=1, journal=turn(1), effects=[Effect(id, "send", b"x") for id in ids]))
    assert store.load("call").version == 1
    assert [each.id for each in store.take(NOW, 60)] == ["old"]
    assert store.journal("call") == []


def test_effects_are_taken_when_they_are_due_and_settled(store: Store) -> None:
    later = Effect("later", "call", b"c", NOW + 10)
    store.commit(write(effects=[Effect("now", "send", b"payload"), later]))
    (taken,) = store.take(NOW, 60)
    assert (taken.id, taken.kind, taken.session, taken.payload) == ("now", "send", "call", b"payload")
    assert (taken.due, taken.attempts) == (0.0, 1)
    assert store.settle(taken)
    assert not store.settle(taken)
    assert [each.id for each in store.take(NOW + 10, 60)] == ["later"]


def test_effects_come_in_order_and_not_more_than_asked_for(store: Store) -> None:
    effects = [Effect(f"{n}", "send", b"", NOW - n % 3) for n in range(9)]
    store.commit(write(effects=effects))
    assert [each.id for each in store.take(NOW, 60, 4)] == ["2", "5", "8", "1"]
    assert [each.id for each in store.take(NOW, 60)] == ["4", "7", "0", "3", "6"]


def test_an_effect_is_leased_to_one_worker_until_the_lease_is_over(store: Store) -> None:
    store.commit(write(effects=[Effect("e", "send", b"")]))
    (first,) = store.take(NOW, 60)
    assert store.take(NOW + 59, 60) == []
    (second,) = store.take(NOW + 60, 60)
    assert second.attempts == 2
    assert not store.settle(first)
    assert not store.retry(first, NOW)
    assert not store.bury(first, "gave up", NOW)
    assert store.dead_letters() == 0
    assert store.settle(second)


def test_an_effect_is_held_for_longer_than_its_lease(store: Store) -> None:
    store.commit(write(effects=[Effect("e", "send", b"")]))
    (first,) = store.take(NOW, lease=10)
    assert store.hold(first, NOW + 60)
    assert store.take(NOW + 59, lease=10) == []
    (second,) = store.take(NOW + 60, lease=10)
    assert not store.hold(first, NOW + 99)
    assert store.settle(second)
    assert not store.hold(second, NOW + 99)


def test_a_lease_that_nobody_took_over_still_holds(store: Store) -> None:
    store.commit(write(effects=[Effect("e", "send", b"")]))
    (taken,) = store.take(NOW, 60)
    assert store.settle(taken)
    assert store.take(NOW + HOUR, 60) == []


def test_an_effect_is_tried_again_when_asked(store: Store) -> None:
    store.commit(write(effects=[Effect("e", "send", b"p")]))
    (taken,) = store.take(NOW, 60)
    assert store.retry(taken, NOW + 5)
    assert not store.settle(taken)
    assert store.take(NOW + 4, 60) == []
    (again,) = store.take(NOW + 5, 60)
    assert (again.payload, again.due, again.attempts) == (b"p", NOW + 5, 2)
    assert again.token != taken.token


def test_a_buried_effect_becomes_a_dead_letter(store: Store) -> None:
    store.commit(write(effects=[Effect("e", "send", b"p")]))
    (taken,) = store.take(NOW, 60)
    assert store.bury(taken, "refused", NOW)
    assert store.dead_letters() == 1
    assert not store.settle(taken)
    assert store.take(NOW + HOUR, 60) == []
    store.dead_letter("callback", "not JSON", b"<>", NOW)
    assert store.dead_letters() == 2


def lane(ids: str, rank: float = 0.0, due: float = 0.0) -> list[Effect]:
    return [Effect(id, "send", b"", due, "lane", rank) for id in ids]


def ids(taken: list[Any]) -> list[str]:
    return [each.id for each in taken]


def test_of_a_lane_one_is_taken_and_the_next_when_it_is_done(store: Store) -> None:
    store.commit(write(effects=[*lane("ab"), Effect("x", "send", b"")]))
    store.commit(write(version=1, effects=[*lane("c"), Effect("y", "send", b"", 0.0, "other")]))
    (first, *others) = store.take(NOW, 60)
    assert [first.id, *ids(others)] == ["a", "x", "y"]
    assert store.take(NOW, 60) == []
    assert store.settle(first)
    (second,) = store.take(NOW, 60)
    assert second.id == "b"
    assert store.bury(second, "refused", NOW)
    assert ids(store.take(NOW, 60)) == ["c"]


def test_a_lane_waits_for_its_first_however_long_it_takes(store: Store) -> None:
    store.commit(write(effects=lane("ab")))
    (first,) = store.take(NOW, 60)
    assert store.retry(first, NOW + 100)
    assert store.take(NOW + 99, 60) == []
    assert ids(store.take(NOW + 100, 60)) == ["a"]
    assert ids(store.take(NOW + 160, 60)) == ["a"]
    store.commit(write(version=1, effects=lane("c", due=NOW + 500)))


def test_rank_goes_before_the_order_of_writing(store: Store) -> None:
    store.commit(write(effects=lane("b", 20.0)))
    store.commit(write(version=1, effects=lane("c", 20.0)))
    store.commit(write(version=2, effects=lane("a", 10.5)))
    order = []
    while taken := store.take(NOW, 60):
        order += ids(taken)
        assert store.settle(taken[0])
    assert order == ["a", "b", "c"]


def test_a_lane_is_dropped_but_for_what_is_under_way(store: Store) -> None:
    store.commit(write(effects=lane("abc")))
    (first,) = store.take(NOW, 60)
    store.commit(write(version=1, drops=["lane", "nobody's"], effects=lane("d")))
    assert store.take(NOW, 60) == []
    assert store.settle(first)
    (farewell,) = store.take(NOW, 60)
    assert farewell.id == "d"
    store.commit(write(version=2, now=NOW + 60, drops=["lane"]))
    assert not store.settle(farewell)
    assert store.take(NOW + 60, 60) == []


def test_an_effect_that_arrived_is_done_whoever_holds_it(store: Store) -> None:
    store.commit(write(effects=lane("ab")))
    (first,) = store.take(NOW, 60)
    assert store.arrived("a")
    assert not store.arrived("a")
    assert not store.retry(first, NOW)
    assert ids(store.take(NOW, 60)) == ["b"]


def test_a_lane_is_not_dropped_for_a_mistake(store: Store) -> None:
    store.commit(write(effects=[*lane("ab"), Effect("x", "send", b"")], journal=turn(1)))
    with pytest.raises(ValueError):
        store.commit(write(version=1, drops=["lane"], effects=[Effect("x", "send", b"")]))
    with pytest.raises(ValueError):
        store.commit(write(version=1, drops=["lane"], journal=turn(1)))
    store.commit(write(version=1, drops=["lane"], effects=lane("b")))
    assert ids(store.take(NOW, 60)) == ["x", "b"]


def test_a_write_that_is_refused_drops_and_records_nothing(store: Store) -> None:
    store.commit(write(effects=lane("a")))
    refused = write(version=7, drops=["lane"], records=[Record("contact/x", b'{"name":"Ann"}')])
    assert store.commit(refused) is Verdict.CONFLICT
    assert ids(store.take(NOW, 60)) == ["a"]
    assert store.record("contact/x") is None


def test_records_are_merged_and_outlive_their_session(store: Store) -> None:
    store.commit(write(records=[Record("contact/a", b'{"name":"Ann","fields":{"seats":2,"slot":"x"}}')]))
    store.merge(Record("contact/a", b'{"fields":{"seats":4,"slot":null},"tags":{"vip":true}}'))
    store.commit(write(version=1, records=[Record("contact/b", b"{}"), Record("talk/a", b'{"out":true}')]))
    assert store.sweep(NOW + 10 * DAY) == 1
    assert store.record("contact/a") == b'{"name":"Ann","fields":{"seats":4},"tags":{"vip":true}}'
    assert [key for key, _ in store.records("contact/")] == ["contact/a", "contact/b"]
    assert dict(store.records("talk/")) == {"talk/a": b'{"out":true}'}
    assert store.read("talk/a", "talk/z", "contact/b") == [b'{"out":true}', None, b"{}"]


@pytest.mark.parametrize("key", ["call", "alias", "unknown"])
def test_records_come_along_with_a_session_there_or_not(store: Store, key: str) -> None:
    store.commit(write(aliases=["alias"], dedupe="callback", answer=b"hello"))
    store.merge(Record("talk/a", b'{"out":true}'))
    store.merge(Record("contact/b", b"{}"))
    found = store.load(key, "callback", "talk/a", "talk/z", "contact/b")
    assert list(found.records) == [b'{"out":true}', None, b"{}"]
    assert (found.answer, found._replace(records=())) == (b"hello", store.load(key, "callback")._replace(records=()))
    assert list(store.load(key, "", "talk/z").records) == [None]
    assert not store.load(key).records


def test_many_records_are_told_in_order(store: Store) -> None:
    keys = [f"contact/{n:03}" for n in range(250)]
    for key in reversed(keys):
        store.merge(Record(key, b"{}"))
    assert [key for key, _ in store.records("contact/")] == keys


@pytest.mark.parametrize(
    ("document", "patch", "after"),
    [
        (None, b'{"a":1}', b'{"a":1}'),
        (b'{"a":{"b":1}}', b'{"a":{"c":[1]}}', b'{"a":{"b":1,"c":[1]}}'),
        (b'{"a":{"b":1}}', b'{"a":2}', b'{"a":2}'),
        (b'{"a":2}', b'{"a":{"b":null,"c":3}}', b'{"a":{"c":3}}'),
        (b'{"a":[1,2]}', b'{"a":null,"z":null}', b"{}"),
    ],
)
def test_a_merge_patch_is_applied_as_its_rules_say(document: bytes | None, patch: bytes, after: bytes) -> None:
    assert merged(document, patch) == after


def test_a_timer_fires_once(store: Store) -> None:
    store.commit(write(timers=[Timer("timeout", NOW + 10)]))
    assert store.due(NOW + 9, 60) == []
    (taken,) = store.due(NOW + 10, 60)
    assert (taken.id, taken.kind, taken.session, taken.payload) == ("call/timeout", "timeout", "call", b"")
    assert (taken.due, taken.attempts) == (NOW + 10, 1)
    assert store.due(NOW + 11, 60) == []
    assert store.fired(taken)
    assert not store.fired(taken)
    assert store.due(NOW + HOUR, 60) == []


def test_a_timer_is_replaced_and_taken_away(store: Store) -> None:
    store.commit(write(timers=[Timer("timeout", NOW), Timer("remind", NOW), Timer("other", NOW)]))
    store.commit(write(version=1, timers=[Timer("timeout", NOW + 20), Timer("remind", None), Timer("x", None)]))
    assert [each.kind for each in store.due(NOW, 60)] == ["other"]
    assert [each.kind for each in store.due(NOW + 20, 60)] == ["timeout"]


def test_timers_of_a_name_belong_to_their_session(store: Store) -> None:
    store.commit(write("a", timers=[Timer("timeout", NOW + 1)]))
    store.commit(write("b", timers=[Timer("timeout", NOW)]))
    store.commit(write("a", 1, timers=[Timer("timeout", NOW + 2)]))
    assert [each.session for each in store.due(NOW + 2, 60, 1)] == ["b"]
    assert [each.session for each in store.due(NOW + 2, 60, 1)] == ["a"]


@pytest.mark.parametrize("due", [NOW, NOW + 30])
def test_a_timer_that_a_turn_set_anew_has_not_fired(store: Store, due: float) -> None:
    store.commit(write(timers=[Timer("tick", NOW)]))
    (taken,) = store.due(NOW, 60)
    store.commit(write(version=1, timers=[Timer("tick", due)]))
    assert not store.fired(taken)
    (anew,) = store.due(NOW + 30, 60)
    assert (anew.due, anew.attempts) == (due, 1)
    assert store.fired(anew)


def test_a_timer_that_a_turn_took_away_does_not_come_back(store: Store) -> None:
    store.commit(write(timers=[Timer("tick", NOW)]))
    (taken,) = store.due(NOW, 60)
    store.commit(write(version=1, timers=[Timer("tick", None)]))
    assert not store.fired(taken)
    assert store.due(NOW + HOUR, 60) == []


def test_a_timer_whose_worker_died_fires_again(store: Store) -> None:
    store.commit(write(timers=[Timer("tick", NOW)]))
    (first,) = store.due(NOW, 60)
    (second,) = store.due(NOW + 60, 60)
    assert not store.fired(first)
    assert second.attempts == 2
    assert store.fired(second)


def test_counts_stop_at_their_limit(store: Store) -> None:
    verdicts = [store.commit(write(f"call{n}", dedupe=f"{n}", counts=[Count("sms", 7, 3)])) for n in range(5)]
    assert verdicts == [Verdict.DONE] * 3 + [Verdict.LIMIT] * 2
    assert store.count("sms", 7) == 3
    assert store.load("call4", "4").session is None
    assert store.load("call4", "4").answer is None
    assert store.commit(write("call9", counts=[Count("sms", 8, 3)])) is Verdict.DONE
    assert (store.count("sms", 8), store.count("sms", 9), store.count("calls", 7)) == (1, 0, 0)


def test_counts_are_all_or_nothing(store: Store) -> None:
    both = [Count("wide", 1, 9), Count("narrow", 1, 1)]
    assert store.commit(write("a", counts=both)) is Verdict.DONE
    assert store.commit(write("b", counts=both, effects=[Effect("e", "send", b"")])) is Verdict.LIMIT
    assert (store.count("wide", 1), store.count("narrow", 1)) == (1, 1)
    assert store.take(NOW, 60) == []


@pytest.mark.parametrize("limit", [-1, 0, 1])
def test_two_of_a_name_in_one_turn_count_twice(store: Store, limit: int) -> None:
    assert store.commit(write(counts=[Count("sms", 1, limit)] * 2)) is Verdict.LIMIT
    assert store.count("sms", 1) == 0
    assert store.commit(write(counts=[Count("sms", 1, 2)] * 2)) is Verdict.DONE
    assert store.count("sms", 1) == 2


def test_the_sweep_forgets_a_session_and_what_belongs_to_it(store: Store) -> None:
    more: dict[str, Any] = {"aliases": ["contact"], "timers": [Timer("tick", NOW)], "journal": turn(1)}
    store.commit(write("old", expires=NOW + 10, over=True, **more))
    store.commit(write("young", over=True, expires=NOW + 20, timers=[Timer("tock", NOW)], journal=turn(1)))
    assert store.sweep(NOW + 9) == 0
    assert store.sweep(NOW + 10) == 1
    assert store.load("old").session is None
    assert store.load("contact").key == "contact"
    assert store.journal("old") == []
    assert [each.kind for each in store.due(NOW + 10, 60)] == ["tock"]
    assert store.journal("young") == [turn(1)]
    assert store.commit(write("contact")) is Verdict.DONE


def test_a_session_that_went_on_lives_on(store: Store) -> None:
    store.commit(write(expires=NOW + 10, over=True))
    store.commit(write(version=1, expires=NOW + 30, over=True))
    assert store.sweep(NOW + 10) == 0
    assert store.load("call").version == 2
    store.commit(write(version=2, expires=NOW + 30))
    assert store.sweep(NOW + 30) == 0


def test_a_session_that_nobody_ended_is_handed_over_before_it_is_swept(store: Store) -> None:
    for n, key in enumerate("dcba"):
        store.commit(write(key, expires=NOW + 10 * n, over=key == "c"))
    assert store.overdue(NOW + 19, 9) == ["d"]
    assert store.overdue(NOW + 30, 9) == ["d", "b", "a"]
    assert store.overdue(NOW + 30, 2) == ["d", "b"]
    assert store.sweep(NOW + 30) == 1
    assert store.commit(write("b", 1, expires=NOW + 40, over=True)) is Verdict.DONE
    assert store.overdue(NOW + 40, 9) == ["d", "a"]
    assert store.sweep(NOW + 40) == 1
    assert store.sweep(NOW + DAY + 29) == 1
    assert store.load("d").session is None and store.load("a").session is not None
    assert store.sweep(NOW + DAY + 30) == 1


def test_sessions_are_found_by_the_flows_they_run_on(store: Store) -> None:
    store.keep("r2", b"second", NOW)
    store.keep("r1", b"first", NOW - 5)
    for n, revision in enumerate(("r1", "r1", "r1", "r3", "")):
        store.commit(write(f"s{n}", session=b"%d" % n, revision=revision, over=n == 1))
    assert store.revisions() == [("r1", NOW - 5, 3, 2), ("r2", NOW, 0, 0), ("r3", 0.0, 1, 1)]
    assert list(store.of_revision("r1")) == [("s0", b"0"), ("s2", b"2")]
    assert list(store.of_revision("r1", 1)) == [("s0", b"0")]
    assert list(store.of_revision("r2")) == [] == list(store.of_revision("r1", 0))


def test_a_session_stays_with_its_flows_until_told_otherwise(store: Store) -> None:
    store.commit(write(revision="r1"))
    store.commit(write(version=1, session=b"two"))
    assert list(store.of_revision("r1")) == [("call", b"two")]
    store.commit(write(version=2, over=True))
    assert list(store.of_revision("r1")) == []
    store.commit(write(version=3, session=b"four", revision="r2"))
    assert store.revisions() == [("r2", 0.0, 1, 1)]
    assert list(store.of_revision("r2")) == [("call", b"four")]
    assert store.commit(write(version=3, revision="r9", over=True)) is Verdict.CONFLICT
    assert store.revisions() == [("r2", 0.0, 1, 1)]


def test_many_sessions_of_a_revision_are_told_in_order(store: Store) -> None:
    for n in range(230):
        store.commit(write(f"{n:03}", revision="r1", over=n % 10 == 0))
    wanted = [f"{n:03}" for n in range(230) if n % 10]
    assert [key for key, _ in store.of_revision("r1")] == wanted
    assert [key for key, _ in store.of_revision("r1", 150)] == wanted[:150]


def test_flows_are_kept_while_sessions_run_on_them_and_a_day_after_their_last_use(store: Store) -> None:
    flows = bytes(range(256)) * 500
    store.keep("r1", flows, NOW - DAY)
    store.keep("r2", b"unused", NOW)
    assert store.artefact("r1") == flows
    assert store.artefact("r9") is None
    store.commit(write(revision="r1", expires=NOW + 10, over=True))
    store.sweep(NOW + 5)
    assert store.artefact("r1") == flows
    assert store.sweep(NOW + 10) == 1
    assert store.artefact("r1") is None
    store.sweep(NOW + DAY - 1)
    assert store.artefact("r2") == b"unused"
    store.keep("r2", b"unused", NOW + DAY - 1)
    store.sweep(NOW + DAY)
    assert store.revisions() == [("r2", NOW + DAY - 1, 0, 0)]
    store.sweep(NOW + 2 * DAY - 1)
    assert store.revisions() == []


def test_sessions_are_found_by_what_they_or_their_journal_say(store: Store) -> None:
    store.commit(write("b", session=b'["+12025550142"]', journal=turn(1)))
    store.commit(write("a", journal=turn(1, b'{"cli":"h:9%_?"}')))
    store.commit(write("c", journal=turn(1, '{"said":"Smörgås"}'.encode())))
    for n in range(220):
        store.commit(write(f"x{n:03}", session=b"nothing" if n % 3 else b"something +12025550142"))
    assert list(store.search("+12025550142")) == ["b", *(f"x{n:03}" for n in range(0, 220, 3))]
    assert list(store.search("h:9%_?")) == ["a"]
    assert list(store.search("Smörgås")) == ["c"]
    assert list(store.search("h:9._")) == list(store.search("")) == list(store.search("SMÖRGÅS")) == []


def test_a_session_is_forgotten_with_everything_of_it(store: Store) -> None:
    for key in ("call", "other"):
        store.claim(f"{key}/claimed", NOW, 60)
        more: dict[str, Any] = {"aliases": [f"{key}/alias"], "timers": [Timer("tick", NOW)], "revision": "r1"}
        rows = [Effect(f"{key}/1", "send", b"", 0.0, "lane"), Effect(f"{key}/2", key, b""), *lane_of(key)]
        store.commit(write(key, dedupe=f"{key}/ice", journal=turn(1), effects=rows, **more))
        (own,) = [each for each in store.take(NOW, 5) if each.kind == key]
        assert store.bury(own, "refused", NOW)
        store.commit(write(key, 1, dedupe=f"{key}/claimed", journal=turn(2), counts=[Count(key, 1, 9)]))
    store.dead_letter("callback", "not JSON", b"", NOW)
    held = store.take(NOW + 5, 60)
    assert {each.session for each in held} == {"call"}
    assert store.forget("call")
    assert not store.forget("call")
    assert not any(store.settle(each) for each in held if each.session == "call")
    assert store.load("call/alias", "call/ice") == ("call/alias", 0, None, None, [])
    assert store.load("call", "call/claimed").answer is None
    assert store.journal("call") == []
    assert [each.session for each in store.letters(9)] == ["", "other"]
    assert {each.session for each in [*store.due(NOW + 99, 60), *store.take(NOW + 99, 60)]} == {"other"}
    assert store.revisions() == [("r1", 0.0, 1, 1)]
    assert store.keys("", 9) == ["other"] and len(store.journal("other")) == 2
    assert store.load("other/alias", "other/ice").answer == b"" == store.load("other", "other/claimed").answer
    assert store.commit(write("call", dedupe="call/ice", effects=[Effect("call/1", "send", b"")])) is Verdict.DONE


def lane_of(key: str) -> list[Effect]:
    return [Effect(f"{key}/l{n}", "send", b"", 0.0, "shared", n) for n in range(2)]


def test_what_a_swept_session_left_is_forgotten_too(store: Store) -> None:
    store.commit(write(dedupe="ice", answer=b"x", effects=[Effect("e", "send", b"")], expires=NOW + 1, over=True))
    assert store.sweep(NOW + 1) == 1
    assert store.load("call", "ice").answer == b"x"
    assert store.forget("call")
    assert store.load("call", "ice").answer is None
    assert store.take(NOW + 1, 60) == []


def test_a_record_is_forgotten(store: Store) -> None:
    store.merge(Record("contact/a", b'{"name":"Ann"}'))
    store.merge(Record("contact/b", b"{}"))
    assert store.forget_record("contact/a")
    assert not store.forget_record("contact/a")
    assert store.record("contact/a") is None
    assert [key for key, _ in store.records("contact/")] == ["contact/b"]
    store.merge(Record("contact/a", b'{"seats":2}'))
    assert store.record("contact/a") == b'{"seats":2}'


def test_dead_letters_are_read_newest_first(store: Store) -> None:
    store.dead_letter("callback", "not JSON", b"<>", NOW + 1)
    store.commit(write(effects=[Effect("e", "send", b"secret")]))
    store.take(NOW, 10)
    (taken,) = store.take(NOW + 10, 10)
    assert store.bury(taken, "refused", NOW)
    buried = (NOW, "send", "call", "refused", b"secret", 2)
    assert store.letters(9) == [buried, (NOW + 1, "callback", "", "not JSON", b"<>", 0)]
    assert store.letters(1) == [buried] and store.letters(0) == []


def test_a_durable_write_is_a_write_like_any_other(store: Store) -> None:
    assert store.commit(write(dedupe="ice", answer=b"x", durable=True)) is Verdict.DONE
    assert store.commit(write(version=1, dedupe="ice", durable=True)) is Verdict.DUPLICATE
    assert store.commit(write(version=5, dedupe="pie", durable=True)) is Verdict.CONFLICT
    assert store.load("call", "ice")[:4] == ("call", 1, b"one", b"x")


def test_answers_and_counts_are_kept_for_three_days(store: Store) -> None:
    store.commit(write(dedupe="callback", answer=b"x", counts=[Count("sms", 1, 5)]))
    store.claim("claimed", NOW, HOUR * 999)
    store.sweep(NOW + KEPT - 1)
    assert store.load("call", "callback").answer == b"x"
    assert store.count("sms", 1) == 1
    assert not store.claim("claimed", NOW + KEPT - 1, 5)
    store.sweep(NOW + KEPT)
    assert store.load("call", "callback").answer is None
    assert store.count("sms", 1) == 0
    assert store.claim("claimed", NOW + KEPT, 5)


def test_effects_outlive_their_session_by_a_day(store: Store) -> None:
    store.commit(write(expires=NOW + 10, over=True, effects=[Effect("e", "send", b"")]))
    assert store.sweep(NOW + DAY) == 1
    assert len(store.take(NOW + DAY, 5)) == 1
    store.sweep(NOW + DAY + 10)
    assert store.take(NOW + DAY + HOUR, 5) == []


def test_dead_letters_are_kept_for_a_week(store: Store) -> None:
    store.dead_letter("callback", "not JSON", b"<>", NOW)
    store.sweep(NOW + BURIED - 1)
    assert store.dead_letters() == 1
    store.sweep(NOW + BURIED)
    assert store.dead_letters() == 0


def test_the_sweep_forgets_more_than_fits_one_batch(store: Store) -> None:
    for n in range(1203):
        store.commit(write(f"{n}", dedupe=f"d{n}", expires=NOW + (10 if n % 400 else HOUR), over=True))
    assert store.sweep(NOW + 10) == 1199
    assert [n for n in range(1203) if store.load(f"{n}").session is not None] == [0, 400, 800, 1200]
    assert store.sweep(NOW + KEPT) == 4
    assert [n for n in range(1203) if store.load(f"{n}", f"d{n}").answer is not None] == []


def test_of_two_copies_at_once_one_acts(store: Store) -> None:
    for n in range(50):
        verdicts: list[Verdict] = []
        together = Barrier(4)

        def copy(which: int, n: int = n, together: Barrier = together, told: list[Verdict] = verdicts) -> None:
            together.wait()
            told.append(store.commit(write(f"call{n}", dedupe=f"ice{n}", answer=b"%d" % which)))

        threads = [Thread(target=copy, args=(which,)) for which in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(verdict.value for verdict in verdicts) == ["done"] + ["duplicate"] * 3


def test_threads_lose_no_update(store: Store) -> None:
    def add() -> None:
        for _ in range(50):
            while True:
                found = store.load("sum")
                total = int(found.session or b"0") + 1
                if store.commit(write("sum", found.version, b"%d" % total)) is Verdict.DONE:
                    break

    threads = [Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.load("sum").session == b"200"


def test_one_of_many_workers_gets_each_effect(store: Store) -> None:
    store.commit(write(effects=[Effect(f"{n}", "send", b"") for n in range(200)]))
    taken: list[str] = []

    def work() -> None:
        while found := store.take(NOW, 60, 7):
            taken.extend(each.id for each in found if store.settle(each))

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken, key=int) == [f"{n}" for n in range(200)]


def test_the_store_can_be_pinged_and_says_how_durable_it_is(store: Store) -> None:
    store.ping()
    assert store.durability.endswith((".", ")."))


KEYS = st.sampled_from(["a", "b", "c"])
STEPS = st.one_of(
    st.tuples(
        st.just("commit"),
        KEYS,
        st.sampled_from([None, None, None, None, 0, 1]),
        st.sampled_from(["", "", "d1", "d2"]),
        st.lists(KEYS, max_size=1),
        st.lists(st.tuples(st.sampled_from(["t1", "t2"]), st.none() | st.integers(0, 20)), max_size=2),
        st.lists(st.sampled_from(["c1", "c2"]), max_size=2),
        st.sampled_from(["", "l1", "l2"]),
        st.sampled_from(["", "l1"]),
        st.booleans(),
        st.sampled_from(["", "r1", "r2"]),
    ),
    st.tuples(st.just("claim"), st.sampled_from(["d1", "d2"]), st.integers(0, 9)),
    st.tuples(st.just("due"), st.integers(0, 20)),
    st.tuples(st.just("take"), st.integers(0, 20)),
    st.tuples(st.just("retry"), st.integers(0, 20)),
    st.tuples(st.just("hold"), st.integers(0, 20)),
    st.tuples(st.just("bury")),
    st.tuples(st.just("arrived"), st.integers(1, 12)),
    st.tuples(st.just("end")),
    st.tuples(st.just("forget"), KEYS),
    st.tuples(st.just("keep"), st.sampled_from(["r1", "r2"])),
    st.tuples(st.just("sweep"), st.sampled_from([0, 5, 20, 40, DAY, DAY + 20, 2 * DAY])),
)


class Player:
    """Plays the same steps on any store and tells all that can be seen."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.held: list[Any] = []
        self.effects = 0

    def play(self, step: tuple[Any, ...], at: float) -> object:
        seen: object = getattr(self, step[0])(at, *step[1:])
        found = [self._seen(key) for key in ("a", "b", "c")], self.store.count("c1", 1), self.store.letters(9)
        flows = self.store.revisions(), list(self.store.of_revision("r1"))
        return seen, found, flows, self.store.overdue(at + 15, 9), list(self.store.search("1")), self.store.keys("", 9)

    def _seen(self, key: str) -> object:
        return self.store.load(key, "d1"), self.store.load(key, "d2").answer, self.store.journal(key)

    def commit(self, at: float, key: str, version: int | None, dedupe: str, *more: Any) -> object:
        aliases, timers, counts, lane, drops, over, revision = more
        self.effects += 1
        if version is None:
            key, version, *_ = self.store.load(key)
        return self.store.commit(
            Write(
                key,
                version,
                b"%d" % self.effects,
                at + 10,
                at,
                dedupe,
                b"%d" % self.effects,
                turn(self.effects),
                [Effect(f"{self.effects}", "send", b"", at + self.effects % 5, lane, self.effects * 7 % 3)],
                [Timer(name, None if due is None else at + due) for name, due in timers],
                aliases,
                [Count(name, 1, 12) for name in counts],
                drops=[drops] if drops else [],
                over=over,
                revision=revision,
            )
        )

    def claim(self, at: float, dedupe: str, lease: int) -> object:
        return self.store.claim(dedupe, at, lease)

    def due(self, at: float, ahead: int) -> object:
        return self._keep(self.store.due(at + ahead, 5))

    def take(self, at: float, ahead: int) -> object:
        return self._keep(self.store.take(at + ahead, 5))

    def _keep(self, taken: list[Any]) -> object:
        taken = sorted(taken, key=lambda each: str(each.id))
        self.held.extend(taken)
        return [(each.id, each.kind, each.session, each.due, each.attempts) for each in taken]

    def retry(self, at: float, ahead: int) -> object:
        return bool(self.held) and self.store.retry(self.held[-1], at + ahead)

    def end(self, at: float) -> object:
        if not self.held:
            return None
        leased = self.held.pop(0)
        return self.store.settle(leased), self.store.fired(leased)

    def hold(self, at: float, ahead: int) -> object:
        return bool(self.held) and self.store.hold(self.held[-1], at + ahead)

    def bury(self, at: float) -> object:
        return bool(self.held) and self.store.bury(self.held[-1], "refused", at)

    def arrived(self, at: float, effect: int) -> object:
        return self.store.arrived(f"{effect}")

    def forget(self, at: float, key: str) -> object:
        return self.store.forget(key)

    def keep(self, at: float, revision: str) -> None:
        self.store.keep(revision, revision.encode(), at)

    def sweep(self, at: float, ahead: float) -> object:
        return self.store.sweep(at + ahead)


@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, max_size=30))
def test_all_stores_behave_alike(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, steps: list[Any]
) -> None:
    place = tmp_path_factory.mktemp("alike")
    stores = [open_store(a_url(request, kind, place)) for kind in STORES]
    players = [Player(each) for each in stores]
    for n, step in enumerate(steps):
        memory, sqlite, redis = (player.play(step, NOW + n) for player in players)
        assert memory == sqlite
        assert memory == redis
    for each in stores:
        each.close()


def test_memory_is_not_shared_and_says_so() -> None:
    store = open_store("memory:")
    assert not store.shared
    assert "lost" in store.durability
    with pytest.raises(StoreRefused, match="4 workers"):
        open_store("memory://", workers=4)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "has no scheme; write it as memory://, sqlite:///"),
        ("memory", "has no scheme"),
        ("sqlit:///x.db", 'no store "sqlit"; did you mean "sqlite"?'),
        ("base://", 'no store "base"'),
        ("redi://:secret@localhost/0", 'no store "redi"; did you mean "redis"?'),
        ("redis+clutser://:secret@localhost/0", 'did you mean "redis+cluster"?'),
        ("redis://:secret@localhost:x/0", "names no host and port"),
        ("redis://:secret@", "names no host and port"),
        ("redis://:secret@localhost/main", "is no number"),
        ("redis://:secret@localhost/0?prefx=a", 'did you mean "prefix"?'),
        ("redis://:secret@localhost/0?prefix={a}", "has a brace"),
        ("redis://:secret@localhost/0?ssl_ca_certs=ca.pem", "write rediss://"),
        ("rediss+cluster://a:1,:secret@b:2/3", "only the database 0"),
        ("redis+sentinel://:secret@a,b", "names no service"),
        ("memory://somewhere", "write memory://"),
        ("sqlite://store.db", "write sqlite:///relative/path"),
        ("sqlite:", "names no file"),
        ("sqlite:///", "names no file"),
        ("sqlite:///:memory:", "write memory://"),
        ("sqlite:///x.db?synchronus=full", 'did you mean "synchronous"?'),
        ("sqlite:///x.db?synchronous=off", "write normal or full"),
    ],
)
def test_a_url_that_names_no_store_is_refused_in_one_sentence(
    url: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreRefused) as refused:
        open_store(url)
    assert said in str(refused.value)
    assert "secret" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []
