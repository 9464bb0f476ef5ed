"""A flow as a picture shows it, as plain data: cards, their ways out, pills, and what stands in the title."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Literal

from flowengine.diagram.exits import Exit, concerns, exits, words
from flowengine.diagram.overlay import NOT_TESTED, Overlay, shown
from flowengine.diagram.words import UNREADABLE, body, tag
from flowengine.graph import Book
from flowengine.model import RESERVED_TARGETS, Choice, Flow, Handler, State
from flowengine.problems import Problem, did_you_mean
from flowengine.states import KINDS
from flowengine.states.base import Family

Detail = Literal["full", "names"]
SAY_GLYPH = "♪"
UNREACHABLE = "unreachable"
ENDINGS = {
    "end": "it is over: a call is hung up, if anyone is there",
    "continue": "the call goes on",
    "back": "back to the question before",
}


@dataclass(frozen=True, slots=True)
class Card:
    """A state. ``entry`` says what of the whole flow alone leads here; ``alarms`` words in red.

    ``tested`` says how often it was entered, or that it never was (``untested``); it is empty without an overlay.
    ``ends``: it says or does something and is over, so copies of it can stand wherever it is reached.
    """

    name: str
    tag: str
    glyph: str
    family: Family
    line: int
    href: str
    hint: str
    body: tuple[str, ...] = ()
    exits: tuple[Exit, ...] = ()
    visits: int = 0
    group: str = ""
    entry: str = ""
    alarms: tuple[str, ...] = ()
    unreachable: bool = False
    ends: bool = False
    brief: bool = False
    tested: str = ""
    untested: bool = False

    @property
    def problem(self) -> bool:
        return bool(self.alarms) or any(each.alarm for each in self.exits)

    @property
    def cells(self) -> tuple[Exit, ...]:
        """The ways that have a cell: all, unless a plain ``next`` is the only one."""
        alone = len(self.exits) == 1 and self.exits[0].event == "next"
        plain = alone and not (self.exits[0].alarm or self.exits[0].note)
        return () if self.brief or plain else self.exits


@dataclass(frozen=True, slots=True)
class Pill:
    """A small end: ``end``, ``continue``, ``back``, or copy ``number`` (from 2) of a state that ends."""

    key: str
    label: str
    number: int = 0
    href: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    """``head`` is a card's name or a pill's key; ``exit.name`` is the port where the card has cells.

    ``back``: it closes a circle. ``dead``: nobody ever takes it.
    """

    id: str
    source: str
    exit: Exit
    head: str
    dead: bool = False
    back: bool = False


@dataclass(frozen=True, slots=True)
class Scene:
    """``legend`` says what an overlay shows."""

    name: str
    facts: str
    handlers: str
    start: str
    cards: Mapping[str, Card]
    pills: Mapping[str, Pill]
    edges: Sequence[Edge]
    legend: str = ""


def compose(
    flow: Flow,
    book: Book,
    problems: Iterable[Problem] = (),
    detail: Detail = "full",
    around: str | None = None,
    overlay: Overlay | None = None,
) -> Scene:
    """The scene of a flow. ``LookupError`` where there is no state ``around``."""
    mine = [each for each in problems if each.flow in ("", flow.name)]
    cards = _cards(flow, book, mine)
    if overlay is not None:
        cards = {name: _tested(card, overlay) for name, card in cards.items()}
    facts = _facts(flow, len(mine))
    if around is not None:
        cards = _neighbours(cards, around, flow)
        facts += f" · around {around}"
    if detail == "names":
        cards = {name: _brief(card) for name, card in cards.items()}
    pills, edges = _joined(cards, flow.start)
    start = flow.start if flow.start in cards else ""
    return Scene(flow.name, facts, _handlers(flow), start, cards, pills, edges, overlay.legend if overlay else "")


def _tested(card: Card, overlay: Overlay) -> Card:
    """The card with what was tried of it."""
    times = overlay.states.get(card.name, 0)
    ways = tuple(_tried(each, overlay, card.name) for each in card.exits)
    return replace(card, exits=ways, tested=shown(times) or NOT_TESTED, untested=not times)


def _tried(exit: Exit, overlay: Overlay, state: str) -> Exit:
    tries = overlay.ways.get((state, exit.event, exit.number))
    if tries is None:
        return exit
    told = NOT_TESTED if tries.missing else f"taken {_counted(tries.times, 'time')} in tests" if tries.times else ""
    hint = f"{exit.hint} ({told})" if told else exit.hint
    return replace(exit, times=tries.times, untested=tries.missing, hint=hint)


def _facts(flow: Flow, wrong: int) -> str:
    known = [flow.channel, flow.file, _counted(len(flow.states), "state")]
    return " · ".join(known + ([_counted(wrong, "problem")] if wrong else []))


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _handlers(flow: Flow) -> str:
    """``on error → sorry``: what the flow says for all its states, and the choices of every ask."""
    told = [f"on {event} → {_goals(handler)}" for event, handler in flow.on.items()]
    wide = [f"“{_word(each)}” → {each.value}" for each in flow.choices if each.value in flow.states]
    return " · ".join([*told, *wide])


def _word(choice: Choice) -> str:
    """The first of the words that mean a choice."""
    words = [word for each in (*choice.words.values(), *choice.has.values()) for word in each]
    return next(iter(words), choice.key or choice.value)


def _goals(handler: Handler) -> str:
    return ", ".join(dict.fromkeys(_goal(each.to, [do.name for do in each.do]) for each in handler.branches))


def _goal(target: str, done: list[str]) -> str:
    return target or ", ".join(done) or "stays"


def _cards(flow: Flow, book: Book, problems: list[Problem]) -> dict[str, Card]:
    by_state: dict[str, list[Problem]] = {}
    for each in problems:
        by_state.setdefault(each.state, []).append(each)
    cards = {state.name: _card(state, flow, book, by_state.get(state.name, [])) for state in flow.states.values()}
    if flow.start not in cards:
        return cards
    reached = dict.fromkeys(_reached(cards, [flow.start]))
    entries = _entries(flow, reached)
    reached.update(dict.fromkeys(_reached(cards, entries)))
    return {name: _placed(card, entries.get(name, ""), name in reached) for name, card in cards.items()}


def _card(state: State, flow: Flow, book: Book, problems: list[Problem]) -> Card:
    ways = exits(state, flow, book, problems)
    whole = [each for each in problems if not any(concerns(each, way, state) for way in ways)]
    kind = tag(state)
    unreadable = [kind] if kind == UNREADABLE else []
    messages = "; ".join(each.message for each in problems)
    return Card(
        name=state.name,
        tag=kind,
        glyph=KINDS[state.kind].glyph if state.kind else SAY_GLYPH,
        family=KINDS[state.kind].family if state.kind else "say",
        line=state.mark.line,
        href=f"{PurePath(flow.file).name}#L{state.mark.line}",
        hint=f"{state.name} ({kind}), line {state.mark.line}" + (f": {messages}" if messages else ""),
        body=body(state, flow),
        exits=ways,
        ends=[(each.event, each.target) for each in ways] == [("next", "end")],
        visits=state.visits.max if state.visits else 0,
        group=state.group,
        alarms=tuple(dict.fromkeys([*unreadable, *(words(each) for each in whole)])),
    )


def _reached(cards: Mapping[str, Card], begin: Iterable[str]) -> Iterator[str]:
    """Cards in the order of a walk along the edges, nearest first."""
    todo = deque(name for name in begin if name in cards)
    seen = set(todo)
    while todo:
        name = todo.popleft()
        yield name
        for each in cards[name].exits:
            if each.target in cards and each.target not in seen:
                seen.add(each.target)
                todo.append(each.target)


def _entries(flow: Flow, reached: Mapping[str, None]) -> dict[str, str]:
    """States that only the flow's ``on``, its choices or a trigger lead to, with what does."""
    found: dict[str, list[str]] = {}
    for event, handler in flow.on.items():
        for branch in handler.branches:
            if branch.to in flow.states and branch.to not in reached:
                found.setdefault(branch.to, []).append(f"on {event}")
    for choice in flow.choices:
        if choice.value in flow.states and choice.value not in reached:
            found.setdefault(choice.value, []).append("any time")
    for trigger in flow.triggers:
        if trigger.enter in flow.states and trigger.enter not in reached:
            found.setdefault(trigger.enter, []).append(f"begins by {trigger.kind}")
    return {name: ", ".join(dict.fromkeys(events)) for name, events in found.items()}


