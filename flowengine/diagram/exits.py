"""The ways out of a card: one cell each, with the edge that begins there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from flowengine.graph import Book, Way, outcome_ways, outcomes
from flowengine.model import RESERVED_TARGETS, Branch, Choice, Flow, State
from flowengine.problems import Mark, Problem
from flowengine.states.base import Outcome
from flowengine.states.choices import RESERVED

Look = Literal["plain", "key", "quiet"]
Stroke = Literal["chosen", "failure", "silence", "problem"]

STROKES: dict[str, Stroke] = {
    "chosen": "chosen",
    "failure": "failure",
    "silence": "silence",
    "late": "silence",
    "end": "failure",
}
DEFAULTS = {
    "goodbye": "the caller hears a goodbye and the call ends",
    "recorded": "the caller is thanked and the call ends",
    "apology": "an apology is heard, and it ends",
    "pardon": "the answer is said to be not understood, and it ends",
    "stored": "it is kept for the next question",
    "continue": "the call goes on",
    "end": "it ends",
    "none": "nothing follows",
    "ignore": "nothing follows",
}
WORDS = {"unhandled-outcome": "goes nowhere", "no-way-on": "goes nowhere", "impossible-event": "never comes"}
"""What a picture says of a rule; the rest say the rule's own name."""


@dataclass(frozen=True, slots=True)
class Exit:
    """One way out. ``target`` is a state, ``end``, ``continue``, ``back``, or empty where no edge begins.

    ``number`` counts the branches of one event from 1. ``note`` stands small under the label, beside it where
    ``again``; ``alarm`` says in words what is wrong. It was tried ``times``; ``untested`` where it never was.
    """

    event: str
    number: int
    label: str
    target: str
    mark: Mark
    stroke: Stroke = "chosen"
    look: Look = "plain"
    note: str = ""
    hint: str = ""
    again: bool = False
    alarm: str = ""
    times: int = 0
    untested: bool = False

    @property
    def name(self) -> str:
        """Unique in its state, and the event itself wherever that can be."""
        return self.event if self.number == 1 else f"{self.event}--{self.number}"

    def alarmed(self, alarm: str, message: str) -> Exit:
        told = ": ".join(filter(None, (self.hint, message)))
        return replace(self, stroke="problem", alarm=self.alarm or alarm, hint=told)


def exits(state: State, flow: Flow, book: Book, problems: Iterable[Problem] = ()) -> tuple[Exit, ...]:
    """The ways out of a state in the order a reader meets them; ``problems`` are this state's own."""
    found = list(_steps(state))
    raised = outcomes(state, flow, book)
    asked = any(outcome.choice for outcome in raised)
    for outcome in raised:
        gathers = outcome.name == "chosen" or (outcome.name == "answer" and outcome.default == "none")
        if not (asked and gathers) and not (outcome.wide and outcome.name not in state.on):
            found += _of_outcome(state, outcome, flow)
    found += _leftover(state, {outcome.name for outcome in raised})
    found = sorted([*_reserved_choices(state), *found], key=_order(state))
    return _with_problems(state, [_checked(each, flow) for each in found], problems)


def _order(state: State) -> Callable[[Exit], tuple[bool, int]]:
    """Choices as they are written, the rest as found, and the visit too many last."""
    written = [choice.value for choice in state.config.get("choices") or ()]
    place = {value: number for number, value in enumerate(written)}
    return lambda each: (each.event == "visits", place.get(each.event, len(place)))


def words(problem: Problem) -> str:
    return WORDS.get(problem.rule, problem.rule.replace("-", " "))


def _steps(state: State) -> Iterator[Exit]:
    if state.next:
        yield _branch(state, "next", 1, "next", state.next)
    if state.visits:
        nth = state.visits.max + 1
        yield _branch(state, "visits", 1, f"visit {nth}", state.visits.then, "failure")
    if state.kind == "route" and state.config:
        for number, branch in enumerate(state.config["branches"] or (), 1):
            yield _branch(state, "route", number, branch.when.text if branch.when else "else", branch)


def _reserved_choices(state: State) -> Iterator[Exit]:
    for choice in state.config.get("choices") or ():
        shown = _shown(choice)
        hint = f"{shown}: {choice.value}"
        if state.kind in ("menu", "ask") and choice.value in RESERVED:
            note = "again" if choice.value == "repeat" else "back"
            yield Exit(choice.value, 1, shown, "", choice.mark, look="key", note=note, hint=hint, again=True)
        elif choice.opens:
            yield Exit(choice.value, 1, shown, "", choice.mark, look="quiet", note="opens", hint=hint, again=True)


def _shown(choice: Choice) -> str:
    """What is pressed, or stands on the button."""
    if choice.label is None:
        return choice.key or choice.value
    return "".join(part.source.text for part in next(iter(choice.label.wording.values())))


