"""A phone and a chat in the terminal, as a person or a pipe meets them."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from flowengine.scenarios.asked import masked
from flowengine.scenarios.model import Answer
from flowengine.scenarios.phrases import of_step
from flowengine.scenarios.steps import Step
from flowengine.simulator import Seen
from flowengine.terminal.asking import NoAnswer, answer_of
from flowengine.terminal.meaning import COMMANDS, SHORT, Command, NotUnderstood, Situation, help_lines, meant, step
from flowengine.terminal.saving import disguised, observed

ROOT = Path(__file__).parent.parent
DESK = """
flow: desk
channel: voice
triggers: [ { to: "+12025550100" } ]
may_dial: { sales: { number: "+12025550111" } }
variables: { pin: { type: digits, sensitive: true }, tier: { type: text, default: none } }
start: main
states:
  main:
    menu: { prompt: "For sales press 1, for service press 2.", choices: { sales: 1, service: 2 } }
    on: { service: ask, else: bye }
  ask:
    collect: { prompt: Your code please., digits: 4, into: pin }
    on: { digits: look, else: bye }
  look:
    http:
      post: https://crm.example.com/callers
      json: { pin: "{{ pin }}" }
      timeout: 800ms
      save: { tier: "{{ response.tier }}" }
    on:
      ok: [ { when: tier == "gold", to: sales }, { else: bye } ]
      error: bye
  sales: { connect: { to: sales, dial_timeout: 25s } }
  bye: { say: Goodbye., next: end }
"""
SHOP = """
flow: shop
channel: message
channels: [RCS, SMS]
triggers: [ { keywords: [shop] }, { start: api } ]
start: size
states:
  size:
    ask:
      prompt: Which size?
      choices: { small: { label: Small }, large: { label: Large } }
      timeout: 2h
    on: { small: luck, large: bye, timeout: late }
  luck: { random: { win: 1, lose: 1 }, on: { win: won, lose: bye } }
  won: { say: You won!, next: end }
  bye: { say: "Thank you!", next: end }
  late: { say: "Too late.", next: end }
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "desk.yaml").write_text(DESK)
    (tmp_path / "flows" / "shop.yaml").write_text(SHOP)
    return tmp_path


def environment() -> dict[str, str]:
    ours = ("FLOWENGINE", "VOICE", "CONVERSATION", "PROJECT_ID", "WEBHOOK", "FORCE_COLOR", "NO_COLOR", "CI")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def run(folder: Path, *words: str, typed: str = "", more: Mapping[str, str] | None = None) -> Any:
    command = [sys.executable, "-m", "flowengine", *words]
    env = {**environment(), **(more or {})}
    return subprocess.run(command, input=typed, capture_output=True, text=True, cwd=folder, env=env, timeout=60)


def passes(folder: Path) -> None:
    done = run(folder, "test")
    assert done.returncode == 0, done.stdout + done.stderr


# --- a call ----------------------------------------------------------------------------------------------


def test_a_call_through_a_pipe(folder: Path) -> None:
    done = run(folder, "call", "desk", typed='2\n1234\n200 {"tier": "gold"}\nanswers\nhangup\n')
    assert done.returncode == 0, done.stderr
    assert (
        done.stdout
        == """\
> caller dials
  hears    For sales press 1, for service press 2.
           1 sales   2 service
  main
> presses 2
  hears    Your code please.
           up to 4 keys, # ends them
> presses ****
  http     POST https://crm.example.com/callers {"pin":"****"}
  connects to sales (+12025550111)
  main -> ask -> look -> sales
  it rings: answers, no answer, busy, unreachable, or hangup
> callee answers
  sales
> hangs up
  ends     CALLERHANGUP
  sales
"""
    )
    assert done.stderr == "desk, Tue 24 Nov 2026 10:00 UTC. /help says what can be typed.\n"


