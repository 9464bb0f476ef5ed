"""Rules about what variables hold, and when."""

from __future__ import annotations

import pytest
from telling import messages, told, underlined

from flowengine.model import Project, Variable
from flowengine.problems import Mark

ASK = "{ collect: { prompt: Code?, digits: 4, into: pin }, on: { digits: %s, else: bye } }"


def unset(states: str, head: str = "", variables: str = "pin: { type: digits }") -> list[str]:
    text = f"start: a\nvariables: {{ {variables} }}\n{head}states:\n{states}\n  bye: {{ say: Bye., next: end }}\n"
    return messages("unset-variable", text)


SAY = '{ say: "{{ pin }}", next: end }'


@pytest.mark.parametrize(
    "states",
    [
        f"  a: {ASK % 'b'}\n  b: {SAY}",
        '  a: { say: "{{ pin | default(0) }}", next: end }',
        "  a: { route: [ { when: pin is defined, to: b }, { else: bye } ] }\n  b: " + SAY,
        "  a: { route: [ { when: pin is not defined, to: bye }, { else: b } ] }\n  b: " + SAY,
        "  a: { route: [ { when: not pin is defined, to: bye }, { when: pin == '1', to: b }, { else: b } ] }\n  b: "
        + SAY,
        "  a: { set: { pin: '1' }, next: b }\n  b: " + SAY,
        '  a: { do: [ { set: { pin: "1" } }, { say: "{{ pin }}" } ], next: end }',
        "  a: { random: { x: 1, y: 1 }, on: { x: { set: { pin: '1' }, to: b }, y: bye } }\n  b: " + SAY,
        f"  a: {ASK % 'b'}\n  b: {{ menu: {{ prompt: '{{{{ pin }}}}?', choices: {{ back: 9, bye: 1 }} }}, "
        f"on: {{ else: bye }} }}",
        "  a: { say: Hello., next: bye }\n  lost: " + SAY,
    ],
)
def test_set_on_every_path(states: str) -> None:
    assert unset(states) == []


@pytest.mark.parametrize(
    ("states", "path"),
    [
        (f"  a: {SAY}", "a"),
        ("  a: { do: [ { set: { pin: '1' } }, { clear: pin } ], next: b }\n  b: " + SAY, "a > b"),
        ('  a: { do: [ { say: "{{ pin }}" }, { set: { pin: "1" } } ], next: end }', "a"),
        ("  a: { route: [ { when: pin == '1', to: bye }, { else: bye } ] }", "a"),
        (
            "  a: { collect: { prompt: Code?, digits: 4, into: pin }, "
            "on: { digits: b, invalidinput: b, timeout: bye } }"
            f"\n  b: {SAY}",
            "a (invalidinput) > b",
        ),
        (
            "  a: { visits: { max: 1, then: b }, set: { pin: '1' }, next: c }\n  c: { clear: pin, next: a }\n  b: "
            + SAY,
            "a (visits) > b",
        ),
        (
            '  a: { http: { get: https://x.example.com, timeout: 1s, save: { pin: "{{ response.pin }}" } },'
            f" on: {{ ok: b, error: b }} }}\n  b: {SAY}",
            "a (error) > b",
        ),
        (
            "  a: { http: { get: https://x.example.com, timeout: 1s, wait: false, save: { "
            'pin: "{{ response.pin }}" } },'
            f" on: {{ ok: b, error: bye }} }}\n  b: {SAY}",
            "a (ok) > b",
        ),
    ],
)
def test_unset_on_some_path(states: str, path: str) -> None:
    assert unset(states) == [f'"pin" may be read before it is set on the path {path}']


def test_a_turn_may_break_before_anything_is_set() -> None:
    found = unset(f"  a: {ASK % 'bye'}\n  lost: {SAY}", head="on: { error: lost }\n")
    assert found == ['"pin" may be read before it is set on the path (error) > lost']


