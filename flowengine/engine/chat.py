"""What happens in a conversation → events of its session: messages, taps, links, timers, and what others tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flowengine.choosing import RESERVED
from flowengine.engine.asking import MOST_HEARD, asked, heard, said, understood
from flowengine.engine.chat_turn import ChatTurn, wake_of
from flowengine.engine.library import Library
from flowengine.engine.outcome import NotTaken, Outcome, Reacted, TurnFailed
from flowengine.engine.person import Person
from flowengine.engine.quiet import end_of_quiet
from flowengine.engine.session import Session, begun_anew
from flowengine.engine.talk import Talk
from flowengine.engine.world import World
from flowengine.linking import Node
from flowengine.messages.channels import window
from flowengine.messages.consent import consent
from flowengine.messages.folding import fold
from flowengine.messages.matching import expected_words
from flowengine.webhooks import Inbound, Link

ORDER = ("settle", "timeout", "elapsed", "expire", "remind", "tick")
"""Why a place wakes up; what comes first where two are due: nobody is reminded of what is over."""

UNASKED = frozenset({"remind", "tick", "timeout", "elapsed"})
"""Timers that may send something, and wait until the contact may be disturbed."""

SLACK = 0.5
REMEMBERED = 8
"""Taps that are known when they come again."""
MOST_JOINED = 20
"""Messages of a burst, and"""
LONGEST_BURST = 10_000
"""its characters: what is longer is answered at once."""
PAUSED = 30 * 86_400.0
"""Seconds that a conversation whose time is over can be resumed."""
EXACT = 60.0
"""Seconds to which it is kept when a contact wrote last."""
BETWEEN = "\n"
"""Between the messages of a burst."""


def hear(library: Library, session: Session, inbound: Inbound, world: World, person: Person) -> Reacted:
    """A message or tap of the contact."""
    inbound = heard(inbound)
    talk = _talk(session)
    late = inbound.accept < talk.latest
    talk.latest = max(talk.latest, inbound.accept)
    turn = _turn(library, session, world, person)
    turn.facts["message"] = said(inbound)
    _seen(turn, inbound.accept or world.at)
    turn.heard()
    wish = _consent(turn, inbound)
    if wish == "stop":
        return _opted_out(library, turn, inbound.accept)
    if wish == "start" and not 0 < inbound.accept < person.left:
        return _opted_in(library, turn)
    if person.out:
        return Reacted("opted_out", turn.outcome(), source=session.place)
    if inbound.postback and inbound.postback in talk.acted:
        return Reacted("ignored", turn.outcome(), source=session.place)
    if late and stands(session) and turn.drops_late:
        return Reacted("late", turn.outcome(), source=session.place)
    if wish == "help" and _helps(turn):
        turn.speak(library.consent["help"])
        return Reacted("help", turn.outcome(), source=session.place)
    return _at_place(turn, inbound) if stands(session) else _at_the_door(library, turn, inbound)


def _talk(session: Session) -> Talk:
    assert session.talk is not None
    return session.talk


def _turn(library: Library, session: Session, world: World, person: Person) -> ChatTurn:
    return ChatTurn(library, session, world, library.program(session.flow), person)


def unchanged(session: Session, at: float, again: float | None = None) -> Outcome:
    """Nothing happens; what is due stays so, or is looked at ``again`` in so many seconds."""
    return Outcome(b"", "M", [], [], [], [], {}, wake_of(session, at) if again is None else again, [], [])


def stands(session: Session) -> bool:
    """Whether a flow waits for something in this conversation."""
    return bool(session.place) and not session.ended


def _seen(turn: ChatTurn, at: float) -> None:
    """Keep when the contact wrote, where the channel asks for it; to the minute will do."""
    if at > turn.person.seen + EXACT and window(turn.talk.channel) is not None:
        turn.person.seen = turn.talk_changes["seen"] = at


# --- consent ---------------------------------------------------------------------------------------------------


def _consent(turn: ChatTurn, inbound: Inbound) -> str:
    """``stop``, ``start`` (of one who is out), ``help`` where the flow has no other use for the word, or nothing."""
    channel, out = turn.talk.channel, turn.person.out
    if inbound.kind != "text" or not consent(inbound.text, channel, (), out):
        return ""
    wish = consent(inbound.text, channel, _expected(turn, fold(inbound.text)), out)
    return wish if wish != "start" or out else ""


def _expected(turn: ChatTurn, folded: str) -> set[str]:
    if not stands(turn.session):
        talk = turn.talk
        claimed = turn.library.entrances.by_words(folded, talk.app, talk.channel, talk.sender)
        return {folded} if claimed is not None else set()
    node = turn.program.states.get(turn.session.place)
    if node is not None and node.waits_as == "ask":
        return expected_words(asked(turn, node.op, folded))
    return {folded} if turn.interrupting(folded) is not None else set()


def _helps(turn: ChatTurn) -> bool:
    """Whether the project's own words answer HELP at a place that has no use for it."""
    if "help" not in turn.library.consent or not stands(turn.session):
        return False
    node = turn.program.states[turn.session.place]
    return node.waits_as == "ask" or node.events["message"].default == "stored"


