"""The rules that every flow obeys, on flows of messages."""

from __future__ import annotations

import pytest
from chats import found, quiet, told

from flowengine.checks import check_flows
from flowengine.document import read
from flowengine.graph import Book
from flowengine.loader import load
from flowengine.model import Project

ANY = "triggers: [ { keywords: [hello] } ]\nsession: { expires: 2d }\nstart: a\n"


def flow(states: str, top: str = "") -> str:
    return f"{ANY}{top}states:\n{states}"


@pytest.mark.parametrize(
    ("rule", "states", "message"),
    [
        ("unreachable", "  a: { say: Hi., next: end }\n  b: { say: Lost., next: end }\n", '8: nothing leads to "b"'),
        (
            "no-way-on",
            '  a: { ask: { prompt: Well?, choices: { go: "Yes", stay: "No" } }, on: { go: end } }\n',
            '7: ask "a" can end in stay, but nothing says where that goes',
        ),
        (
            "no-way-on",
            "  a: { ask: { prompt: Well?, expect: any } }\n",
            '7: ask "a" can end in answer, but nothing says where that goes',
        ),
        (
            "no-way-on",
            "  a: { handover: { post: https://desk.example.com/chats }, on: { error: end } }\n",
            '7: handover "a" can end in returned, but nothing says where that goes',
        ),
        (
            "no-way-on",
            "  a: { wait: { for: 2h } }\n",
            '7: wait "a" can end in elapsed, but nothing says where that goes',
        ),
        (
            "wait-free-cycle",
            "  a: { say: Hi., next: b }\n  b: { say: Ho., next: a }\n",
            "7: these states run round without ever waiting: a > b > a",
        ),
        (
            "impossible-event",
            "  a: { ask: { prompt: Well?, choices: { go: Go } }, on: { go: end, hangup: end } }\n",
            '7: ask "a" never raises "hangup"',
        ),
        (
            "unhandled-outcome",
            "  a: { ask: { prompt: Well?, choices: { go: Go } }, on: { go: end } }\n",
            '7: ask "a" can end in invalidinput, but nothing says where that goes',
        ),
        (
            "unhandled-outcome",
            "  a: { http: { get: https://x.example.com, timeout: 5s }, on: { ok: end } }\n",
            '7: http "a" can end in error, but nothing says where that goes',
        ),
        (
            "unknown-target",
            "  a: { say: Hi., next: nowhere }\n",
            '7: there is no state "nowhere"',
        ),
        (
            "choice-shadow",
            "  a: { ask: { prompt: Well?, choices: { b: Go } }, on: { b: end, else: b } }\n"
            "  b: { say: Ho., next: end }\n",
            '7: the choice "b" leads to end, although there is a state "b"',
        ),
        (
            "stay-in-place",
            "  a: { ask: { prompt: Well?, expect: any }, on: { answer: { say: Hm. } } }\n",
            '7: "answer" has no target, but the question is over',
        ),
        (
            "http-host",
            '  a: { handover: { post: "https://{{ contact.name }}.x.example" }, on: { returned: end, error: end } }\n',
            '7: the host depends on "contact.name"',
        ),
        (
            "dropped-answer",
            "  a: { ask: { prompt: For how many?, expect: number }, on: { answer: b, else: end } }\n"
            "  b: { say: Thank you., next: end }\n",
            "7: the answer is taken and then forgotten",
        ),
        (
            "dropped-answer",
            "  a: { ask: { prompt: Which?, choices: { red: Red, blue: Blue } }, on: { answer: b, else: end } }\n"
            "  b: { say: Thank you., next: end }\n",
            "7: whatever is chosen leads to the same place, and the choice is forgotten",
        ),
    ],
)
def test_a_rule_of_the_graph(rule: str, states: str, message: str) -> None:
    assert told(rule, flow(states)) == [message]


def test_variables_are_followed_from_every_entrance() -> None:
    text = """\
        triggers: [ { keywords: [hello] }, { start: api, enter: b } ]
        variables: { seats: { type: number } }
        start: a
        states:
          a: { ask: { prompt: For how many?, expect: number, into: seats }, on: { answer: b, else: end } }
          b: { say: "A table for {{ seats }}.", next: end }
        """
    assert told("unset-variable", text) == ['8: "seats" may be read before it is set on the path b']
    assert told("unset-variable", text.replace(", { start: api, enter: b }", "")) == []


def test_facts_belong_to_their_channel() -> None:
    texts = "  a: { say: '{{ call.cli }} {{ message.txt }} {{ contact.bookin }}', next: end }\n"
    assert told("unknown-variable", flow(texts, "contact: { booking: { type: time } }\n")) == [
        '8: "call" belongs to calls; a message flow has none',
        '8: there is no fact "message.txt"; did you mean "text"?',
        '8: a contact has no "bookin"; did you mean "booking"?',
    ]
    call = "channel: voice\nstart: a\nstates:\n  a: { say: '{{ message.text }}', next: end }\n"
    assert told("unknown-variable", flow("  a: { say: Hi., next: end }\n"), call_me=call) == [
        'call_me:5: "message" belongs to message flows; a call has none'
    ]