def test_the_sentence_in_the_documentation_works(folder: Path) -> None:
    done = subprocess.run(
        f"printf '2\\n1234\\n' | {sys.executable} -m flowengine call front_desk",
        shell=True, capture_output=True, text=True, cwd=ROOT, env=environment(), timeout=60,
    )  # fmt: skip
    assert done.returncode == 0
    assert "  ask_pin -> look_up" in done.stdout
    assert "1234" not in done.stdout + done.stderr


def test_a_server_that_nobody_answers_for_never_does(folder: Path) -> None:
    done = run(folder, "call", "desk", typed="2\n1234\nhangup\n")
    assert '"hangup"; expected what the server answers: 200 {"tier": "gold"}, 500 or never; so it never' in done.stderr
    assert "  hears    Goodbye.\n" in done.stdout
    assert "> hangs up\n  cannot: the call is over\n" in done.stdout
    done = run(folder, "call", "desk", typed="2\n1234\n")
    assert "no line says what the server answers, so it never does" in done.stderr


def test_guards_are_shown_when_they_are_wanted(folder: Path) -> None:
    done = run(folder, "call", "desk", "-v", typed='2\n1234\n{"tier": "new"}\n')
    assert '    flows/desk.yaml:22: tier == "gold" is false; tier is "new"\n' in done.stdout


def test_an_act_that_nobody_can_do_takes_no_time_and_the_last_callback_can_still_come_again(folder: Path) -> None:
    done = run(folder, "call", "desk", typed="answers\n/speaks 1\n/again\n1\nbusy\n77\n/save a\n")
    assert done.stdout.count("  cannot: ") == 3
    assert "  the same answer came, and nothing changed\n" in done.stdout
    assert '  saved as "a" in flows/desk.test.yaml; it passes\n' in done.stdout
    text = (folder / "flows/desk.test.yaml").read_text()
    assert "      - presses: 1\n" in text
    assert text.count("- presses") == 1


def test_keys_that_were_heard_before_the_call_ended_are_what_was_pressed(folder: Path) -> None:
    done = run(folder, "call", "desk", typed="12\n/save a\n")
    assert "  cannot: nobody listens for the key 2: it rings at +12…11\n" in done.stdout
    assert "      - presses: 1\n      - connects to: sales\n" in (folder / "flows/desk.test.yaml").read_text()
    passes(folder)


def test_what_commands_show(folder: Path) -> None:
    done = run(folder, "call", "desk", typed='2\n1234\n{"tier": "gold"}\n/state\n/vars\n/svaml\n/contact\n/nonsense\n')
    after = done.stdout.partition("or hangup\n")[2]
    assert after.startswith('  desk: sales\n  tier         gold\n  pin          ****\n{\n  "action": {')
    assert "1234" not in done.stdout
    assert after.endswith("  nothing is known of the contact\nthere is no /nonsense; /help lists what there is\n")


def test_nothing_that_is_entered_early_is_shown(folder: Path) -> None:
    done = run(folder, "call", "desk", typed="21234\nnever\n")
    assert "> presses ****\n" in done.stdout
    assert '{"pin":"****"}' in done.stdout


# --- saving ----------------------------------------------------------------------------------------------


def test_what_was_played_is_saved_and_passes(folder: Path) -> None:
    typed = "2\n1234\n503\n/save the server is down\n"
    done = run(folder, "call", "desk", "--from", "+12025550177", typed=typed)
    assert '  saved as "the server is down" in flows/desk.test.yaml; it passes\n' in done.stdout
    assert "the sensitive digits were replaced" in done.stderr
    assert (
        (folder / "flows/desk.test.yaml").read_text()
        == """\
flow: desk

scenarios:
  the server is down:
    servers: [{ post: https://crm.example.com/callers, status: 503 }]
    steps:
      - caller dials: { from: "+12025550177" }
      - asks: For sales press 1, for service press 2.
      - presses: 2
      - asks: Your code please.
      - presses: "2468"
      - requests: { post: https://crm.example.com/callers }
      - hears: Goodbye.
      - ends
"""
    )
    passes(folder)
    again = run(folder, "call", "desk", typed="1\n/save the server is down\n/save\n/save sales x.test.yaml\n")
    assert "  cannot: flows/desk.test.yaml:4 has a scenario" in again.stdout
    assert "  cannot: a scenario needs a name" in again.stdout
    assert '  saved as "sales" in x.test.yaml; it passes\n' in again.stdout


