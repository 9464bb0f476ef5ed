"""Where each state may have to answer: the analysis, by hand-made flows whose every pair was worked out on paper."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from flowengine.build import build
from flowengine.graph import Book
from flowengine.positions import Analysis, analyse, analysis, entries
from flowengine.svaml import Position

HEAD = """
channel: voice
cli: "+12025550100"
may_dial: { sales: { number: "+12025550111" } }
recordings: { to: "s3://acme/a.mp3", credentials: "{{ secret.RECORDINGS }}" }
calendars: { office: { timezone: UTC, open: { mon-fri: 09:00-17:00 } } }
"""


def read(tmp_path: Path, **flows: str) -> Book:
    for name, text in flows.items():
        (tmp_path / f"{name}.yaml").write_text(f"flow: {name}{HEAD}{textwrap.dedent(text)}", "utf-8")
    found = build([str(tmp_path)], compiled=False)
    assert not [each for each in found.problems if each.rule in ("shape", "unknown-key", "yaml-syntax")], found.problems
    return found.book


def pairs(found: Analysis) -> set[str]:
    return {f"{name}[{position}]" for name, position in found.pairs}


def only(tmp_path: Path, text: str, entry: Position = "I") -> Analysis:
    book = read(tmp_path, main=text)
    return analyse(book.flows["main"], book)[entry]


def test_steps_keep_the_position_and_menus_give_a_new_one(tmp_path: Path) -> None:
    found = only(
        tmp_path,
        """
        start: greet
        states:
          greet: { say: Hello., next: open }
          open: { hours: office, on: { open: ask, closed: bye } }
          ask: { menu: { prompt: Press 1., choices: { bye: 1 } }, on: { timeout: sorry, hangup: note } }
          sorry: { say: Sorry., next: end }
          note: { log: hung up, next: end }
          bye: { say: Goodbye., next: end }
        """,
    )
    assert pairs(found) == {"greet[I]", "open[I]", "ask[I]", "bye[I]", "bye[Pi]", "sorry[Pi]", "note[N]"}
    assert found.ends >= {"I", "Pi", "N"}


def test_a_witness_is_a_way_from_the_start(tmp_path: Path) -> None:
    found = only(
        tmp_path,
        """
        start: main
        states:
          main: { menu: { prompt: Press 1., choices: { hold: 1 } } }
          hold: { wait: { for: 30s }, on: { elapsed: bye } }
          bye: { say: Goodbye., next: end }
        """,
    )
    assert found.witness(("bye", "Pi")) == [("main", "I"), ("hold", "Pi"), ("bye", "Pi")]
    assert found.witness(("bye", "Pi"), 2) == [("hold", "Pi"), ("bye", "Pi")]
    assert found.witness(("main", "I")) == [("main", "I")]


@pytest.mark.parametrize(
    ("first", "positions"),
    [
        ("park: { until: ready }, on: { ready: x, elapsed: x, error: y, disconnected: y }", {"x[K]", "y[N]"}),
        ("wait: { for: 5m, until: ready }, on: { ready: x, elapsed: x, disconnected: y }", {"x[K]", "y[N]"}),
        ("wait: { for: 5m, choices: { x: 1 } }, on: { elapsed: y }", {"x[Pi]", "y[Pi]"}),
        ("connect: { to: sales }, on: { answered: x, disconnected: y }", {"x[B]", "y[N]"}),
        ("connect: { to: sales, amd: sync }, on: { human: x, machine: y }", {"x[B]", "y[B]"}),
        ("connect: { to: sales, amd: async }, on: { human: x, beep: y }", {"x[B]", "x[L]", "y[L]"}),
        ("conference: { id: room, until: ready }, on: { ready: x, disconnected: y }", {"x[C]", "y[N]"}),
        ("conference: { id: room, dtmf: { mode: detect } }, on: { digits: y }", {"y[N]"}),
        ("voicemail: { max: 20s }, on: { recorded: x, recording_available: y }", {"x[Pi]", "y[N]"}),
        ("collect: { prompt: Code?, digits: 4 }, on: { digits: x, error: y }", {"x[Pi]", "y[Pi]"}),
        ("http: { get: 'https://a.example.com', timeout: 1s }, on: { ok: x, error: y }", {"x[I]", "y[I]"}),
        ("random: { x: 1, y: 1 }", {"x[I]", "y[I]"}),
        ("route: [ { when: call.cli_known, to: x }, { else: y } ]", {"x[I]", "y[I]"}),
        ("svaml: { action: { name: park } }, on: { disconnected: y }", {"y[N]"}),
    ],
)
def test_where_outcomes_land(tmp_path: Path, first: str, positions: set[str]) -> None:
    found = only(tmp_path, f"start: f\nstates:\n  f: {{ {first} }}\n  x: {{ next: end }}\n  y: {{ next: end }}\n")
    assert pairs(found) - {"f[I]"} == positions


def test_an_outbound_call_begins_in_o_and_is_answered_in_a(tmp_path: Path) -> None:
    found = only(
        tmp_path,
        """
        triggers: [ { start: api } ]
        start: ring
        states:
          ring:
            dial: { to: sales, amd: sync }
            on: { human: ask, machine: bye, disconnected: later }
          ask: { menu: { prompt: Press 1., choices: { bye: 1 } } }
          later: { wait: { for: 15m }, on: { elapsed: ring } }
          bye: { say: Goodbye., next: end }
        """,
        "O",
    )
    assert pairs(found) == {"ring[O]", "ask[A]", "bye[A]", "bye[Pa]", "later[N]"}


def test_a_wait_with_nobody_on_the_line_ends_in_n_where_nobody_is_called(tmp_path: Path) -> None:
    found = only(
        tmp_path,
        """
        triggers: [ { to: "+12025550100" } ]
        start: ring
        states:
          ring: { connect: { to: sales }, on: { disconnected: later } }
          later: { wait: { for: 15m }, on: { elapsed: note } }
          note: { log: over, next: end }
        """,
    )
    assert pairs(found) == {"ring[I]", "later[N]", "note[N]"}


def test_both_entries_have_an_analysis_of_their_own(tmp_path: Path) -> None:
    book = read(
        tmp_path,
        main="""
        triggers: [ { to: "+12025550100" }, { start: api } ]
        start: note
        states:
          note: { log: hello, next: end }
        """,
    )
    flow = book.flows["main"]
    assert entries(flow, book) == ["I", "O"]
    assert [pairs(each) for each in analyse(flow, book).values()] == [{"note[I]"}, {"note[O]"}]


def test_the_flows_error_also_answers_a_broken_turn(tmp_path: Path) -> None:
    found = only(
        tmp_path,
        """
        on: { error: sorry }
        start: ask
        states:
          ask: { menu: { prompt: Press 1., choices: { bye: 1 } } }
          sorry: { say: Sorry., next: end }
          bye: { say: Goodbye., next: end }
        """,
    )
    assert {"sorry[I]", "sorry[Pi]"} <= pairs(found)


def test_in_n_only_the_own_error_counts(tmp_path: Path) -> None:
    found = only(
        tmp_path,
        """
        on: { error: sorry, disconnected: file }
        start: ring
        states:
          ring: { connect: { to: sales } }
          file: { http: { get: "https://a.example.com", timeout: 1s }, on: { ok: end } }
          sorry: { say: Sorry., next: end }
        """,
    )
    assert "file[N]" in pairs(found)
    assert "sorry[N]" not in pairs(found)


def test_the_flows_disconnected_runs_after_the_end_too(tmp_path: Path) -> None:
    found = only(
        tmp_path,
        """
        on: { disconnected: file }
        start: bye
        states:
          bye: { say: Goodbye., next: end }
          file: { log: over, next: end }
        """,
    )
    assert "file[N]" in pairs(found)


def test_back_leads_to_every_menu_that_can_come_before(tmp_path: Path) -> None:
    found = only(
        tmp_path,
        """
        start: route
        states:
          route: { route: [ { when: call.cli_known, to: one }, { else: two } ] }
          one: { menu: { prompt: Press 1., choices: { help: 1 } } }
          two: { menu: { prompt: Press 1., choices: { help: 1 } } }
          help: { say: Help., next: back }
        """,
    )
    assert {"one[I]", "two[I]", "help[Pi]", "one[Pi]", "two[Pi]"} <= pairs(found)


def test_visits_and_retries_stay_in_their_position(tmp_path: Path) -> None:
    found = only(
        tmp_path,
        """
        start: ask
        states:
          ask:
            visits: { max: 2, then: sorry }
            menu: { prompt: Press 1., choices: { ask: 1 } }
            on: { timeout: { retry: 2, then: bye } }
          sorry: { say: Sorry., next: end }
          bye: { say: Goodbye., next: end }
        """,
    )
    assert pairs(found) == {"ask[I]", "sorry[I]", "ask[Pi]", "sorry[Pi]", "bye[Pi]"}


PART = """
    outcomes: [won, lost]
    start: ask
    states:
      ask: { menu: { prompt: Press 1., choices: { won: 1, over: 2 } }, on: { invalidinput: lost } }
      won: { return: won }
      lost: { return: lost }
      over: { say: Enough., next: end }
