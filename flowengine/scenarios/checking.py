"""What a file of scenarios names, held against the flows: a step that can never come true is told before it is played.

A scenario may go through several flows (a subflow, a call that is placed, another keyword), so a name of any flow of
the project will do; the suggestion comes from the flow that is played.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cached_property
from typing import Any

from flowengine.fields import NAME
from flowengine.graph import Book, instructions_of
from flowengine.model import Choice, Each, Flow, State
from flowengine.problems import Mark, Problem, closest, did_you_mean, in_order, listed
from flowengine.scenarios.model import Scenario, Step, Suite
from flowengine.scenarios.survey import with_played
from flowengine.scenarios.types import pattern_of
from flowengine.walk import within

OF_CONTACT = ("identity", "number", "name", "language", "timezone", "tags")
_SKIPPED = {"project", "lines"}
_WRITTEN = "in a call it is presses or speaks; to play a chat, name a message flow with flow:"
_OF_CHATS = {
    "writes": _WRITTEN,
    "taps": _WRITTEN,
    "shares": _WRITTEN,
    "follows link": "begin with caller dials or flow starts",
    "receipt": "take it out: a call takes no receipts; what it sends is expected with sends",
    "reads": "in a call it is hears; a message that the call sends is sends",
}
"""Steps of chats, with what to write in a scenario of calls alone."""
_TYPED = "in a chat it is writes or taps"
_OF_CALLS = {
    "presses": _TYPED,
    "speaks": _TYPED,
    "says nothing": "in a chat it is time passes, with how long",
    "hangs up": "take it out: in a chat nobody hangs up",
    "menu fails": "in a chat it is receipt: failed",
    "callee": "take it out: nobody is called",
    "hears": "in a chat it is reads",
    "connects to": "in a chat it is reads, or sends for a message to somebody else",
    "rings": "in a chat it is sends, for a message to somebody else",
    "joins": "in a chat it is reads",
    "parks": "in a chat it is asks, or state",
    "records": "take it out: a chat is not recorded",
    "svaml": "in a chat it is reads",
}
"""Steps of calls, with what to write in a scenario of chats alone."""
_IN_CALLS = ("presses", "speaks", "says nothing", "hangs up", "menu fails", "callee", "notify")
_BEGINNING = ("caller dials", "flow starts", "writes", "taps", "shares", "follows link", "event", "time passes")
"""Acts of which a call may come."""


def check_suite(suite: Suite, book: Book) -> list[Problem]:
    """Everything that the scenarios name and no flow has."""
    flow = book.flows.get(suite.flow)
    if flow is None:
        known = f"the flows are {listed(sorted(book.flows), 'and')}" if book.flows else "there are no flows"
        hint = did_you_mean(suite.flow, book.flows)
        root = suite.document.root
        whence = "" if root is not None and "flow" in root.entries else ", the name that the file has"
        message = f'there is no flow "{suite.flow}"{whence}{hint}'
        return [
            Problem("unknown-name", suite.flow_mark, message, fix="" if hint else f"write flow: and its name; {known}")
        ]
    found = _Names(flow, book)
    return in_order([problem for each in suite.scenarios for problem in _of_scenario(each, found)])


class _Names:
    """What the flow that is played, and all the others, have by name."""

    def __init__(self, flow: Flow, book: Book) -> None:
        self.flow = flow
        self.flows = tuple(book.flows.values())
        self.channels = {book.flows[name].channel for name in with_played(book, [flow.name])}

    def states(self, kind: str) -> list[State]:
        """The states of a kind, in all flows."""
        return [each for flow in self.flows for each in flow.states.values() if each.kind == kind and each.config]

    @cached_property
    def labels(self) -> list[str]:
        """What the choices of the flow that is played are called."""
        return sorted({label for choice in _instances(self.flow, Choice) for label in _labels(choice)})

    @cached_property
    def makes_labels(self) -> bool:
        """Whether some label is only known while a flow is played."""
        return any(_makes_labels(flow) for flow in self.flows)

    @cached_property
    def words(self) -> list[str]:
        """Everything that is written in any flow and every value of a choice, folded."""
        texts = [source.text for source in within(self.flows)]
        return [_folded(each) for each in (*texts, *(choice.value for choice in _instances(self.flows, Choice)))]

    def unknown(
        self, what: str, name: str, own: Collection[str], others: Collection[str], mark: Mark
    ) -> Iterator[Problem]:
        """A name that is none of these; the flow's own are suggested first."""
        if name in own or name in others:
            return
        close = closest(name, own) or closest(name, others)
        if close:
            hint, fix = f'; did you mean "{close}"?', ""
        else:
            there = sorted(own or others)[:8]
            hint, fix = (
                "",
                f"there {'is' if len(there) == 1 else 'are'} {listed(there, 'and')}" if there else "there is none",
            )
        message = f'{self.flow.name} has no {what} "{name}"{hint}'
        yield Problem("unknown-name", mark, message, fix=fix, flow=self.flow.name)