def test_a_scenario_lends_its_servers_its_moment_and_its_caller(folder: Path) -> None:
    (folder / "flows/desk.test.yaml").write_text("""
servers: [ { post: "https://*", status: 503 } ]
scenarios:
  gold:
    now: 2026-12-24 08:00
    servers: [ { post: https://crm.example.com/callers, answers: { tier: gold } } ]
    steps: [ caller dials: { from: withheld } ]
""")
    done = run(folder, "call", "desk", "--like", "gold", typed="2\n1234\n/save more\n")
    assert '{"pin":"****"} -> 200 {"tier":"gold"}\n' in done.stdout
    assert "withheld" in done.stdout.splitlines()[0]
    assert "Thu 24 Dec 2026 08:00 UTC" in done.stderr
    passes(folder)
    plain = run(folder, "call", "desk", typed="2\n1234\n")
    assert "-> 503\n  hears    Goodbye.\n" in plain.stdout
    wrong = run(folder, "call", "desk", "--like", "golf")
    assert (wrong.returncode, wrong.stderr) == (
        2,
        'flowengine: flows/desk.test.yaml has no scenario "golf"; did you mean "gold"?\n',
    )


def test_digits_that_decide_the_way_are_kept_and_told(folder: Path) -> None:
    text = DESK.replace("digits: look", 'digits: [ { when: pin == "1234", to: sales }, { else: bye } ]')
    (folder / "flows/desk.yaml").write_text(text.partition("  look:")[0] + "  sales:" + text.partition("  sales:")[2])
    done = run(folder, "call", "desk", typed="2\n1234\n/save a\n")
    assert "saved as they were typed: with others the flow goes another way" in done.stderr
    assert '- presses: "1234"\n      - connects to: sales\n' in (folder / "flows/desk.test.yaml").read_text()
    passes(folder)


def test_what_chance_drew_is_saved(folder: Path) -> None:
    for number in range(6):
        done = run(folder, "chat", "shop", typed=f"shop\n[1\n/save luck {number}\n")
        assert "; it passes\n" in done.stdout, done.stdout
    text = (folder / "flows/shop.test.yaml").read_text()
    assert text.count("random: { luck: ") == 6
    passes(folder)


# --- a chat ----------------------------------------------------------------------------------------------


def test_a_chat_through_a_pipe(folder: Path) -> None:
    typed = "shop\n[3\n[2\n/again\nshop\n.\n/save a day in the shop\n"
    done = run(folder, "chat", "shop", "--from", "+12025550155", typed=typed)
    assert done.returncode == 0
    assert (
        done.stdout
        == """\
> writes "shop"
  reads    Which size?
           [1 Small]   [2 Large]
  size
there is no [3]: the last message shows [1 Small]; [2 Large]
> taps Large
  reads    Thank you!
  ends
  size -> bye
> callback comes again
  the same answer came, and nothing changed
> writes "shop"
  reads    Which size?
           [1 Small]   [2 Large]
  size
> time passes 2h
  reads    Too late.
  ends
  size -> late
  saved as "a day in the shop" in flows/shop.test.yaml; it passes
"""
    )
    assert 'contact: { number: "+12025550155" }' in (folder / "flows/shop.test.yaml").read_text()
    passes(folder)


def test_the_flow_writes_first(folder: Path) -> None:
    done = run(folder, "chat", "shop", typed="/start\ntap large\n")
    assert done.stdout.startswith("> flow starts\n  reads    Which size?\n")
    assert "  reads    Thank you!\n" in done.stdout


