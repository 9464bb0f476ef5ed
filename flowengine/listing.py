"""What a flow becomes: its callback handlers, as ``flowengine compile`` shows them.

Everything is derived from the flow, its positions and its graph, not from the compiled image, so that it can be read
beside the YAML. A *block* is one state in one position; a *handler* is what one event of one waiting block leads to.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from flowengine.diagram.words import sent
from flowengine.engine.wording import phrase
from flowengine.fields import Duration, Field
from flowengine.fusing import fuse
from flowengine.graph import Book, Resolution, outcomes, resolve
from flowengine.model import Branch, Choice, Expect, Flow, Instruction, Prompt, Session, Source, State, Trigger
from flowengine.positions import Analysis, Pair, Walk, analyse, analysis
from flowengine.report import Paint, counted
from flowengine.states import KINDS, Outcome
from flowengine.states.base import spoken
from flowengine.states.choices import CHOICES
from flowengine.svaml import Position
from flowengine.units import spoken as length

LONGEST_PATH = 6
_SETTINGS = ("repeats", "timeout", "expect", "settle", "late_tap", "as", "every", "max_timeout", "barge",
             "speech", "max", "keys", "dial_timeout", "max_duration", "amd", "wait", "moh", "digits", "into",
             "until")  # fmt: skip
_IN_TURN = ("same",)
_CHOOSES = ("menu", "wait", "ask")
_BRIDGES = ("connect", "dial")
_STEPS = {"error": "error (may_dial refuses)"}
_MEANING: dict[Position, str] = {
    "I": "the incoming call",
    "O": "the call that is being placed",
    "A": "somebody picked up our call",
    "B": "the callee of a connect picked up",
    "Pi": "input in an incoming call",
    "Pa": "input in a call of ours",
    "Pb": "input of a callee",
    "K": "a parked call",
    "L": "a call that talks",
    "C": "a call in a conference",
    "N": "nobody hears it",
    "M": "a conversation by message",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """What begins the flow. ``run`` is the first block."""

    callback: str
    trigger: str
    run: str


@dataclass(frozen=True, slots=True)
class Lead:
    """One way on: under a condition (``when``), after instructions (``do``), to a block, an end, or nowhere.

    ``default``: nobody wrote it; it is what the language does by itself.
    """

    event: str
    when: str
    do: tuple[str, ...]
    to: str
    path: tuple[str, ...]
    answer: str
    default: bool = False


@dataclass(frozen=True, slots=True)
class Setting:
    name: str
    value: str
    default: bool


@dataclass(frozen=True, slots=True)
class Block:
    """A state in a position: its instructions, what it does, and where a step leads at once."""

    id: str
    state: str
    position: Position
    line: int
    do: tuple[str, ...]
    kind: str
    action: str
    settings: tuple[Setting, ...]
    leads: tuple[Lead, ...]
    waits: bool
    fused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Handler:
    """What an event at a place does.

    ``via`` says which rule of the language found it, ``first`` what the answer begins with in any case.
    """

    place: str
    event: str
    callback: str
    via: str
    retry: int
    first: str
    leads: tuple[Lead, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    flow: str
    file: str
    settings: tuple[Setting, ...]
    entries: tuple[Entry, ...]
    blocks: tuple[Block, ...]
    handlers: tuple[Handler, ...]


def listing(flow: Flow, book: Book) -> Listing:
    """The callback handlers of a flow without errors."""
    return _Lister(flow, book).listing()


def block_id(state: str, position: str) -> str:
    return f"{state}[{position}]"


class _Lister:
    def __init__(self, flow: Flow, book: Book) -> None:
        self.flow, self.book = flow, book
        self.analyses = analyse(flow, book)
        self.walk = Walk(flow, "I", book)
        self.fused = fuse(flow, book)

    def listing(self) -> Listing:
        pairs = list(self._pairs())
        return Listing(
            self.flow.name,
            self.flow.file,
            _flow_settings(self.flow),
            tuple(self._entries()),
            tuple(self._block(pair) for pair in pairs),
            tuple(handler for pair in pairs for handler in self._handlers(pair)),
        )

    def _pairs(self) -> Iterator[Pair]:
        """Every reachable pair, in the order of the file."""
        reached = {pair for each in self.analyses.values() for pair in each.pairs}
        found: dict[str, list[Position]] = {}
        for name, position in sorted(reached):
            found.setdefault(name, []).append(position)
        for name in self.flow.states:
            yield from ((name, position) for position in found.get(name, ()))

    def _entries(self) -> Iterator[Entry]:
        played = [other.name for other in self.book.flows.values() if self._plays(other)]
        for position in self.analyses:
            run = block_id(self.flow.start, position)
            if position == "M":
                yield from _begun(self.flow, run)
            elif position == "I":
                yield Entry("ICE", _dialled(self.flow), run)
            elif position == "O":
                yield Entry("ICE sent with the call", f"flowengine dial {self.flow.name}, or the API", run)
            else:
                yield Entry("–", f"played as a subflow in {position}", run)
        if played:
            yield Entry("–", f"played by {', '.join(played)}", "")

    def _plays(self, other: Flow) -> bool:
        return any(
            state.kind == "subflow" and state.config.get("flow") == self.flow.name for state in other.states.values()
        )

    # --- blocks ------------------------------------------------------------------------------------------

    def _block(self, pair: Pair) -> Block:
        state = self.flow.states[pair[0]]
        kind = KINDS.get(state.kind)
        return Block(
            id=block_id(*pair),
            state=state.name,
            position=pair[1],
            line=state.mark.line,
            do=tuple(told(each, self.flow) for each in state.do),
            kind=state.kind,
            action=self._action(state, pair[1]),
            settings=_settings(state, self.flow) if kind else (),
            leads=tuple(self._leads(pair, state)),
            waits=bool(kind and kind.waits),
            fused=tuple(name for name in self.fused.get(state.name, {}).get("menus", ()) if name != state.name),
        )

    def _action(self, state: State, position: Position) -> str:
        if not state.kind:
            return ""
        kind = KINDS[state.kind]
        names = " or ".join(kind.actions(state, self.flow, position))
        if state.kind == "wait" and not names:
            names = "timer"
        summary = " ".join(kind.summary(state, self.flow).split())
        if state.kind in ("connect", "dial"):
            address = self.flow.may_dial.get(state.config["to"] or "")
            summary = f"{state.config['to']} ({address.address.text})" if address else str(state.config["to"])
        if state.kind in ("svaml", "route"):
            summary = ""
        if state.kind == "voicemail":
            tone = state.config["tone"]
            return "; ".join(
                [*([f"tone {spoken(tone, self.flow)}"] if tone else []), "startRecording", "silent runMenu"]
            )
        keys = _keys(state)
        return " ".join(filter(None, (names or state.kind, summary, keys)))

    def _leads(self, pair: Pair, state: State) -> Iterator[Lead]:
        """Where the block goes on in the same answer."""
        position = pair[1]
        if state.visits:
            when = f"visited more than {counted(state.visits.max, 'time')}"
            yield self._lead("visits", state.visits.then, position, when)
        if state.next:
            yield self._lead("next", state.next, position)
        if state.kind == "route":
            yield from self._branches("", state.config["branches"] or (), position)
        elif state.kind == "return":
            yield Lead("", "", (), "return", (), f"returns {state.config['outcome']}; without a caller the call ends")
        elif state.kind:
            for outcome, positions in self._steps(pair, state):
                for each in positions:
                    yield from self._resolved(outcome, state, each)

    def _steps(self, pair: Pair, state: State) -> Iterator[tuple[Outcome, list[Position]]]:
        if state.kind == "subflow":
            yield from self._returned(pair[1], state)
            return
        for outcome in outcomes(state, self.flow, self.book):
            if "same" in outcome.where:
                yield outcome, [pair[1]]

    def _returned(self, position: Position, state: State) -> Iterator[tuple[Outcome, list[Position]]]:
        callee = self.book.flows.get(state.config["flow"])
        summary = analysis(callee, position, self.book) if callee else Analysis(position)
        for outcome in outcomes(state, self.flow, self.book):
            reached = summary.ends if outcome.name == "done" else summary.returns.get(outcome.name, set())
            if outcome.name in ("error", "expired"):
                reached = reached | {position}
            if "same" in outcome.where and reached:
                yield outcome, sorted(reached)
        for event, reached in sorted(summary.escapes.items()):
            if event != "error":
                yield Outcome(event, ("same",), "callee"), sorted(reached)

    # --- handlers ----------------------------------------------------------------------------------------

    def _handlers(self, pair: Pair) -> Iterator[Handler]:
        state = self.flow.states[pair[0]]
        for outcome in outcomes(state, self.flow, self.book):
            gathers = outcome.name == "chosen" or (state.kind == "ask" and outcome.default == "none")
            if gathers or outcome.where == _IN_TURN:
                continue
            positions = self.walk.positions(outcome, pair[1], state)
            for position in positions:
                if "same" in outcome.where and position == pair[1] and position != "N":
                    continue
                yield self._handler(pair, state, outcome, position)

    def _handler(self, pair: Pair, state: State, outcome: Outcome, position: Position) -> Handler:
        resolution = self._resolve(state, outcome, position)
        retry = resolution.handler.retry if resolution.handler else 0
        first = "stopRecording" if state.kind == "voicemail" and outcome.name == "recorded" else ""
        called = callback(outcome, state, self.flow, pair[1], position)
        leads = tuple(self._resolved(outcome, state, position))
        return Handler(block_id(*pair), outcome.name, called, resolution.via, retry, first, leads)

    def _resolve(self, state: State, outcome: Outcome, position: Position) -> Resolution:
        return resolve(state, outcome, self.flow, own_error=position in ("O", "N"))

    def _resolved(self, outcome: Outcome, state: State, position: Position) -> Iterator[Lead]:
        resolution = self._resolve(state, outcome, position)
        if resolution.state:
            yield self._to(outcome.name, "", (), resolution.state, position)
        elif resolution.handler:
            retry = resolution.handler.retry
            if retry:
                do = tuple(told(each, self.flow) for each in resolution.handler.branches[0].do)
                again = f"{state.name} again"
                yield Lead(outcome.name, f"up to {counted(retry, 'time')}", do, "again", (), again)
            yield from self._branches(outcome.name, resolution.branches(), position, "then" if retry else "")
        else:
            default = outcome.default if outcome.name != "error" or position not in ("O", "N") else "over"
            yield Lead(outcome.name, "", (), "", (), default_text(default, self.flow, position), True)

    def _branches(self, event: str, branches: Iterable[Branch], position: Position, first: str = "") -> Iterator[Lead]:
        listed = list(branches)
        for branch in listed:
            when = f"if {branch.when.text}" if branch.when else ("else" if len(listed) > 1 else first)
            yield self._lead(event, branch, position, when)

    def _lead(self, event: str, branch: Branch, position: Position, when: str = "") -> Lead:
        do = tuple(told(each, self.flow) for each in branch.do)
        return self._to(event, when, do, branch.to, position)

    def _to(self, event: str, when: str, do: tuple[str, ...], target: str, position: Position) -> Lead:
        if target not in self.flow.states:
            return Lead(event, when, do, target, (), _target_text(target, position, bool(do)))
        path, answer = self._straight(target, position)
        return Lead(event, when, do, block_id(target, position), path, answer)

    def _straight(self, target: str, position: Position) -> tuple[tuple[str, ...], str]:
        """The states that follow one another without a question, and the whole answer where it can be told."""
        path: list[str] = []
        said: list[str] = []
        name = target
        while name in self.flow.states and name not in path and len(path) < LONGEST_PATH:
            state = self.flow.states[name]
            path.append(name)
            said += [told(each, self.flow) for each in state.do]
            if state.kind or state.visits or state.next is None:
                break
            said += [told(each, self.flow) for each in state.next.do]
            name = state.next.to
        last = self.flow.states[path[-1]]
        if name == "end":
            said.append(_target_text("end", position, False))
        elif KINDS[last.kind].waits if last.kind else False:
            said.append(self._action(last, position).split(" ")[0])
        elif said:
            said.append("…")
        return tuple(path), "; ".join(said)


# --- words -----------------------------------------------------------------------------------------------


def callback(outcome: Outcome, state: State, flow: Flow, at: Position, after: Position) -> str:
    """Which message carries the event of a state that waits in ``at``."""
    name = outcome.name
    if outcome.outside:
        return "POST event"
    if after == "M":
        return _message_event(outcome, state)
    if name.startswith(("recording_", "transcription_")) or name == "beep" or after == "L":
        return "notify"
    if name == "disconnected":
        return "DICE"
    acts = KINDS[state.kind].actions(state, flow, at) if state.kind else ()
    if name == "elapsed":
        return "PIE" if acts == ("runMenu",) else "timer"
    if name == "error" and "input" not in outcome.where:
        return "REST refused"
    return "ACE" if state.kind in ("connect", "dial") or "answered" in outcome.where else "PIE"


_CARRIED = {
    "timeout": "timer", "elapsed": "timer", "tick": "timer", "failed": "receipt", "taken": "POST event",
    "returned": "POST event", "empty": "at once",
}  # fmt: skip


def _message_event(outcome: Outcome, state: State) -> str:
    """What brings an event of a message flow."""
    if outcome.name in _CARRIED:
        return _CARRIED[outcome.name]
    if outcome.name == "error":
        return "not placed" if state.kind == "call" else "not taken"
    return "end of the call" if state.kind == "call" and outcome.name != "message" else "message"


def default_text(default: str, flow: Flow, position: Position) -> str:
    """What happens when nobody handles an event."""
    if position == "M":
        return _default_of_messages(default, flow)
    if default in ("goodbye", "apology", "recorded") and position not in ("N", "O"):
        return f"say “{phrase(default, flow.languages[0])}”; hangup"
    words = {
        "continue": "continue: the two are connected",
        "human": "as human",
        "ignore": "nothing",
        "none": "nothing; the call is over, its DICE follows",
        "end": "the call is over",
        "callee": "as the flow it plays says",
        "": "nothing",
    }
    return words.get(default, "the call is over, and the journal says why")


def _default_of_messages(default: str, flow: Flow) -> str:
    if default in ("pardon", "apology"):
        return f"say “{phrase(default, flow.languages[0])}”; the conversation is over"
    words = {
        "stored": "kept for the next question",
        "ignore": "nothing",
        "none": "nothing",
        "": "nothing",
        "callee": "as the flow it plays says",
    }
    return words.get(default, "the conversation is over")


def _target_text(target: str, position: Position, spoke: bool) -> str:
    if position == "M":
        words = {"end": "the conversation is over", "": "stays", "back": "the question before, again"}
        return words.get(target, target)
    if target == "end":
        return "the call is over" if position == "N" else "no call is placed" if position == "O" else "hangup"
    if target == "":
        return "continue" if spoke and position in ("L", "C") else "stays"
    return {"continue": "continue", "back": "the menu before, again"}.get(target, target)


def told(instruction: Instruction, flow: Flow) -> str:
    """One instruction in a few words."""
    name, value = instruction.name, instruction.value
    if isinstance(value, Prompt):
        return " ".join(f"{name} {spoken(value, flow)}".split())
    if name == "set":
        return "set " + ", ".join(f"{key} = {each.text}" for key, each in value.items())
    if name == "record":
        return "record: stop" if value == "stop" else "record"
    if name == "send" and value.get("in") == "message":
        return f"send {sent(value, flow)}"
    if name == "send":
        to = value["to"].text if value.get("to") else ""
        text = f" “{value['text'].text}”" if value.get("text") else ""
        return f"send {value.get('channel') or 'SMS'} to {to}{text}"
    if name == "cookie":
        return f"cookie {value['key']} = {value['value'].text}"
    return f"{name} {_plain(value)}"


def _plain(value: Any) -> str:
    if isinstance(value, Source):
        return value.text
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _keys(state: State) -> str:
    if state.config.get("each"):
        return f": each of {state.config['each'].list.text}"
    if state.kind not in _CHOOSES or not state.config.get("choices"):
        return ""
    if state.kind != "ask":
        return ": " + ", ".join(f"{each.key} {each.value}" for each in state.config["choices"])
    return ": " + ", ".join(f"{_button(each)} {each.value}" for each in state.config["choices"])


def _button(choice: Choice) -> str:
    if choice.label is None:
        return "(not shown)"
    shown = f"[{''.join(part.source.text for part in next(iter(choice.label.wording.values())))}]"
    return f"{shown} opens" if choice.opens else shown


def _begun(flow: Flow, run: str) -> Iterator[Entry]:
    """What begins a conversation: what is written, a day that comes, or another program."""
    for each in flow.triggers:
        start = block_id(each.enter, "M") if each.enter else run
        by = {"date": "timer", "schedule": "timer", "start": "API"}.get(each.kind, "message")
        yield Entry(by, _trigger(each), start)
    if not flow.triggers:
        yield Entry("–", "no trigger of its own", run)


def _trigger(trigger: Trigger) -> str:
    clock = f"{trigger.at // 60:02}:{trigger.at % 60:02}"
    days = f"{trigger.offset / 86_400:+g} d, " if trigger.offset else ""
    told = {
        "keywords": f"“{trigger.value}”",
        "link": f"the link {trigger.value}",
        "any": "any message that no other flow takes",
        "start": "a start by the API",
        "date": f"contact.{trigger.value}, {days}{clock}",
        "schedule": f"{trigger.value} {clock}, every contact tagged {trigger.tag}",
    }[trigger.kind]
    narrowed = [*trigger.channels, *filter(None, (trigger.to, trigger.app))]
    more = " (breaks into other flows)" if trigger.interrupt else ""
    return f"{told}{more}{' by ' + ', '.join(narrowed) if narrowed else ''}"


def _dialled(flow: Flow) -> str:
    numbers = [each.value for each in flow.triggers if each.kind == "to"]
    if any(each.kind == "any" for each in flow.triggers):
        numbers.append("any number that no other flow takes")
    return f"a call to {', '.join(numbers)}" if numbers else "a call (no trigger of its own)"


def _flow_settings(flow: Flow) -> tuple[Setting, ...]:
    written = flow.languages != ("en-US",)
    if flow.channel == "message":
        return (Setting("languages", ", ".join(flow.languages), not written), *_of_messages(flow))
    yes_no = "answer before the first sound of an ICE" if flow.answer else "never answered by itself"
    broken = flow.failure_ace or ("an apology, then hangup" if flow.outbound else "continue")
    return (
        Setting("languages", ", ".join(flow.languages), not written),
        Setting("answer", yes_no, flow.answer),
        Setting("a broken turn at an ACE", broken, flow.failure_ace is None),
    )


def _of_messages(flow: Flow) -> Iterator[Setting]:
    silent = Session()
    yield Setting("channels", ", ".join(flow.channels) or "the conversation's", not flow.channels)
    yield Setting("session", f"{length(flow.session.expires)}, then {flow.session.then}", flow.session == silent)
    yield Setting("busy", flow.busy, flow.busy == "wait")
    yield Setting("late", flow.late, flow.late == "answer")
    if flow.choices:
        yield Setting("any time", ", ".join(each.value for each in flow.choices), False)


def _settings(state: State, flow: Flow) -> tuple[Setting, ...]:
    fields = KINDS[state.kind].fields.named()
    found = []
    for name in _SETTINGS:
        if name in fields and fields[name].type is not CHOICES and name in state.config:
            shown = _setting(fields[name], state.config[name], flow)
            if shown is not None:
                found.append(shown)
    return tuple(found)


def _setting(field: Field, value: Any, flow: Flow) -> Setting | None:
    if value is None:
        return Setting(field.name, field.shown, True) if field.shown and field.name != "max_timeout" else None
    default = value == field.default and field.name not in flow.defaults
    return Setting(field.name, _value(field, value), default)


def _value(field: Field, value: Any) -> str:
    if isinstance(field.type, Duration):
        return length(value)
    if field.name == "expect":
        return ", ".join(_expected(each) for each in value)
    if field.name == "digits":
        return str(value[0]) if value[0] == value[1] else f"{value[0]}..{value[1]}"
    return str(value).lower() if isinstance(value, bool) else _plain(value)


def _expected(expect: Expect) -> str:
    if expect.low is not None:
        return f"number {expect.low}..{expect.high}"
    return f"{expect.kind} {expect.pattern}".strip()


# --- output ----------------------------------------------------------------------------------------------


def as_json(listed: Listing) -> str:
    return json.dumps(asdict(listed), indent=2, ensure_ascii=False)


def as_text(listed: Listing, paint: Paint) -> str:
    """Entries, blocks and handlers, each block and each handler once."""
    waiting = sum(block.waits for block in listed.blocks)
    shown = [
        f"{paint(listed.flow, 'bold')}: {counted(len(listed.blocks), 'block')}, {waiting} of them wait; "
        f"{counted(len(listed.handlers), 'handler')}. {listed.file}",
        *(f"  {each.name}: {each.value}{_mark(each.default, paint)}" for each in listed.settings),
        f"  positions: {'; '.join(f'{each} {_MEANING[each]}' for each in _positions(listed))}",
        "",
        paint("starts", "bold"),
        *(f"  {each.callback}: {each.trigger}{f' -> {each.run}' if each.run else ''}" for each in listed.entries),
    ]
    by_place: dict[str, list[Handler]] = {}
    for handler in listed.handlers:
        by_place.setdefault(handler.place, []).append(handler)
    for block in listed.blocks:
        shown += ["", *_block_text(block, by_place.get(block.id, []), paint)]
    return "\n".join(shown)


def _positions(listed: Listing) -> list[Position]:
    used = {block.position for block in listed.blocks}
    return [position for position in _MEANING if position in used]


def _mark(default: bool, paint: Paint) -> str:
    return paint(" (default)", "dim") if default else ""


def _block_text(block: Block, handlers: list[Handler], paint: Paint) -> Iterator[str]:
    yield f"{paint(block.id, 'bold')}  line {block.line}"
    yield from (f"  {each}" for each in block.do)
    if block.action:
        yield f"  {block.action}"
    if block.settings:
        shown = (f"{each.name} {each.value}{_mark(each.default, paint)}" for each in block.settings)
        yield f"    {', '.join(shown)}"
    if block.fused:
        yield f"    in one runMenu with {', '.join(block.fused)}"
    yield from (f"  {_lead_text(lead, paint, block.kind in _BRIDGES)}" for lead in block.leads)
    width = max((len(f"{each.event} {each.callback}") for each in handlers), default=0)
    for handler in handlers:
        yield from _handler_text(handler, width, paint)


def _lead_text(lead: Lead, paint: Paint, bridge: bool) -> str:
    event = lead.event if lead.event not in ("next", "visits") else ""
    words = " ".join(filter(None, (_STEPS.get(event, event) if bridge else event, lead.when)))
    return f"{words + ' ' if words else ''}-> {_goal(lead, paint)}"


def _goal(lead: Lead, paint: Paint) -> str:
    do = "; ".join(lead.do) + "; " if lead.do else ""
    if not lead.path:
        return f"{do}{lead.answer}{_mark(lead.default, paint)}"
    through = " > ".join((lead.to, *lead.path[1:]))
    return f"{do}{through}" + (f": {lead.answer}" if lead.answer else "")


def _handler_text(handler: Handler, width: int, paint: Paint) -> Iterator[str]:
    head = f"{handler.event} {handler.callback}".ljust(width)
    for number, lead in enumerate(handler.leads):
        start = paint(head, "cyan") if number == 0 else " " * width
        when = f"{lead.when}: " if lead.when else ""
        first = f"{handler.first}; " if handler.first else ""
        yield f"  {start}  {when}-> {first}{_goal(lead, paint)}"