def _placed(card: Card, entry: str, reached: bool) -> Card:
    if reached and UNREACHABLE not in card.alarms:
        return replace(card, entry=entry)
    alarms = tuple(dict.fromkeys((UNREACHABLE, *card.alarms)))
    return replace(card, entry=entry, alarms=alarms, unreachable=True)


def _neighbours(cards: Mapping[str, Card], around: str, flow: Flow) -> dict[str, Card]:
    if around not in cards:
        raise LookupError(f'there is no state "{around}" in {flow.name}{did_you_mean(around, cards)}')
    kept = {around, *(each.target for each in cards[around].exits)}
    kept |= {name for name, card in cards.items() if any(each.target == around for each in card.exits)}
    return {name: _cut(card, kept | set(RESERVED_TARGETS)) for name, card in cards.items() if name in kept}


def _cut(card: Card, kept: set[str]) -> Card:
    """The card with ways to what is not shown as words in their cell."""
    shown = tuple(each if each.target in kept else _worded(each) for each in card.exits)
    return replace(card, exits=shown)


def _worded(exit: Exit) -> Exit:
    return replace(exit, target="", note=f"→ {exit.target}", again=False) if exit.target else exit


def _brief(card: Card) -> Card:
    """The card as its name alone, with one way to each neighbour."""
    ways = {each.target: each for each in reversed(card.exits) if each.target not in ("", *RESERVED_TARGETS)}
    alarms = tuple(dict.fromkeys([*card.alarms, *(each.alarm for each in card.exits if each.alarm)]))
    return replace(card, body=(), exits=tuple(reversed(ways.values())), alarms=alarms, brief=True)