def _opted_out(library: Library, turn: ChatTurn, accepted: float) -> Reacted:
    """Nothing more is sent, waiting messages neither, but one farewell."""
    source = turn.session.place
    farewell = None if turn.person.out else library.consent.get("farewell")
    turn.opt(out=True)
    turn.talk_changes["left"] = max(turn.person.left, accepted)
    turn.end_conversation()
    if farewell is not None:
        turn.speak(farewell)
        turn.sends[-1]["farewell"] = True
    return Reacted("opt_out", turn.outcome(), source=source)


def _opted_in(library: Library, turn: ChatTurn) -> Reacted:
    turn.opt(out=False)
    welcome = library.consent.get("welcome")
    if welcome is not None:
        turn.speak(welcome)
    return Reacted("opt_in", turn.outcome())


def platform_consent(library: Library, session: Session, out: bool, world: World, person: Person) -> Reacted:
    """An opt-out or opt-in that the platform has registered (and answered)."""
    turn = _turn(library, session, world, person)
    source = session.place
    turn.opt(out=out)
    if out:
        turn.end_conversation()
    return Reacted("opt_out" if out else "opt_in", turn.outcome(), source=source)


# --- a message where nothing is going on -----------------------------------------------------------------------


def _at_the_door(library: Library, turn: ChatTurn, inbound: Inbound) -> Reacted:
    talk = turn.talk
    where = (talk.app, talk.channel, talk.sender)
    entrance = library.entrances.by_words(fold(inbound.text), *where) if inbound.kind == "text" else None
    entrance = entrance or library.entrances.for_any(*where)
    if entrance is not None:
        return enter(turn, entrance.flow, entrance.enter)
    if _wants_help(turn, inbound):
        turn.speak(library.consent["help"])
        return Reacted("help", turn.outcome())
    return Reacted("unclaimed", turn.outcome())


def _wants_help(turn: ChatTurn, inbound: Inbound) -> bool:
    asks = inbound.kind == "text" and consent(inbound.text, turn.talk.channel) == "help"
    return asks and "help" in turn.library.consent


def follow_link(library: Library, session: Session, link: Link, world: World, person: Person) -> Reacted:
    """A link that may begin a flow; one that begins none changes nothing."""
    talk = _talk(session)
    turn = _turn(library, session, world, person)
    payload = link.ref or link.payload
    entrance = library.entrances.by_link(payload, talk.app, talk.channel, talk.sender)
    turn.facts["message"]["link"] = payload[:MOST_HEARD]
    if entrance is None or person.out:
        return Reacted("unclaimed", turn.outcome(), source=session.place)
    return enter(turn, entrance.flow, entrance.enter)


def enter(turn: ChatTurn, flow: str, state: str, inputs: dict[str, Any] | None = None) -> Reacted:
    """Begin a flow, in place of what was going on."""
    source = turn.session.place
    _enter(turn, flow, state, inputs or {})
    return Reacted("start", turn.outcome(), source=source)


def _enter(turn: ChatTurn, flow: str, state: str, inputs: dict[str, Any]) -> None:
    program = turn.library.programs[flow]
    begun_anew(turn.session, flow, turn.library.revision)
    turn.switch(program)
    for name, value in inputs.items():
        turn.store(name, value)
    turn.run(state or program.start)


def begin(
    library: Library,
    session: Session,
    flow: str,
    state: str,
    inputs: dict[str, Any],
    world: World,
    person: Person,
) -> Reacted:
    """A flow that nobody's message begins: by the API, a date or a schedule."""
    return enter(_turn(library, session, world, person), flow, state, inputs)


# --- a message at a place --------------------------------------------------------------------------------------


