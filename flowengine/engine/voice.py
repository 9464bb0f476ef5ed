"""Callbacks of a call → events of its session: what each means at the place where the call stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from flowengine.callbacks import Callback
from flowengine.engine.call_turn import CONTINUE, HANGUP, STOP_RECORDING, CallTurn
from flowengine.engine.library import Library
from flowengine.engine.outcome import NotTaken, Reacted, TurnFailed
from flowengine.engine.session import Session, new_call
from flowengine.engine.trail import Entered
from flowengine.engine.world import World
from flowengine.linking import Node, Program
from flowengine.model import LATE_EVENTS
from flowengine.numbers import normal_caller
from flowengine.states.base import Heard
from flowengine.svaml import Position, after_input

PATCHED: tuple[Position, ...] = ("K", "L", "C")
"""Positions whose answer is sent by us, as a change of the live call."""


def start(library: Library, program: Program, session: Session, callback: Callback, world: World) -> Reacted:
    """The ICE of a call that comes in."""
    facts = new_call(callback.call_id)
    facts.update(
        cli=normal_caller(callback.cli) if callback.cli_known else "",
        cli_known=callback.cli_known,
        to=callback.to_endpoint,
        domain=callback.domain,
        custom=callback.custom[:1024],
        headers=dict(callback.headers[:50]),
        url=callback.url,
    )
    session.call = facts
    switch = library.programs.get(library.kill_switch)
    if switch is not None and switch is not program:
        session.frames.append({"flow": program.name, "state": "", "vars": {}, "back": []})
        session.flow, program = switch.name, switch
    turn = _turn(library, program, session, world, "I", callback)
    turn.run(program.start)
    return Reacted("start", turn.outcome())


def place_call(
    library: Library, program: Program, session: Session, inputs: Mapping[str, Any], world: World
) -> Reacted:
    """``start`` of a flow that places calls, in O: the answer is the inline ICE of the callout, or nothing."""
    session.call = new_call()
    turn = CallTurn(library, session, world, "O", program)
    for name, value in inputs.items():
        turn.store(name, value)
    turn.run(program.start)
    return Reacted("start", turn.outcome())


def hear(library: Library, session: Session, callback: Callback, world: World) -> Reacted:
    """Any later callback of a call that has a session."""
    program = library.programs[session.flow]
    return _HEAR[callback.event](library, program, session, callback, world)


def _turn(
    library: Library, program: Program, session: Session, world: World, position: Position, callback: Callback
) -> CallTurn:
    turn = CallTurn(library, session, world, position, program)
    turn.facts["event"] = callback.fields
    return turn


def _ice(library: Library, program: Program, session: Session, callback: Callback, world: World) -> Reacted:
    """A call of our own that asks for its route gets the one it was placed with."""
    node = program.states.get(session.place)
    if node is None or not _bridges(node) or session.pos != "O" or session.ended or session.over:
        return Reacted("stale", body=HANGUP_BODY)
    session.call["id"] = callback.call_id
    turn = _turn(library, program, session, world, "O", callback)
    turn.run(turn._same_again(node.name))
    outcome = turn.outcome()
    # Not in O any more, where the answer would place another call.
    return Reacted("stale", outcome._replace(position="I"), outcome.body or HANGUP_BODY, node.name)


def _again(
    library: Library, program: Program, session: Session, callback: Callback, world: World, position: Position
) -> Reacted:
    """The current prompt again, without a transition; where nothing was asked, the call goes on."""
    node = program.states.get(session.place)
    if node is None or node.kind is None or session.ended:
        return Reacted("stale", body=HANGUP_BODY)
    if not _asks(node, session):
        return Reacted("stale", body=CONTINUE_BODY, source=node.name)
    turn = _turn(library, program, session, world, position, callback)
    turn.run(turn._same_again(node.name))
    return Reacted("stale", turn.outcome(), source=session.place)


def _pie(library: Library, program: Program, session: Session, callback: Callback, world: World) -> Reacted:
    if session.ended or session.over or not session.place:
        return Reacted("late", body=HANGUP_BODY)
    node = program.states[session.place]
    if callback.menu_type == "return" and node.waits_as == "menu" and library.use_blocks and not library.tracked:
        reacted = _choice(library, program, session, callback, world, node)
        if reacted is not None:
            return reacted
    if node.waits_as == "conference" or _raw(node) == "connectConf":
        return _conference_digits(library, program, session, callback, world, node)
    source = session.place
    position: Position = after_input(_spoken(session.pos))
    turn = _turn(library, program, session, world, position, callback)
    node, known = _menu_of(turn, node, callback.menu_id)
    if not known or node.kind is None or not _asks(node, session):
        return _again(library, program, session, callback, world, position)
    heard = node.kind.hear(node.op, turn, callback)
    if heard.stale:
        return _again(library, program, session, callback, world, position)
    turn.facts["menu"] = {"id": callback.menu_id, "value": heard.value or heard.event, "input": callback.input_method}
    if heard.event == "hangup":
        turn.position = "N"
    event = _react(turn, node, heard)
    outcome = turn.outcome()
    return Reacted(event, outcome, outcome.body or HANGUP_BODY, source)


def _choice(
    library: Library, program: Program, session: Session, callback: Callback, world: World, node: Node
) -> Reacted | None:
    """A choice of a menu that leads along a block; None where it does not, or where the session says otherwise."""
    value, fused = callback.menu_value, node.op.get("fused")
    if session.frames or session.retries or callback.menu_id not in ("main", "") or value not in node.op["choices"]:
        return None
    if fused is not None and fused["states"].get("main") != node.name:
        return None
    block = library.block(program, node, value)
    if block is None:
        return None
    turn = _turn(library, program, session, world, after_input(_spoken(session.pos)), callback)
    turn.facts["menu"] = {"id": callback.menu_id, "value": value, "input": callback.input_method}
    turn.node = node
    turn.play_block(block)
    outcome = turn.outcome()
    return Reacted(value, outcome, outcome.body or HANGUP_BODY, node.name)


HANGUP_BODY = b'{"action":' + HANGUP.body + b"}"
CONTINUE_BODY = b'{"action":' + CONTINUE.body + b"}"


def _asks(node: Node, session: Session) -> bool:
    """Whether a menu of this place is being played, so that a PIE can belong to it."""
    kind = node.kind.name if node.kind is not None else ""
    if kind == "wait":
        return session.pos not in ("N", "O") and (session.pos not in ("I", "K") or bool(node.op["choices"]))
    return kind in ("menu", "collect", "voicemail") or _raw(node) == "runMenu"


def _bridges(node: Node) -> bool:
    """Whether somebody is being called from here, so that an ACE can belong to it."""
    kind = node.kind.name if node.kind is not None else ""
    return kind in ("connect", "dial") or (_raw(node).startswith("connect") and _raw(node) != "connectConf")


def _spoken(position: str) -> Position:
    return "I" if position in ("N", "O") else position  # type: ignore[return-value]


def _raw(node: Node) -> str:
    return str(node.op.get("name", "")) if node.waits_as == "svaml" else ""


def _menu_of(turn: CallTurn, node: Node, menu_id: str) -> tuple[Node, bool]:
    """The state whose menu answered, arriving there first when it was a jump."""
    fused = node.op.get("fused") if turn.library.fuse else None
    if fused is None:
        return node, node.waits_as == "svaml" or menu_id in ("main", "")
    name = fused["states"].get(menu_id or "main")
    if name is None:
        return node, False
    if name != node.name:
        _arrive(turn, name, fused["parents"])
    return turn.program.states[name], True


def _arrive(turn: CallTurn, name: str, parents: Mapping[str, str]) -> None:
    way = [name]
    while way[-1] in parents and parents[way[-1]] not in way:
        way.append(parents[way[-1]])
    for before, each in zip(way[::-1], way[-2::-1], strict=False):
        if turn.trail is not None:
            _jumped(turn, before, each)
        turn.path.append(each)
        turn.session.back.append(each)
    turn.session.place = name
    turn.state = name


def _jumped(turn: CallTurn, menu: str, to: str) -> None:
    """A choice that went from one menu to another within the answer."""
    assert turn.trail is not None
    name, events = turn.program.name, turn.program.states[menu].events
    for choice in turn.program.states[menu].op["choices"]:
        reaction = events.get(choice)
        if reaction is not None:
            branch = reaction.handler.branches[0] if reaction.handler is not None else None
            if (reaction.to or (branch.to if branch is not None else "")) == to:
                turn.trail.happened(name, menu, choice, reaction.via)
                turn.trail.took(branch.line if branch is not None else 0, to)
                turn.trail.append(Entered(name, to))
                return


def _react(turn: CallTurn, node: Node, heard: Heard) -> str:
    """The event it came to: the silent menu of a wait only asks what became due."""
    if heard.event == "repeat" and node.waits_as == "menu":
        turn.run(turn._same_again(node.name))
        return heard.event
    if heard.event == "back" and node.waits_as == "menu":
        turn.node, turn.state = node, node.name
        turn.run("back")
        return heard.event
    if heard.event == "poll":
        heard = _polled(turn, node)
        if heard.event == "poll":
            turn.run(_keep_waiting(turn, node))
            return heard.event
    if node.waits_as == "voicemail" and heard.event == "recorded":
        turn.pieces.append(STOP_RECORDING)
    _remember(turn, node, heard)
    turn.react(heard.event)
    return heard.event


def _keep_waiting(turn: CallTurn, node: Node) -> str:
    turn.node, turn.state = node, node.name
    turn.path.append(node.name)
    return turn._act(node)


def _polled(turn: CallTurn, node: Node) -> Heard:
    """A silent menu of a wait ran out: a due outside event, the end of the wait, or the same again."""
    if turn.session.inbox:
        name, data = turn.session.inbox.pop(0)
        turn.facts["event"] = data
        return Heard(name)
    return Heard("elapsed") if turn.session.until <= turn.now.timestamp() else Heard("poll")


def _remember(turn: CallTurn, node: Node, heard: Heard) -> None:
    into = node.op.get("into")
    choices = node.op.get("choices") or {}
    if into and (heard.event == "digits" or heard.event in choices):
        turn.store(into, heard.value or heard.event)
    language = (node.op.get("languages") or {}).get(heard.event)
    if language:
        turn.store("call.language", language)


def _conference_digits(
    library: Library, program: Program, session: Session, callback: Callback, world: World, node: Node
) -> Reacted:
    if node.kind is None:
        return Reacted("ignored")
    turn = _turn(library, program, session, world, "N", callback)
    heard = node.kind.hear(node.op, turn, callback)
    if heard.stale:
        return Reacted("ignored")
    turn.facts["menu"] = {"id": callback.menu_id, "value": heard.value, "input": callback.input_method}
    with _beside(turn):
        turn.react(heard.event)
    return Reacted(heard.event, turn.outcome(), source=node.name)


def _ace(library: Library, program: Program, session: Session, callback: Callback, world: World) -> Reacted:
    node = program.states.get(session.place)
    over = session.ended or session.over
    if over or node is None or node.kind is None or not _bridges(node):
        return Reacted("late", body=HANGUP_BODY if over else CONTINUE_BODY)
    session.call["answered"] = True
    if callback.call_id:
        session.call["id"] = callback.call_id
    position: Position = "A" if session.pos == "O" else "B"
    turn = _turn(library, program, session, world, position, callback)
    heard = node.kind.hear(node.op, turn, callback)
    turn.facts["amd"] = {"status": callback.amd_status, "reason": callback.amd_reason}
    if heard.event == "hangup":
        turn.position = "N"
    turn.react(heard.event)
    outcome = turn.outcome()
    return Reacted(heard.event, outcome, outcome.body or HANGUP_BODY, node.name)


def _dice(library: Library, program: Program, session: Session, callback: Callback, world: World) -> Reacted:
    if session.over or (session.call.get("id") and callback.call_id != session.call["id"]):
        return Reacted("ignored")
    session.over = True
    session.pending = ""
    session.call.update(result=callback.result, reason=callback.reason, duration=callback.duration or 0)
    turn = _turn(library, program, session, world, "N", callback)
    source = session.place
    if not session.place:
        handler = program.on.get("disconnected")
        if handler is not None:
            if turn.trail is not None:
                turn.trail.happened(program.name, "", "disconnected", "flow")
            with _beside(turn):
                turn.run(turn._branch(handler.branches))
        return Reacted("disconnected", turn.outcome())
    turn.react("disconnected")
    if session.place == source:
        session.place, session.ended = "", True
    return Reacted("disconnected", turn.outcome(), source=source)


def lost(library: Library, session: Session, world: World) -> Reacted:
    """Nothing was heard of the call for longer than it can last: it ends as if its DICE had come."""
    callback = Callback("dice", session.call.get("id", ""), result="N/A", reason="N/A")
    reacted = hear(library, session, callback, world)
    if reacted.outcome is None or not reacted.outcome.path:
        session.ended, session.over, session.place = True, True, ""
    return reacted


def _notify(library: Library, program: Program, session: Session, callback: Callback, world: World) -> Reacted:
    kind = callback.notify_type
    if kind in LATE_EVENTS:
        return _side_run(library, session, callback, world, "recording", kind)
    if kind in ("amd", "amd_beep") and "amd" in session.armed and not session.over and not session.pending:
        return _late_verdict(library, program, session, callback, world)
    return Reacted("alert" if kind == "callingerror" else "ignored")


def _side_run(library: Library, session: Session, callback: Callback, world: World, armed: str, event: str) -> Reacted:
    """A late event runs at the state that armed it, in N; the place is kept."""
    if armed not in session.armed:
        return Reacted("ignored")
    flow, state, *left = session.armed[armed]
    turn = _turn(library, library.programs[flow], session, world, "N", callback)
    with _beside(turn):
        if flow != session.flow:
            depth = next((at for at, each in enumerate(session.frames) if each["flow"] == flow), -1)
            frame = session.frames[depth] if depth >= 0 else {"vars": left[0] if left else {}, "back": []}
            session.flow, session.vars, session.back = flow, frame["vars"], [*frame["back"]]
            session.frames = session.frames[: max(depth, 0)]
        session.place = state
        turn.react(event)
        outcome = turn.outcome()
    return Reacted(event, outcome, source=state)


@contextmanager
def _beside(turn: CallTurn) -> Iterator[None]:
    """A side run: whatever it passes through, the call stands where it stood."""
    session = turn.session
    kept = (session.place, session.flow, session.vars, session.frames, session.back)
    session.frames, session.back, turn.side = [*session.frames], [*session.back], True
    try:
        yield
    finally:
        session.place, session.flow, session.vars, session.frames, session.back = kept


def _late_verdict(library: Library, program: Program, session: Session, callback: Callback, world: World) -> Reacted:
    flow, state, *_ = session.armed["amd"]
    if flow != session.flow or session.place != state or program.states[state].op.get("amd") != "async":
        return Reacted("ignored")
    node = program.states[state]
    position: Position = "L"
    turn = _turn(library, program, session, world, position, callback)
    heard = node.kind.hear(node.op, turn, callback) if node.kind is not None else Heard("notsure")
    turn.facts["amd"] = {"status": callback.amd_status, "reason": callback.amd_reason}
    if heard.event == "hangup":
        turn.position = "N"
    turn.react(heard.event)
    return Reacted(heard.event, turn.outcome(), source=state)


def mode(session: Session, node: Node) -> Position | None:
    """The position of the answer to an outside event or timer at this place; None: it must wait for a poll."""
    kind = node.waits_as
    if kind == "conference":
        return "C"
    if kind == "park":
        return "K"
    if kind == "wait":
        if session.pos in ("N", "O"):
            return "N"
        return "K" if session.pos in ("I", "K") and not node.op["choices"] else None
    return None


def shows_change(library: Library, session: Session, callback: Callback) -> bool:
    """Whether a PIE or ACE cannot belong to this place, so that a change of the call must have reached it."""
    program = library.programs.get(session.flow)
    node = program.states.get(session.place) if program is not None else None
    if node is None or session.ended or session.over:
        return False
    if callback.event == "ace":
        return not _bridges(node)
    return not _asks(node, session) and node.waits_as != "conference" and _raw(node) != "connectConf"


def outside(library: Library, session: Session, name: str, data: Any, world: World) -> Reacted:
    """An event from another program, or a timer (``elapsed``). Raises :class:`NotTaken`."""
    program = library.programs[session.flow]
    node = program.states.get(session.place)
    if node is None or session.ended:
        raise NotTaken(name)
    if name != "elapsed" and name not in (node.op.get("until") or ()):
        raise NotTaken(name)
    position = mode(session, node)
    if position is None:
        session.inbox.append([name, data])
        return Reacted("queued", source=node.name)
    if position == "N" and program.outbound:
        position = "O"
    turn = CallTurn(library, session, world, position, program)
    turn.facts["event"] = data
    if name == "elapsed" and session.until and node.waits_as == "wait":
        if session.until > world.now.timestamp() + 0.5:
            turn.run(_keep_waiting(turn, node))
            return Reacted("poll", turn.outcome(), source=node.name)
        session.until = 0.0
    if position == "O":
        _new_call(session)
    turn.react(name)
    return Reacted(name, turn.outcome(), source=node.name)


def _new_call(session: Session) -> None:
    session.call = new_call()
    session.over = False
    session.armed.pop("amd", None)


def failed(library: Library, session: Session, world: World, reason: str) -> Reacted:
    """A callout or a change of a live call was refused: ``error`` at the place, in N."""
    program = library.programs[session.flow]
    source = session.place
    session.pending = ""
    if session.ended or source not in program.states:
        return Reacted("ignored")
    turn = CallTurn(library, session, world, "N", program)
    turn.facts["event"] = {"reason": reason}
    if session.told:
        session.told["outcome"] = "error"
    turn.react("error")
    return Reacted("error", turn.outcome(), source=source)


_HEAR = {"ice": _ice, "ace": _ace, "pie": _pie, "dice": _dice, "notify": _notify}

__all__ = [
    "PATCHED",
    "NotTaken",
    "Reacted",
    "TurnFailed",
    "failed",
    "hear",
    "lost",
    "outside",
    "place_call",
    "shows_change",
    "start",
]