def _of_scenario(scenario: Scenario, names: _Names) -> Iterator[Problem]:
    yield from _contact(scenario.contact, scenario.mark, names)
    yield from _draws(scenario, names)
    functions = {state.config["name"] for state in names.states("function")}
    for name, stub in scenario.functions.items():
        yield from names.unknown("function", name, functions, (), stub.mark)
    yield from _before_a_call(scenario, names)
    channels = names.channels | {"voice" for step in scenario.steps if step.word == "caller dials"}
    for step in scenario.steps:
        yield from _of_channel(step, channels, names)
        yield from _of_step(step, names)


def _of_channel(step: Step, channels: Collection[str], names: _Names) -> Iterator[Problem]:
    """What nobody can do, or what cannot come, in a flow of this channel and those that it plays."""
    if isinstance(step.value, Step):
        yield from _of_channel(step.value, channels, names)
    elif step.word in _OF_CHATS and "message" not in channels:
        message = f'{names.flow.name} is a voice flow, in which there is no "{step.word}"'
        yield Problem("wrong-channel", step.mark, message, fix=_OF_CHATS[step.word], flow=names.flow.name)
    elif step.word in _OF_CALLS and "voice" not in channels:
        message = f'{names.flow.name} is a message flow that places no calls, in which there is no "{step.word}"'
        yield Problem("wrong-channel", step.mark, message, fix=_OF_CALLS[step.word], flow=names.flow.name)


def _before_a_call(scenario: Scenario, names: _Names) -> Iterator[Problem]:
    """In a call nobody can press a key before somebody has dialled."""
    first = next((each for each in scenario.steps if each.word in _BEGINNING or each.word in _IN_CALLS), None)
    if names.flow.channel != "voice" or first is None or first.word in _BEGINNING:
        return
    dialled = any(each.kind in ("to", "any") for each in names.flow.triggers)
    fix = f"begin with - {'caller dials' if dialled else 'flow starts'}"
    yield Problem("no-act", first.mark, f'"{first.word}" stands before a call begins', fix=fix, flow=names.flow.name)


def _draws(scenario: Scenario, names: _Names) -> Iterator[Problem]:
    draws: dict[str, set[str]] = {}
    for state in names.states("random"):
        draws.setdefault(state.name, set()).update(state.config["weights"])
    for name, outcome in scenario.random.items():
        yield from names.unknown("random state", name, draws, (), scenario.mark)
        if name in draws:
            yield from names.unknown(f"outcome of {name} called", outcome, draws[name], (), scenario.mark)


def _contact(values: Mapping[str, Any], mark: Mark, names: _Names) -> Iterator[Problem]:
    own = (*names.flow.contact_fields(), *OF_CONTACT)
    others = {name for flow in names.flows for name in flow.contact_fields()}
    for name in values:
        yield from names.unknown("contact field", name, own, others, mark)