def _at_place(turn: ChatTurn, inbound: Inbound) -> Reacted:
    node = turn.program.states[turn.session.place]
    if node.waits_as == "ask" and not turn.talk.stale:
        return _asked(turn, node, inbound)
    interrupt = turn.interrupting(fold(inbound.text)) if inbound.kind == "text" else None
    if interrupt is not None:
        return enter(turn, interrupt.flow, interrupt.enter)
    if turn.talk.stale:
        turn.talk.stale = False
        turn.run(turn._same_again(node.name))
        return Reacted("resumed", turn.outcome(), source=node.name)
    turn.react("message")
    return Reacted("message", turn.outcome(), source=node.name)


def _asked(turn: ChatTurn, node: Node, inbound: Inbound) -> Reacted:
    talk, settle = turn.talk, node.op.get("settle")
    if inbound.kind == "text" and settle:
        talk.burst.append(inbound.text)
        if len(talk.burst) < MOST_JOINED and sum(map(len, talk.burst)) < LONGEST_BURST:
            talk.due["settle"] = turn.world.at + settle
            return Reacted("settling", turn.outcome(), source=node.name)
        return Reacted(_settled(turn, node), turn.outcome(), source=node.name)
    if inbound.kind != "tap" and talk.burst:
        inbound = replace(inbound, text=_joined(turn, inbound.text))
        turn.facts["message"]["text"] = inbound.text
    return Reacted(_answer(turn, node, inbound), turn.outcome(), source=node.name)


def _joined(turn: ChatTurn, *more: str) -> str:
    """The burst so far as one text, and no burst any more."""
    talk = turn.talk
    text = BETWEEN.join(each for each in (*talk.burst, *more) if each)
    talk.burst = []
    talk.due.pop("settle", None)
    return text


def _answer(turn: ChatTurn, node: Node, inbound: Inbound) -> str:
    """What an answer means, and what follows: the event that it came to."""
    meant = understood(turn, node.op, inbound)
    if meant.once:
        turn.talk.acted = [*turn.talk.acted, meant.once][-REMEMBERED:]
    chosen = str(meant.value) if meant.kind in ("choice", "flow_choice") else ""
    turn.facts["message"]["choice"] = chosen
    if meant.kind == "ignored_tap":
        return "ignored"
    if turn.talk.burst:
        _joined(turn)
    if meant.kind == "invalid":
        return _not_understood(turn, node)
    if meant.kind == "interrupt":
        return _break_in(turn, inbound)
    written = meant.kind == "flow_choice" or "each" not in node.op  # an element may be called anything
    if meant.kind == "again" or (written and chosen in RESERVED):
        return _without_event(turn, node, chosen)
    if "into" in node.op and meant.kind != "flow_choice" and not _keeps(turn, node, meant.value):
        return _not_understood(turn, node)
    event = chosen if written and chosen in node.events else "answer"
    turn.react(event)
    return event


def _without_event(turn: ChatTurn, node: Node, chosen: str) -> str:
    """``repeat`` and ``back``, which reach no handler."""
    if chosen != "back":
        turn.run(turn._same_again(node.name))
        return "repeat"
    turn.node, turn.state = node, node.name
    turn.run("back")
    return "back"


def _break_in(turn: ChatTurn, inbound: Inbound) -> str:
    entrance = turn.interrupting(fold(inbound.text))
    assert entrance is not None
    _enter(turn, entrance.flow, entrance.enter, {})
    return "start"


def _keeps(turn: ChatTurn, node: Node, value: Any) -> bool:
    """Whether the answer is of its variable's type; one that is not was no answer."""
    try:
        turn.store(node.op["into"], value)
    except TurnFailed:
        return False
    return True


def _not_understood(turn: ChatTurn, node: Node) -> str:
    """The question once more, up to ``repeats`` times; then the event ``invalidinput``."""
    talk, op = turn.talk, node.op
    if talk.tries >= op["repeats"]:
        turn.react("invalidinput")
        return "invalidinput"
    talk.tries += 1
    turn.node, turn.state = node, node.name
    turn.ask_again(op)
    return "repeated"


# --- time ------------------------------------------------------------------------------------------------------