# --- the way out -----------------------------------------------------------------------------------------

CIRCLE = """\
    triggers: [ { keywords: [hello] } ]
    start: a
    states:
      a: { ask: { prompt: Well?, expect: any, into: words }, on: { else: b, failed: end, timeout: end } }
      b: { ask: { prompt: "{{ words }}?", choices: { a: Again }TIME }, on: { invalidinput: a } }
    variables: { words: { type: text } }
    """


def test_expiry_and_a_failed_message_are_no_way_out() -> None:
    assert told("trap", CIRCLE.replace("TIME", "")) == ['6: from "a" no way leads to an end or to anybody: a > b > a']


def test_a_timeout_of_its_own_and_a_person_are() -> None:
    assert told("trap", CIRCLE.replace("TIME", ", timeout: 2h")) == []
    person = "c: { handover: { post: https://desk.example.com }, on: { returned: a, error: a } }"
    handed = (
        CIRCLE.replace("invalidinput: a", "invalidinput: c")
        .replace("TIME", "")
        .replace("    b:", f"    {person}\n      b:")
    )
    assert told("trap", handed) == []


def test_what_a_whole_flow_does_when_it_expires_is_reached() -> None:
    text = flow(
        "  a: { ask: { prompt: Well?, expect: any, into: words }, on: { answer: b } }\n"
        '  b: { say: "{{ words }}", next: end }\n  late: { say: Write again any time., next: end }\n',
        "variables: { words: { type: text } }\non: { expired: late }\n",
    )
    assert quiet(text) == []
    assert told("unset-variable", text.replace("Write again any time.", '"Then {{ words }}"')) == [
        '11: "words" may be read before it is set on the path late'
    ]


# --- answers that are not thrown away ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "states",
    [
        "  a: { ask: { prompt: Well?, expect: any }, on: { answer: b } }\n"
        "  b: { say: 'You said {{ message.text }}', next: end }\n",
        "  a: { ask: { prompt: Well?, expect: any }, on: { answer: b } }\n"
        "  b: { handover: { post: https://desk.example.com }, on: { returned: end, error: end } }\n",
        "  a: { ask: { prompt: Well?, choices: { b: Go, c: Stay } }, on: { else: end } }\n"
        "  b: { say: Gone., next: end }\n  c: { say: Still here., next: end }\n",
    ],
)
def test_an_answer_that_is_read_or_followed_or_seen_by_a_person(states: str) -> None:
    assert told("dropped-answer", flow(states)) == []


def test_a_variable_whose_type_cannot_be_read_takes_anything() -> None:
    text = "flow: line\nchannel: message\nstart: a\nvariables: { kept: { default: no } }\nstates:\n"
    loaded = load(read(f"{text}  a: {{ set: {{ kept: true }}, next: end }}\n".encode(), "line.yaml"), Project())
    assert [each.rule for each in loaded.problems] == ["missing-key"]
    assert loaded.flow is not None
    assert check_flows(Book({"line": loaded.flow}), ["set-type"]) == []


# --- the contact -----------------------------------------------------------------------------------------

READS = "  b: { say: 'Your table: {{ contact.booking | time }}', next: end }\n"
FIELD = "contact: { booking: { type: time } }\n"


@pytest.mark.parametrize(
    "before",
    [
        "  a: { say: Hi., next: b }\n",
        "  a: { route: [ { when: not contact.booking, to: b }, { else: end } ] }\n",
        "  a: { do: [ { set: { contact.booking: '{{ now }}' } }, { clear: contact.booking } ], next: b }\n",
    ],
)
def test_a_field_that_may_be_empty(before: str) -> None:
    (only,) = told("unguarded-contact", flow(before + READS, FIELD))
    assert only == '9: "contact.booking" may be empty here: it is nothing until a flow has set it'


@pytest.mark.parametrize(
    "before",
    [
        "  a: { route: [ { when: contact.booking, to: b }, { else: end } ] }\n",
        "  a: { route: [ { when: contact.booking is defined and contact.booking, to: b }, { else: end } ] }\n",
        "  a: { route: [ { when: contact.booking > now, to: b }, { else: end } ] }\n",
        "  a: { route: [ { when: not contact.booking, to: end }, { else: b } ] }\n",
        "  a: { set: { contact.booking: '{{ now }}' }, next: b }\n",
    ],
)
def test_a_field_that_is_guarded_or_set(before: str) -> None:
    assert told("unguarded-contact", flow(before + READS, FIELD)) == []