def test_a_channel_without_buttons_has_nothing_to_tap(folder: Path) -> None:
    (folder / "flows/shop.yaml").write_text(SHOP.replace("[RCS, SMS]", "[SMS]"))
    typed = "shop\n[2\ntap LARGE\ntap water\n[7\n/save taps\n2\n"
    done = run(folder, "chat", "shop", typed=typed)
    told = [line.partition(" (/write")[0] for line in done.stdout.splitlines() if "buttons" in line]
    said = "SMS shows no buttons: write "
    assert told == [f"{said}2", f"{said}2", f"{said}what you choose", f"{said}what you choose"]
    assert "reads    Thank you!" in done.stdout
    saved = (folder / "flows/shop.test.yaml").read_text()
    assert "tap" not in saved.partition("steps:")[2] and "[2" not in saved
    words = run(folder, "chat", "shop", typed="shop\n/write tap large\n").stdout
    assert '> writes "tap large"' in words


def test_hanging_up_is_told_once(folder: Path) -> None:
    done = run(folder, "call", "desk", typed="hangup\n")
    assert done.stdout.endswith("> hangs up\n  ends     CALLERHANGUP\n  main\n")
    assert done.stdout.count("\n  main\n") == 2  # where it began, and where it ended


def test_an_empty_variable_is_called_empty(folder: Path) -> None:
    (folder / "flows/desk.yaml").write_text(DESK.replace("default: none", 'default: ""'))
    assert "  tier         empty\n" in run(folder, "call", "desk", typed="/vars\n").stdout


@pytest.mark.parametrize(
    ("now", "shown"),
    [
        ("2026-07-24 10:00", "Fri 24 Jul 2026 10:00 Europe/Stockholm"),
        ("2026-07-24 10:00 UTC", "Fri 24 Jul 2026 12:00 Europe/Stockholm"),
        ("2026-07-24T10:00Z", "Fri 24 Jul 2026 12:00 Europe/Stockholm"),
    ],
)
def test_a_moment_without_a_zone_is_of_the_calendar(folder: Path, now: str, shown: str) -> None:
    office = 'calendars: { office: { timezone: Europe/Stockholm, open: { mon-fri: "09:00-17:00" } } }\nstart: main'
    (folder / "flows/desk.yaml").write_text(DESK.replace("start: main", office))
    assert run(folder, "call", "desk", "--now", now).stderr.startswith(f"desk, {shown}. ")


def test_a_length_of_several_units() -> None:
    texts = [of_step(Step("time passes", each)) for each in (64800.0, 64741.0, 119.0, 90000.0, 172861.5)]
    assert [each.removeprefix("time passes ") for each in texts] == ["18h", "17h 59m 1s", "119s", "25h", "2d 1m 1.5s"]


# --- wrong usage -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("call", "shop"), "the flow shop is a conversation: flowengine chat shop"),
        (("chat", "desk"), "the flow desk is a call: flowengine call desk"),
        (("call", "disk"), 'there is no flow "disk"'),
        (("call", "desk", "--now", "noon"), '--now: found "noon"; expected a day and a time'),
        (("call", "desk", "--from", "me"), '--from: "me" is no number; expected one such as +12025550142'),
        (("call", "desk", "--env", "X=1"), "--env: no flow reads X"),
        (("call", "desk", "--env", "X"), 'found --env "X"; expected NAME=VALUE'),
        (("call", "desk", "--like", "gold"), 'flows/desk.test.yaml has no scenario "gold"'),
        (("call", "desk", "--catch", "8089"), "give its --url too"),
        (("call", "desk", "--url", "ftp://x"), '"ftp://x" is not a URL'),
        (("call", "desk", "--url", "http://127.0.0.1:9", "--like", "a"), "--like is for a play in this process"),
    ],
)
def test_wrong_usage_is_one_sentence(folder: Path, words: tuple[str, ...], said: str) -> None:
    done = run(folder, *words)
    assert done.returncode == 2
    assert done.stderr.startswith("flowengine: ")
    assert said in done.stderr
    assert done.stdout == ""