def wake(library: Library, session: Session, world: World, person: Person) -> Reacted:
    """A timer of the place: the first thing that is due. What is not due is waited for again."""
    talk = _talk(session)
    talk.wakes = 0.0  # this timer is used up
    turn = _turn(library, session, world, person)
    name = next((each for each in ORDER if talk.due.get(each, world.at + 1) <= world.at + SLACK), "")
    if not name or not stands(session):
        return Reacted("early", turn.outcome(), source=session.place)
    later = end_of_quiet(turn.quiet, person.timezone, world.at) if name in UNASKED else 0.0
    if later or (person.out and name != "expire"):
        talk.due[name] = later or world.at + 3600.0
        return Reacted("quiet", turn.outcome(), source=session.place)
    del talk.due[name]
    node = turn.program.states[session.place]
    source = node.name
    turn.node, turn.state = node, node.name
    event = _WOKEN[name](turn, node)
    return Reacted(event, turn.outcome(), source=source)


def _settled(turn: ChatTurn, node: Node) -> str:
    inbound = _typed(turn, _joined(turn))
    turn.facts["message"] = said(inbound)
    return _answer(turn, node, inbound)


def _typed(turn: ChatTurn, text: str) -> Inbound:
    """Several messages as one."""
    talk = turn.talk
    ids = ("", "text", talk.channel, talk.identity, "", talk.sender, talk.contact, "", "", "")
    return heard(Inbound(*ids, injected=False, accept=talk.latest, text=text))


def _reminded(turn: ChatTurn, node: Node) -> str:
    talk, reminders = turn.talk, node.op["remind"]
    turn.speak(reminders[talk.reminded]["say"])
    talk.reminded += 1
    if talk.reminded < len(reminders):
        between = reminders[talk.reminded]["after"] - reminders[talk.reminded - 1]["after"]
        talk.due["remind"] = turn.world.at + max(1.0, between)
    return "remind"


def _ticked(turn: ChatTurn, node: Node) -> str:
    turn.talk.due["tick"] = turn.world.at + node.op["every"]
    turn.react("tick")
    return "tick"


def _timed_out(turn: ChatTurn, node: Node) -> str:
    turn.react("timeout")
    return "timeout"


def _elapsed(turn: ChatTurn, node: Node) -> str:
    turn.react("elapsed")
    return "elapsed"


def _expired(turn: ChatTurn, node: Node) -> str:
    """Too long a silence: the flow that was played ends, or waits to be resumed."""
    if turn.lasting["then"] == "resume":
        turn.talk.due, turn.talk.stale = {}, True
        turn.session.until = turn.world.at + PAUSED
        return "paused"
    turn.expire()
    return "expired"


_WOKEN = {
    "settle": _settled,
    "remind": _reminded,
    "tick": _ticked,
    "timeout": _timed_out,
    "elapsed": _elapsed,
    "expire": _expired,
}


# --- what others tell ------------------------------------------------------------------------------------------


def outside(library: Library, session: Session, name: str, data: Any, world: World, person: Person) -> Reacted:
    """An event from another program. Raises :class:`NotTaken`."""
    node = _standing(library, session)
    ours = node is not None and node.waits_as == "handover" and name in ("taken", "returned")
    if node is None or not (ours or name in (node.op.get("until") or ())):
        raise NotTaken(name)
    turn = _turn(library, session, world, person)
    turn.facts["event"] = data
    turn.react(name)
    return Reacted(name, turn.outcome(), source=node.name)


def returned(
    library: Library, session: Session, told: Mapping[str, Any], world: World, person: Person
) -> Reacted | None:
    """What a call came to that a state of this conversation had placed; None where it went on without it."""
    node = _standing(library, session)
    if node is None or node.waits_as != "call" or (node.name, _talk(session).asked) != (told["state"], told["turn"]):
        return None
    turn = _turn(library, session, world, person)
    turn.facts["result"] = told["result"]
    event = told["outcome"] if told["outcome"] in node.events else "done"
    turn.react(event)
    return Reacted(event, turn.outcome(), source=node.name)


def failed(library: Library, session: Session, row: str, reason: str, world: World, person: Person) -> Reacted | None:
    """The question that stands was not delivered; None where another one stands."""
    node = _standing(library, session)
    if node is None or node.waits_as != "ask" or row != _talk(session).row:
        return None
    turn = _turn(library, session, world, person)
    turn.facts["event"] = {"reason": reason}
    turn.react("failed")
    return Reacted("failed", turn.outcome(), source=node.name)


def _standing(library: Library, session: Session) -> Node | None:
    return library.program(session.flow).states.get(session.place) if stands(session) else None


__all__ = [
    "begin",
    "failed",
    "follow_link",
    "hear",
    "outside",
    "platform_consent",
    "returned",
    "stands",
    "unchanged",
    "wake",
]