def test_an_address_is_read_where_it_is_dialled() -> None:
    head = 'may_dial: { me: { number: "{{ pin }}", countries: [US] } }\n'
    assert len(unset("  a: { connect: { to: me } }", head=head)) == 1
    assert unset(f"  a: {ASK % 'b'}\n  b: {{ connect: {{ to: me }} }}", head=head) == []


def test_inputs_and_defaults_always_have_a_value() -> None:
    head = "inputs: { name: { type: text } }\n"
    assert unset('  a: { say: "{{ name }} {{ pin }}", next: end }', head, "pin: { type: digits, default: '1' }") == []


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("call.clii", 'there is no fact "call.clii"; did you mean "cli"?'),
        ("call", '"call" is a group of facts, not a value'),
        ("env.CRM_HOSTS", 'the flow may not read the environment variable "CRM_HOSTS"; did you mean "CRM_HOST"?'),
        ("visits.greets", 'visits counts no state "greets"; did you mean "greet"?'),
        ("contact.shoe", 'a contact has no "shoe"'),
        ("message.text", '"message" belongs to message flows; a call has none'),
        ("tier.name", '"tier" has no field "name"'),
        ("now.year", '"now" has no field "year"'),
        ("nothing", 'there is no variable "nothing"'),
    ],
)
def test_unknown_names(expression: str, said: str) -> None:
    text = (
        f"start: greet\nvariables: {{ tier: {{ type: text }} }}\n"
        f'states: {{ greet: {{ say: "{{{{ {expression} }}}}", next: end }} }}\n'
    )
    assert messages("unknown-variable", text) == [said]
    assert underlined("unknown-variable", text) == [expression]


@pytest.mark.parametrize(
    "expression",
    ["call.cli", "call.headers.x", "env.CRM_HOST", "visits.greet", "brand", "response.a.b", "event.destination", "now",
     "contact.number", "menu.value", "order.lines[0].price", "secret.ANY"],
)  # fmt: skip
def test_known_names(expression: str) -> None:
    text = (
        f"start: greet\nvariables: {{ order: {{ type: record }} }}\n"
        f'states: {{ greet: {{ say: "{{{{ {expression} }}}}", next: end }} }}\n'
    )
    assert messages("unknown-variable", text) == []


@pytest.mark.parametrize(
    "state",
    [
        "{ set: { tire: x }, next: end }",
        "{ clear: tire, next: end }",
        "{ do: [ { clear: [tier, tire] } ], next: end }",
        "{ collect: { prompt: Code?, digits: 4, into: tire }, on: { digits: { set: { tier: x }, to: end } } }",
        '{ function: { name: f, save: { tire: "{{ result }}" } }, on: { ok: end } }',
    ],
)
def test_nothing_is_kept_in_what_nobody_declared(state: str) -> None:
    text = f"start: a\nvariables: {{ tier: {{ type: text }} }}\nstates: {{ a: {state} }}\n"
    assert underlined("unknown-variable", text) == ["tire"]


def test_contact_fields_are_declared_in_the_project() -> None:
    contact = {"size": Variable("size", "number", Mark("flowengine.yaml"))}
    text = (
        "start: a\nstates: { a: { set: { contact.size: '3', contact.hat: '4', call.language: en-US }, next: end } }\n"
    )
    found = messages("unknown-variable", text, Project(contact=contact))
    assert found == ['a contact has no field "hat" to keep this in']


TYPES = (
    "n: { type: number, default: 1 }, d: { type: digits, default: 1 }, t: { type: text, default: a, one_of: [a, b] }"
)


@pytest.mark.parametrize(
    ("guard", "said"),
    [
        ("d < '5'", '"<" cannot compare d that is digits'),
        ("call.cli >= '+1'", '">=" cannot compare call.cli that is phone'),
        ("d == 5", "d is digits and never equals 5"),
        ("n == '5'", 'n is number and never equals "5"'),
        ("call.answered == 'true'", 'call.answered is boolean and never equals "true"'),
        ("t == 'c'", 't is never "c"'),
        ("t in ['a', 'c']", 't is never "c"'),
        ("n * d > 1", '"*" needs numbers, but d is digits'),
        ("response.x * 2 > 1", '"*" needs numbers, but response.x is of unknown type'),
        ("n + t == 'x'", '"+" cannot add number and text'),
        ("n > now", '">" cannot compare a number with a time'),
    ],
)
def test_operations_on_the_wrong_kind(guard: str, said: str) -> None:
    assert messages("expression-type", _route(guard)) == [said]