def _of_step(step: Step, names: _Names) -> Iterator[Problem]:
    if isinstance(step.value, Step):
        yield from _of_step(step.value, names)
    elif step.word == "caller dials":
        yield from _dialled(step, names)
    elif step.value is None:
        return
    elif step.word == "state":
        others = {name for flow in names.flows for name in flow.states}
        yield from names.unknown("state", step.value, names.flow.states, others, step.mark)
    elif step.word in ("variables", "flow starts"):
        yield from _values(step, names)
    elif step.word == "contact":
        yield from _contact(step.value, step.mark, names)
    elif step.word in ("connects to", "rings"):
        yield from _address(step, names)
    elif step.word == "taps":
        yield from _choices(step, [step.value], names)
    elif step.word in ("asks", "reads"):
        yield from _choices(step, step.value.get("choices", ()), names)


def _values(step: Step, names: _Names) -> Iterator[Problem]:
    if step.word == "variables":
        own, others = names.flow.names(), {name for flow in names.flows for name in flow.names()}
        what = "variable"
    else:
        own, others, what = dict(names.flow.inputs), set(), "input"
    for name in step.value:
        yield from names.unknown(what, name, own, others, step.mark)


def _dialled(step: Step, names: _Names) -> Iterator[Problem]:
    """The number that is called must lead to a flow; without one, the flow must have one."""
    triggers = [each for flow in names.flows if flow.channel == "voice" for each in flow.triggers]
    number = step.value.get("to") if step.value else None
    if number is None:
        if names.flow.channel == "message":
            message = f"{names.flow.name} is a message flow, which nobody dials"
            fix = "begin with writes, follows link or flow starts, or give the number of the flow that is dialled"
            yield Problem("wrong-channel", step.mark, message, fix=fix, flow=names.flow.name)
        return
    numbers = [each.value for each in triggers if each.kind == "to"]
    if any(each.kind == "any" for each in triggers) or any("{{" in each for each in numbers):
        return
    if number not in numbers:
        fix = f"the numbers are {listed(numbers, 'and')}" if numbers else 'add a trigger: { to: "+12025550100" }'
        if set(step.value) == {"to"}:
            fix += f'; for the caller\'s number write caller dials: {{ from: "{number}" }}'
        yield Problem("unknown-name", step.mark, f"no flow is called by {number}", fix=fix, flow=names.flow.name)


def _address(step: Step, names: _Names) -> Iterator[Problem]:
    """Only what looks like a name: numbers and addresses may come from templates."""
    if not NAME.fullmatch(step.value):
        return
    addresses = [each for flow in names.flows for each in flow.may_dial.values()]
    if any(each.kind != "number" and (each.address.dynamic or step.value in each.address.text) for each in addresses):
        return
    others = {name for flow in names.flows for name in flow.may_dial}
    yield from names.unknown("entry of may_dial", step.value, names.flow.may_dial, others, step.mark)


# --- choices ---------------------------------------------------------------------------------------------


def _choices(step: Step, expected: Collection[str], names: _Names) -> Iterator[Problem]:
    """What is tapped or shown is a value or a label of some flow, unless labels are made while it is played."""
    if not expected or names.makes_labels:
        return
    for each in expected:
        wanted = _folded(each)
        if pattern_of(each) is None and not any(wanted in words for words in names.words):
            yield from names.unknown("choice", each, names.labels, (), step.mark)


def _makes_labels(flow: Flow) -> bool:
    if any(True for _ in _instances(flow, Each)):
        return True
    sent = [each.value for state in flow.states.values() for each in instructions_of(state) if each.name == "send"]
    return any(source.dynamic for source in within([*_instances(flow, Choice), *sent]))


def _folded(text: str) -> str:
    """As texts are compared; a label may have been cut short where a channel shows little."""
    return " ".join(text.casefold().removesuffix("…").split())


def _labels(choice: Choice) -> list[str]:
    return [part.source.text for part in choice.label.parts()] if choice.label else [choice.value]


def _instances(value: Any, wanted: type[Any]) -> Iterator[Any]:
    """Every value of this type inside a value of the model."""
    if isinstance(value, wanted):
        yield value
    if isinstance(value, Mapping):
        for each in value.values():
            yield from _instances(each, wanted)
    elif isinstance(value, tuple | list):
        for each in value:
            yield from _instances(each, wanted)
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            if field.name not in _SKIPPED:
                yield from _instances(getattr(value, field.name), wanted)