def _joined(cards: Mapping[str, Card], start: str) -> tuple[dict[str, Pill], list[Edge]]:
    """Every way as an edge; ends, and states that only end the call, as a pill of its own for each way."""
    firsts = _first_ways(cards, start)
    backs = _back(cards, start)
    pills: dict[str, Pill] = {}
    edges: list[Edge] = []
    copies: Counter[str] = Counter()
    for card in cards.values():
        for each in card.exits:
            if not each.target:
                continue
            head = each.target
            if head in RESERVED_TARGETS or firsts.get(head, (card.name, each.name)) != (card.name, each.name):
                copies[head] += 1
                pill = _pill(head, copies[head], cards.get(head))
                pills[pill.key] = pill
                head = pill.key
            name, back = f"edge-{card.name}-{each.name}", (card.name, each.target) in backs
            edges.append(Edge(name, card.name, each, head, card.unreachable, back))
    return pills, edges


def _first_ways(cards: Mapping[str, Card], start: str) -> dict[str, tuple[str, str]]:
    """For every state that only ends: the way that leads to its card, the rest lead to copies."""
    firsts: dict[str, tuple[str, str]] = {}
    for name in dict.fromkeys([*_reached(cards, [start]), *cards]):
        for each in cards[name].exits:
            if each.target in cards and cards[each.target].ends and each.target != start:
                firsts.setdefault(each.target, (name, each.name))
    return firsts


def _back(cards: Mapping[str, Card], start: str) -> set[tuple[str, str]]:
    """Source and target of every way that leads back to a card on the path to its source."""
    found: set[tuple[str, str]] = set()
    open_cards: set[str] = set()
    seen: set[str] = set()
    for root in [start, *cards]:
        todo = [(root, False)] if root in cards and root not in seen else []
        while todo:
            name, left = todo.pop()
            if left:
                open_cards.discard(name)
                continue
            if name in seen:
                continue
            seen.add(name)
            open_cards.add(name)
            todo.append((name, True))
            targets = [each.target for each in cards[name].exits if each.target in cards]
            found |= {(name, target) for target in targets if target in open_cards}
            todo += [(target, False) for target in reversed(targets) if target not in seen]
    return found


def _pill(target: str, count: int, card: Card | None) -> Pill:
    if card is None:
        return Pill(f"({target} {count})", target, hint=ENDINGS[target])
    return Pill(f"({target} {count + 1})", target, count + 1, card.href, " ".join((card.hint, *card.body)))