def test_a_flow_with_errors_is_not_played(folder: Path) -> None:
    (folder / "flows/desk.yaml").write_text(DESK.replace("next: end", "next: ende"))
    done = run(folder, "call", "desk")
    assert done.returncode == 2
    assert "flows/desk.yaml:25:" in done.stderr
    assert "flowengine validate" in done.stderr


# --- a person at a terminal ------------------------------------------------------------------------------


def at_a_terminal(folder: Path, lines: list[tuple[str, bytes]], **env: str) -> str:
    """Type each line once what it waits for has been shown."""
    main, inner = pty.openpty()
    command = [sys.executable, "-m", "flowengine", "call", "desk"]
    known = {**environment(), "TERM": "xterm", **env}
    process = subprocess.Popen(command, stdin=inner, stdout=inner, stderr=inner, cwd=folder, env=known)
    os.close(inner)
    shown = b""
    try:
        for awaited, typed in lines:
            shown, before = b"", shown
            until = time.monotonic() + 30
            while awaited.encode() not in shown:
                assert time.monotonic() < until, (awaited, before, shown)
                if select.select([main], [], [], 0.2)[0]:
                    shown += os.read(main, 65536)
            shown = before + shown
            os.write(main, typed)
        assert process.wait(20) == 0
        with_rest = bytearray(shown)
        while select.select([main], [], [], 0.1)[0]:
            try:
                more = os.read(main, 65536)
            except OSError:
                break
            if not more:
                break
            with_rest += more
        return with_rest.decode()
    finally:
        process.kill()
        os.close(main)


def test_a_person_at_a_terminal(folder: Path) -> None:
    shown = at_a_terminal(
        folder,
        [("2 service", b"2\n"), ("up to 4 keys", b"1234\n"), ("answers: ", b"what\n"), ("answers: ", b"500\n"),
         ("Goodbye.", b"/quit\n")],
        NO_COLOR="1",
    )  # fmt: skip
    assert "> 2\r\n" in shown  # what is typed is on the screen already
    assert "presses 2" not in shown
    assert 'found "what"; expected what the server answers' in shown
    assert "\x1b[3" not in shown


def test_whoever_waits_is_told_how_long(folder: Path) -> None:
    shown = at_a_terminal(
        folder, [("2 service", b"1\n"), ("it rings", b".\n"), ("time passes", b"/quit\n")], NO_COLOR="1"
    )  # fmt: skip
    assert "  time passes 25s\r\n" in shown


def test_colours_at_a_terminal(folder: Path) -> None:
    shown = at_a_terminal(folder, [("> \x1b[0m", b"\x04")])
    assert "\x1b[36mhears" in shown
    assert "\x1b[1m1\x1b[0m sales" in shown


# --- what a line means -----------------------------------------------------------------------------------

PHONE = Situation("voice", asked=True)
RINGS = Situation("voice", called=True, due=20.5)
CHAT = Situation("message", labels=("Yes", "No"), due=7200.0)


@pytest.mark.parametrize(
    ("line", "now", "found"),
    [
        ("1234#", PHONE, Step("presses", "1234#")),
        ("", PHONE, Step("says nothing")),
        (".", PHONE, Step("says nothing")),
        (".", RINGS, Step("time passes", 21.0)),
        ("hangup", RINGS, Step("hangs up")),
        ("hangs up", RINGS, Step("callee", "hangs up")),
        ("hangs up", PHONE, Step("hangs up")),
        ("No-Answer", RINGS, Step("callee", "no answer")),
        ("/callee: not sure", PHONE, Step("callee", "not sure")),
        ("/wait 3d", PHONE, Step("time passes", 259200.0)),
        ("/again", PHONE, Step("callback comes again")),
        ("/platform refuses", PHONE, Step("platform refuses")),
        ('/event paid {"amount": 12}', PHONE, Step("event", {"name": "paid", "data": {"amount": 12}})),
        ("/notify recording_available", PHONE, Step("notify", {"type": "recording_available"})),
        ("/start name=Ann Lee time=noon", PHONE, Step("flow starts", {"name": "Ann Lee", "time": "noon"})),
        ("/dial { from: withheld }", PHONE, Step("caller dials", {"from": "withheld"})),
        ("/save a b.test.yaml", PHONE, Command("save", "a b.test.yaml")),
        ("/q", PHONE, Command("quit")),
        ("/", PHONE, Command("help")),
        ("", CHAT, None),
        ("hello # 1: {", CHAT, Step("writes", {"text": "hello # 1: {"})),
        ("hangup", CHAT, Step("writes", {"text": "hangup"})),
        ("{ text: x }", CHAT, Step("writes", {"text": "{ text: x }"})),
        ("[2", CHAT, Step("taps", "No")),
        ("[2]", Situation("message"), Step("writes", {"text": "[2]"})),
        ("TAP yes", CHAT, Step("taps", "yes")),
        ("/wait", CHAT, Step("time passes", 7200.0)),
        ("/photo", CHAT, Step("shares", "photo")),
        ("/receipt failed", CHAT, Step("receipt", "failed")),
    ],
)
def test_what_a_line_means(line: str, now: Situation, found: Step | Command | None) -> None:
    got = meant(line, now)
    assert got.same(found) if isinstance(got, Step) and isinstance(found, Step) else got == found