def _branch(state: State, event: str, number: int, label: str, branch: Branch, stroke: Stroke = "chosen") -> Exit:
    to = _aim(state, branch.to)
    hint = f"{label}: {branch.to or 'stays'}"
    return Exit(event, number, label, to, branch.mark, stroke, hint=hint, note=_note(state, branch), again=not to)


def _aim(state: State, target: str) -> str:
    return "" if target == state.name else target


def _note(state: State, branch: Branch) -> str:
    if branch.to == state.name:
        return "again"
    return "" if branch.to else ", ".join(each.name for each in branch.do) or "stays"


def _of_outcome(state: State, outcome: Outcome, flow: Flow) -> Iterator[Exit]:
    found = outcome_ways(state, outcome, flow)
    for number, way in enumerate(found, 1):
        if way.via == "flow" or not (way.branch or way.target):
            if number == 1 and _worth_showing(state, way, outcome):
                yield _quiet(outcome, found)
            continue
        yield _handled(state, outcome, way, number, len(found))


def _worth_showing(state: State, way: Way, outcome: Outcome) -> bool:
    """A default is shown where it is heard, or where it is all that follows a connection."""
    if outcome.style == "late":
        return False
    if outcome.name == "disconnected":
        return state.kind in ("connect", "dial", "conference") and way.via == "default"
    if outcome.name == "hangup":
        return state.kind == "voicemail"
    step_failed = outcome.where == ("same",)
    return (outcome.style in ("chosen", "silence") and way.default != "none") or step_failed


def _quiet(outcome: Outcome, found: list[Way]) -> Exit:
    way = found[0]
    label = outcome.label or outcome.name
    shown = Exit(outcome.name, 1, label, "", way.mark, look="quiet", hint=_titled(outcome))
    if way.via == "flow":
        goals = ", ".join(dict.fromkeys(each.target or "stays" for each in found))
        return replace(shown, note=f"→ {goals}", hint=f"{shown.hint}: {goals}")
    if way.default:
        hint = f"{shown.hint}, not handled: {DEFAULTS.get(way.default, way.default)}"
        return replace(shown, hint=hint)
    return shown.alarmed("goes nowhere", "nothing says where that goes")


def _titled(outcome: Outcome) -> str:
    return f"{outcome.label}: {outcome.name}" if outcome.label else outcome.name


def _handled(state: State, outcome: Outcome, way: Way, number: int, many: int) -> Exit:
    branch = way.branch or Branch(way.target, way.mark)
    guard = branch.when.text if branch.when else "else" if many > 1 else ""
    notes = [f"≤ {way.retry} retries" if way.retry > 1 else "≤ 1 retry"] if way.retry else []
    notes += [each for each in (guard, _note(state, branch)) if each]
    hint = f"{_titled(outcome)}{' when ' + guard if branch.when else ''}: {branch.to or 'stays'}"
    return Exit(
        event=outcome.name,
        number=number,
        label=outcome.label or outcome.name,
        target=_aim(state, way.target),
        mark=way.mark,
        stroke=STROKES[outcome.style],
        look="key" if outcome.label else "plain",
        note=" · ".join(notes),
        hint=hint,
        again=not _aim(state, way.target) and len(notes) == 1,
    )


def _leftover(state: State, raised: set[str]) -> Iterator[Exit]:
    """Handlers of events that this state never raises, or whose kind could not be read."""
    for event, handler in state.on.items():
        if event in raised or event == "else":
            continue
        for number, branch in enumerate(handler.branches, 1):
            yield _branch(state, event, number, event, branch)


def _checked(exit: Exit, flow: Flow) -> Exit:
    known = not exit.target or exit.target in RESERVED_TARGETS or exit.target in flow.states
    if known:
        return exit
    return replace(exit.alarmed(f"no state {exit.target}", ""), target="")


def _with_problems(state: State, found: list[Exit], problems: Iterable[Problem]) -> tuple[Exit, ...]:
    shown = list(found)
    for problem in problems:
        about = [number for number, each in enumerate(shown) if concerns(problem, each, state)]
        exact = [number for number in about if shown[number].mark == problem.mark]
        for number in exact or about:
            shown[number] = shown[number].alarmed(words(problem), problem.message)
        if problem.outcome and not about:
            lost = Exit(problem.outcome, 1, problem.outcome, "", problem.mark)
            shown.append(lost.alarmed(words(problem), problem.message))
    return tuple(shown)


def concerns(problem: Problem, exit: Exit, state: State) -> bool:
    """Whether a problem is about this way out: it names the event, or stands where the way is written."""
    if problem.outcome:
        return problem.outcome == exit.event
    return problem.mark == exit.mark != state.mark