"""


def test_a_subflow_is_summarised_for_the_position_it_is_played_in(tmp_path: Path) -> None:
    book = read(
        tmp_path,
        main="""
        triggers: [ { start: api } ]
        start: ring
        states:
          ring: { dial: { to: sales }, on: { answered: play, disconnected: end } }
          play: { subflow: { flow: part }, on: { won: x, lost: y, done: z, timeout: t } }
          x: { say: X., next: end }
          y: { say: Y., next: end }
          z: { next: end }
          t: { say: T., next: end }
        """,
        part=PART,
    )
    found = analyse(book.flows["main"], book)["O"]
    assert pairs(found) == {"ring[O]", "play[A]", "x[Pa]", "y[Pa]", "z[Pa]", "t[Pa]"}
    part = analyse(book.flows["part"], book)
    assert set(part) == {"A"}
    assert part["A"].returns == {"won": {"Pa"}, "lost": {"Pa"}}
    assert part["A"].escapes["timeout"] == {"Pa"}
    assert part["A"].escapes["disconnected"] == {"N"}


def test_one_subflow_in_two_positions_has_two_summaries(tmp_path: Path) -> None:
    book = read(
        tmp_path,
        main="""
        start: first
        states:
          first: { subflow: { flow: step }, on: { won: ask, done: end } }
          ask: { menu: { prompt: Press 1., choices: { second: 1 } } }
          second: { subflow: { flow: step }, on: { won: bye, done: end } }
          bye: { say: Goodbye., next: end }
        """,
        step="""
        outcomes: [won]
        start: won
        states:
          won: { return: won }
        """,
    )
    assert {"ask[I]", "second[Pi]", "bye[Pi]"} <= pairs(analyse(book.flows["main"], book)["I"])
    assert set(analyse(book.flows["step"], book)) == {"I", "Pi"}


def test_a_flow_that_plays_itself_is_iterated_to_its_end(tmp_path: Path) -> None:
    book = read(
        tmp_path,
        main="""
        start: play
        states:
          play: { subflow: { flow: deep }, on: { won: bye, done: end } }
          bye: { say: Goodbye., next: end }
        """,
        deep="""
        outcomes: [won]
        start: ask
        states:
          ask: { menu: { prompt: Press 1., choices: { won: 1, again: 2 } } }
          again: { subflow: { flow: deep }, on: { won: after, done: end } }
          after: { collect: { prompt: Code?, digits: 4 }, on: { digits: won } }
          won: { return: won }
        """,
    )
    found = analysis(book.flows["deep"], "I", book)
    assert {"ask[I]", "again[Pi]", "after[Pi]", "won[Pi]"} <= pairs(found)
    assert found.returns == {"won": {"Pi"}}
    assert "bye[Pi]" in pairs(analyse(book.flows["main"], book)["I"])


def test_two_flows_that_play_each_other_come_to_an_end(tmp_path: Path) -> None:
    book = read(
        tmp_path,
        ping="""
        triggers: [ { to: "+12025550100" } ]
        outcomes: [won]
        start: ask
        states:
          ask: { menu: { prompt: Press 1., choices: { play: 1, won: 2 } } }
          play: { subflow: { flow: pong }, on: { won: won, done: end } }
          won: { return: won }
        """,
        pong="""
        outcomes: [won]
        start: ask
        states:
          ask: { wait: { for: 5s }, on: { elapsed: play } }
          play: { subflow: { flow: ping }, on: { won: won, done: end } }
          won: { return: won }
        """,
    )
    assert analyse(book.flows["ping"], book)["I"].returns == {"won": {"Pi"}}
    assert analysis(book.flows["pong"], "I", book).returns == {"won": {"Pi"}}


def test_an_unhandled_conference_name_may_be_empty(tmp_path: Path) -> None:
    found = only(
        tmp_path,
        """
        on: { error: sorry }
        start: ring
        states:
          ring: { connect: { to: sales }, on: { answered: room } }
          room: { conference: { id: "{{ call.custom }}" } }
          sorry: { say: Sorry., next: end }
        """,
    )
    assert "sorry[B]" in pairs(found)


def test_flows_that_play_each_other_learn_what_the_other_returns(tmp_path: Path) -> None:
    book = read(
        tmp_path,
        outer="""
        triggers: [ { to: "+12025550100" } ]
        outcomes: [plain]
        start: choose
        states:
          choose: { route: [ { when: call.cli_known, to: play }, { else: plain } ] }
          play: { subflow: { flow: inner }, on: { wrapped: reached, done: end } }
          plain: { return: plain }
          reached: { say: Here., next: end }
        """,
        inner="""
        outcomes: [wrapped]
        start: play
        states:
          play: { subflow: { flow: outer }, on: { plain: wrapped, done: end } }
          wrapped: { return: wrapped }
        """,
    )
    assert "reached[I]" in pairs(analyse(book.flows["outer"], book)["I"])
