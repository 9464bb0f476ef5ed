from __future__ import annotations

from collections.abc import Callable

from flowengine.problems import Problem

Told = Callable[..., list[str]]

CALLEE = """\
    inputs: { length: { type: number }, greeting: { type: text, default: Hello } }
    outcomes: [right, wrong]
    variables: { pin: { type: digits } }
    start: ask
    states:
      ask:
        collect: { prompt: "{{ greeting }}, your code.", digits: 4, into: pin }
        on: { digits: test, else: wrong }
      test: { route: [ { when: length == 4, to: right }, { else: wrong } ] }
      right: { return: { outcome: right, with: { code: "{{ pin }}" } } }
      wrong: { return: wrong }
    """


def play(given: str = 'length: "4"', save: str = 'got: "{{ result.code }}"', on: str = "right: b, wrong: end") -> str:
    return f"""\
        variables: {{ got: {{ type: digits, default: "0" }} }}
        start: a
        states:
          a:
            subflow: {{ flow: ask, with: {{ {given} }}, save: {{ {save} }} }}
            on: {{ {on} }}
          b: {{ say: "{{{{ got }}}}", next: end }}
        """


def test_a_flow_that_is_played_as_it_wants(told: Told) -> None:
    for rule in ("subflow-unknown", "subflow-ignored"):
        assert told(rule, play(), ask=CALLEE) == []


def test_a_flow_that_does_not_exist(problems: Callable[..., list[Problem]]) -> None:
    (found,) = problems("subflow-unknown", play().replace("flow: ask,", "flow: aks,"), ask=CALLEE)
    assert found.message == 'there is no flow "aks"; did you mean "ask"?'
    assert (str(found.mark), found.mark.length) == ("flows/line.yaml:7:22", 3)
    short = "start: a\nstates: { a: { subflow: aks, on: { done: end } } }\n"
    (found,) = problems("subflow-unknown", short, ask=CALLEE)
    assert (str(found.mark), found.mark.length) == ("flows/line.yaml:4:25", 3)


def test_an_outcome_that_is_not_declared(problems: Callable[..., list[Problem]]) -> None:
    callee = CALLEE.replace("return: wrong", "return: wrnog")
    (found,) = problems("subflow-unknown", play(), ask=callee)
    assert found.message == 'the flow does not declare the outcome "wrnog"; did you mean "wrong"?'
    assert (found.flow, found.mark.line, found.mark.length) == ("ask", 13, 5)


def test_done_needs_no_declaration(told: Told) -> None:
    callee = CALLEE.replace("return: wrong", "return: done")
    assert told("subflow-unknown", play(), ask=callee) == []


def test_an_input_that_is_never_read(problems: Callable[..., list[Problem]]) -> None:
    callee = CALLEE.replace("{{ greeting }}, your", "Your")
    (found,) = problems("subflow-ignored", play('length: "4", greeting: Hi'), ask=callee)
    assert found.message == 'ask never reads its input "greeting"'
    assert (found.mark.line, found.mark.length, found.severity) == (7, 8, "warning")


def test_a_result_that_nobody_reads(told: Told) -> None:
    assert told("subflow-ignored", play(save=""), ask=CALLEE) == [
        'ask:12: nobody who plays this flow reads "result.code"'
    ]


def test_a_result_that_is_not_given(told: Told) -> None:
    assert told("subflow-ignored", play(save='got: "{{ result.cod }}"'), ask=CALLEE) == [
        'ask:12: nobody who plays this flow reads "result.code"',
        '7: "got" is saved of nothing: ask returns no "cod"; did you mean "code"?',
    ]


def test_an_outcome_that_is_never_returned(told: Told) -> None:
    callee = CALLEE.replace("outcomes: [right, wrong]", "outcomes:\n      - right\n      - wrong\n      - busy")
    assert told("subflow-ignored", play(on="else: b, wrong: end"), ask=callee) == [
        'ask:7: the outcome "busy" is declared, but no return gives it'
    ]


def test_outcomes_that_are_told_apart_by_what_is_done(told: Told) -> None:
    same = "right: b, wrong: { set: { got: '1' }, to: b }"
    assert told("subflow-ignored", play(on=same), ask=CALLEE) == []
    assert told("subflow-ignored", play(on="else: b"), ask=CALLEE) == [
        '8: every outcome of ask leads to "b": its answer is not used'
    ]


def test_flows_that_play_themselves_are_fine(told: Told) -> None:
    again = CALLEE.replace(
        "      wrong: { return: wrong }",
        (
            '      wrong: { subflow: { flow: ask, with: { length: "4" }, save: { pin: "{{ result.code }}" } }, '
            "on: { right: right, wrong: end } }"
        ),
    )
    for rule in ("subflow-unknown", "trap", "wait-free-cycle", "position"):
        assert told(rule, play(), ask=again) == []