@pytest.mark.parametrize(
    "guard",
    ["n < 5", "n * 2 + 1 > n / 3", "d == '5'", "d in ['1', '2']", "t == 'a'", "d is matching('[0-9]')", "d | int > 5",
     "response.x > 3", "response.x == 3", "t + d == 'a1'", "nothing * 3 > 1", "visits.a > 2", "d | length > 2",
     "call.duration > 60", "t != 'a' and n == 1"],
)  # fmt: skip
def test_operations_that_fit(guard: str) -> None:
    assert messages("expression-type", _route(guard)) == []


def _route(guard: str) -> str:
    return (
        f"start: a\nvariables: {{ {TYPES} }}\n"
        f'states: {{ a: {{ route: [ {{ when: "{guard}", to: end }}, {{ else: end }} ] }} }}\n'
    )


def test_unused_variables() -> None:
    text = """\
        start: a
        variables:
          nowhere: { type: text }
          written: { type: text }
          guarded: { type: text }
          constant: { type: text, default: x }
          unread: { type: text }
        inputs: { given: { type: text } }
        states:
          a:
            do:
              - set: { written: x }
              - say: "{{ guarded | default('x') }} {{ constant }} {{ unread }}"
            next: end
        """
    assert messages("unused-variable", text) == [
        '"nowhere" is declared and never used',
        '"written" is written and never read',
        '"guarded" is read and never written',
        'the input "given" is never read',
    ]


def test_what_a_broken_text_reads_is_not_called_unused() -> None:
    text = (
        "start: a\nvariables: { name: { type: text, default: x } }\n"
        'states: { a: { say: "{{ name.upper() }}", next: end } }\n'
    )
    assert messages("unused-variable", text) == []
    assert [each.rule for each in told("expression", text)] == ["expression"]


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ("n > 3", "n > 5", '"n > 5" is never reached: "n > 3" above takes every such case'),
        ("n >= 3", "n == 4", '"n == 4" is never reached: "n >= 3" above takes every such case'),
        ("t == 'a'", "t == 'a'", "\"t == 'a'\" stands above already"),
        (
            "t in ['a', 'b']",
            "t == 'a'",
            "\"t == 'a'\" is never reached: \"t in ['a', 'b']\" above takes every such case",
        ),
        ("n < 3", "n >= 3", 'nothing is left for this branch to "c": those before it take every case'),
        (
            "call.answered",
            "not call.answered",
            'nothing is left for this branch to "c": those before it take every case',
        ),
        ("n == 1", "1 == 2", '"1 == 2" is never true'),
    ],
)
def test_conditions_that_cannot_happen(first: str, second: str, said: str) -> None:
    assert messages("impossible-condition", _branches(first, second)) == [said]


@pytest.mark.parametrize(
    ("first", "second"),
    [("n > 5", "n > 3"), ("n > 3", "n < 3"), ("n == 1", "d == '1'"), ("t == 'a' and n == 1", "t == 'a'"),
     ("n < 3", "n > 3"), ("t != 'a' or n > 1", "t == 'a'"), ("n >= 3", "n > 2"), ("t == 'a'", "t == 'b'")],
)  # fmt: skip
def test_conditions_that_can_happen(first: str, second: str) -> None:
    assert messages("impossible-condition", _branches(first, second)) == []


def _branches(first: str, second: str) -> str:
    branches = f'[ {{ when: "{first}", to: a }}, {{ when: "{second}", to: b }}, {{ else: c }} ]'
    return f"start: a\nvariables: {{ {TYPES} }}\nstates: {{ a: {{ route: {branches} }} }}\n"