def test_a_date_guards_what_it_starts_and_nothing_else() -> None:
    dated = "triggers: [ { date: contact.booking, at: '10:00' }TOO ]\nstart: b\n" + FIELD + "states:\n" + READS
    assert told("unguarded-contact", dated.replace("TOO", "")) == []
    assert told("unguarded-contact", dated.replace("TOO", ", { keywords: [table] }")) != []
    assert told("unguarded-contact", dated.replace("TOO", ", { keywords: [table], enter: b }")) != []
    played = "start: s\nstates: { s: { subflow: { flow: line }, on: { done: end, error: end, expired: end } } }\n"
    assert told("unguarded-contact", dated.replace("TOO", ""), other=played) != []


def test_a_field_with_a_default_and_one_with_the_filter() -> None:
    fields = "contact: { tier: { type: text, default: basic }, shop: { type: text } }\n"
    text = flow("  a: { say: '{{ contact.tier }} {{ contact.shop | default(\"none\") }}', next: end }\n", fields)
    assert told("unguarded-contact", text) == []


# --- calls from messages ----------------------------------------------------------------------------------

CALLS = "  a: { call: { flow: ring, with: { to: '{{ contact.number }}' } }, on: { done: end, error: end } }\n"
RING = """\
    channel: voice
    cli: "+12025550100"
    inputs: { to: { type: phone } }
    triggers: [ { start: api } ]
    may_dial: { writer: { number: "{{ to }}", countries: [US] } }
    start: a
    states:
      a: { dial: { to: writer }, on: { answered: b } }
      b: { say: Hello., next: end }
    """


def test_a_call_that_can_be_placed() -> None:
    assert quiet(flow(CALLS), ring=RING) == []


@pytest.mark.parametrize(
    ("call", "ring", "message"),
    [
        (CALLS.replace("ring", "rang"), RING, '7: there is no flow "rang"; did you mean "ring"?'),
        (CALLS.replace("to:", "too:"), RING, '7: ring has no input "too"; did you mean "to"?'),
        (CALLS, RING.replace("start: api", "to: '+12025550100'"), "7: ring takes calls and places none"),
        (
            CALLS,
            "channel: voice\ninputs: { to: { type: phone } }\nstart: a\nstates:\n  a: { say: '{{ to }}', next: end }\n",
            "7: ring rings nobody: it has no dial",
        ),
        (
            CALLS,
            "inputs: { to: { type: phone } }\nstart: a\nstates:\n  a: { say: '{{ to }}', next: end }\n",
            "7: ring is a message flow; a call plays a voice flow",
        ),
    ],
)
def test_a_call_that_cannot(call: str, ring: str, message: str) -> None:
    assert message in told("subflow-unknown", flow(call), ring=ring)


def test_the_outcomes_of_the_callee_must_be_handled() -> None:
    ring = RING.replace("start: a\n", "outcomes: [agreed]\n    start: a\n").replace("next: end", "next: c")
    ring = f"{ring.rstrip()}\n      c: {{ return: agreed }}\n"
    assert told("no-way-on", flow(CALLS), ring=ring) == [
        '7: call "a" can end in agreed, but nothing says where that goes'
    ]
    assert told("no-way-on", flow(CALLS.replace("done:", "agreed: end, done:")), ring=ring) == []


def test_an_input_that_the_callee_never_reads() -> None:
    ring = RING.replace("inputs: { ", "inputs: { name: { type: text }, ")
    call = CALLS.replace("with: { ", "with: { name: Ann, ")
    assert told("subflow-ignored", flow(call), ring=ring) == ['7: ring never reads its input "name"']


# --- false alarms ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "states",
    [
        "  a: { ask: { prompt: Well?, expect: any, into: words, timeout: 2h }, on: { answer: b, timeout: c } }\n"
        "  c: { say: Bye., next: end }\n",
        "  a: { ask: { prompt: Well?, expect: any, into: words }, on: { answer: b } }\n",
    ],
    ids=["failed is left open", "any without else, and covered by the session"],
)
def test_what_is_no_mistake(states: str) -> None:
    after = "  b: { say: 'Gracias, señor Müller: {{ words }}', next: end }\n"
    assert quiet(flow(states + after, "channels: [SMS, WHATSAPP]\nvariables: { words: { type: text } }\n")) == []


def test_a_wait_covered_by_the_defaults() -> None:
    text = flow(
        "  a: { ask: { prompt: Well?, expect: number, into: n }, on: { answer: b, invalidinput: end } }\n"
        "  b: { say: 'It is {{ n }}', next: end }\n",
        "defaults: { timeout: 2h }\nvariables: { n: { type: number } }\n",
    ).replace("session: { expires: 2d }\n", "")
    assert quiet(text) == []


def test_no_rule_of_calls_looks_at_messages() -> None:
    """Words that a rule of calls would stop at: brackets, a key, a long speech, sounds of a prompt."""
    long = "Now #href and (press 7). " * 60
    ask = "  b: { http: { get: https://x.example.com, timeout: 5s }, on: { ok: c, error: c } }\n"
    text = flow(f"  a: {{ say: '{long}', next: b }}\n{ask}  c: {{ say: Bye., next: end }}\n")
    assert [each.rule for each in found(text)] == []