@pytest.mark.parametrize(
    ("line", "now", "said"),
    [
        ("anwsers", RINGS, 'did you mean "answers"?'),
        ("hello", PHONE, "type keys, hangup, or . for silence"),
        ("/wiat 3d", PHONE, 'did you mean "wait"?'),
        ("/wait soon", PHONE, 'found "soon", expected a number with ms, s, m, h or d'),
        ("/presses 12a", PHONE, "keys: 0-9, * and #"),
        ("/writes", CHAT, '"writes" stands alone'),
        ("/wait", Situation("message"), "nothing happens by itself now"),
        ("[9", CHAT, "there is no [9]: the last message shows [1 Yes]; [2 No]"),
    ],
)
def test_what_a_line_cannot_mean(line: str, now: Situation, said: str) -> None:
    with pytest.raises(NotUnderstood) as found:
        meant(line, now)
    assert said in str(found.value)


@pytest.mark.parametrize("channel", ["voice", "message"])
def test_help_names_every_command(channel: str) -> None:
    shown = "\n".join(help_lines(channel))
    for name in COMMANDS:
        assert f"/{name} " in shown
    for name in ("wait", "again", "photo", "location", "dial", "start"):
        assert name in SHORT
        assert f"/{name}" in shown


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ('200 {"tier": "gold"}', Answer(200, {"tier": "gold"})),
        ("[1]", Answer(200, [1])),
        ("503", Answer(503)),
        ("404 not here", Answer(404, "not here")),
        ("Never", Answer(failure="timeout")),
    ],
)
def test_what_a_server_answers(text: str, answer: Answer) -> None:
    assert answer_of(text) == answer


@pytest.mark.parametrize("text", ["", "hello", "99", "600", '200 {"tier"'])
def test_what_no_server_answers(text: str) -> None:
    with pytest.raises(NoAnswer):
        answer_of(text)


def test_what_is_hidden_of_a_request() -> None:
    data = {"a": "pin 1234", "b": [1234, True], "c": {"d": "5"}, "e": "15"}
    assert masked(data, ["1234", "5"]) == {"a": "pin ****", "b": ["****", True], "c": {"d": "****"}, "e": "15"}


def test_other_digits_are_as_many_and_others() -> None:
    assert disguised(Step("presses", "12#")).value == "24#"
    assert disguised(Step("presses", "24")).value == "11"
    assert disguised(Step("writes", {"text": "it is 7"})).value == {"text": "it is 2"}
    assert disguised(Step("hangs up")).same(Step("hangs up"))


def test_words_between_slashes_are_expected_as_words() -> None:
    assert observed([Seen("hears", "/a(/")])[0].same(Step("hears", "a(/"))
    assert observed([Seen("tones", "1"), Seen("hears", " "), Seen("reads", "")]) == []
    assert step("hangs up").same(Step("hangs up"))
