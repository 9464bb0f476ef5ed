"""The run of one turn of a call: what a flow says becomes an answer in SVAML."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from flowengine import prompts
from flowengine.answers import Act, Piece, Refused, act, constant, constant_act, piece, seal
from flowengine.engine.blocks import Block
from flowengine.engine.dialling import caller_id, reach
from flowengine.engine.gate import allowed
from flowengine.engine.library import Library
from flowengine.engine.menus import menu_act
from flowengine.engine.outcome import Outcome
from flowengine.engine.sending import from_call
from flowengine.engine.session import Session
from flowengine.engine.turn import Turn
from flowengine.engine.world import World
from flowengine.linking import SECRET_CLOSE, SECRET_OPEN, Node, Program, fill
from flowengine.svaml import MAX_COOKIE_BYTES, MAX_PROMPTS, Position

MAX_ADDRESS = 1024
_NOT_IN_ADDRESS = re.compile(r"\s+")
HANGUP = constant_act({"name": "hangup"})
CONTINUE = constant_act({"name": "continue"})
STOP_RECORDING = constant({"name": "stopRecording"})


class SecretNames(dict[str, str]):
    """``secret.NAME`` in an answer: a placeholder that is filled when the answer is sent."""

    def get(self, key: str, default: Any = None) -> Any:
        return f"{SECRET_OPEN}{key}{SECRET_CLOSE}"


_PLACEHOLDERS = SecretNames()


class CallTurn(Turn):
    """States and instructions see it as their ``call``."""

    __slots__ = ("action", "pieces", "placed_call")

    def __init__(
        self,
        library: Library,
        session: Session,
        world: World,
        position: Position,
        program: Program,
        scope: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(library, session, world, position, program, scope)
        self.pieces: list[Piece] = []
        self.action: Act | None = None
        self.placed_call = False

    # --- what expressions see ------------------------------------------------------------------------------

    def _contact(self) -> dict[str, Any]:
        """Who is at the other end, and the declared fields; one that was never set is its default, else empty."""
        session, number = self.session, self.number
        who = {"identity": number, "number": number, "name": "", "timezone": "", "tags": []}
        declared = {name: each.get("default", "") for name, each in self.library.contact.items()}
        return {**declared, **session.contact, **who, **session.known, "language": self.language}

    @property
    def number(self) -> str:
        """The number of the one at the other end: the caller's, or the one that the call was placed to."""
        return str(self.session.call["cli"] or self.session.known.get("number", ""))

    @property
    def fields(self) -> dict[str, Any]:
        """The declared fields of the contact, as far as they are set."""
        return self.session.contact

    def prompt(self, item: Any) -> str:
        ready = item.strings.get("")
        if ready is not None and len(item.wording) == 1:
            return str(ready)
        return str(item.string(self.language, self.scope))

    # --- what instructions do ------------------------------------------------------------------------------

    def _tagged(self, tag: str, on: bool) -> None:
        tags = self.session.known.get("tags", [])
        self.session.known["tags"] = sorted({*tags, tag} if on else {*tags} - {tag})

    def add(self, instruction: Mapping[str, Any]) -> None:
        self.pieces.append(piece(instruction))

    def cookie(self, key: str, value: str) -> None:
        """A cookie, as much of it as the answer's cookies have room for."""
        room = MAX_COOKIE_BYTES - len(key) - sum(each.cookie for each in self.pieces)
        if room < 0:
            self.note("cookie", f"no room for {key}")
            return
        fitting = value.encode("utf-8", "ignore")[:room].decode("utf-8", "ignore")
        self.add({"name": "setCookie", "key": key, "value": fitting})

    def speak(self, op: Any) -> None:
        self.pieces.extend(op.instructions(self.language, self.scope))

    def play(self, op: Any) -> None:
        files = op.files(self.scope, self.language)
        if files["ids"]:
            self.add(files)

    def phrase(self, name: str) -> None:
        self.pieces.append(self.library.phrase(name, self.language))

    def send(self, op: Mapping[str, Any]) -> None:
        """The ``send`` instruction of a call: a message to the number it names."""
        to = self.text(op.get("to", ""))
        if not to:
            self.note("unsent", "the receiver's number is empty")
            return
        channel, content = op.get("channel", "SMS"), self.value(op["body"])
        self.effects.append(from_call(self.library.app, channel, to, content, self.world.at))

    def arm(self, what: str) -> None:
        self.session.armed[what] = [self.program.name, self.state]

    def recording(self, op: Mapping[str, Any]) -> dict[str, Any]:
        """The ``startRecording`` instruction: the flow's ``recordings`` with what the instruction says."""
        own = {**(self.program.recordings or {}), **op}
        scope = {**self.scope, "secret": _PLACEHOLDERS}
        options: dict[str, Any] = {
            "destinationUrl": _NOT_IN_ADDRESS.sub("_", prompts.clean(str(fill(own["to"], scope))))[:MAX_ADDRESS],
            "credentials": str(fill(own["credentials"], scope)),
        }
        if own.get("format"):
            options["format"] = own["format"]
        options["notificationEvents"] = own.get("notify", True)
        if own.get("transcribe"):
            options["transcriptionOptions"] = {"enabled": True, "locale": own["transcribe"]}
        return {"name": "startRecording", "options": options}

    def filled(self, raw: Any) -> Any:
        """A raw SVAML object with its texts filled in."""
        if isinstance(raw, Mapping):
            return {key: self._secret(each) if key == "credentials" else self.filled(each) for key, each in raw.items()}
        if isinstance(raw, list):
            return [self.filled(each) for each in raw]
        if hasattr(raw, "entries"):
            return self.filled(raw.entries)
        if isinstance(raw, str | int | float | bool):
            return raw
        return prompts.clean(self.text(raw)) if hasattr(raw, "source") else self.text(raw)

    def _secret(self, raw: Any) -> str:
        return raw if isinstance(raw, str) else str(fill(raw, {**self.scope, "secret": _PLACEHOLDERS}))

    # --- what kinds do -------------------------------------------------------------------------------------

    def place(self, action: Mapping[str, Any]) -> None:
        """Wait here: this action ends the answer."""
        self.action = act(action)
        self._stand()

    def place_timer(self, seconds: float) -> None:
        """Wait with nobody on the line; a run after the end has nothing to wait for."""
        if self.side:
            self.done = True
            return
        self._stand()
        self.wake = seconds
        self.done = True

    def place_call(self, action: Mapping[str, Any]) -> None:
        """Wait for a call that is being placed."""
        self.action = act(action)
        self.placed_call = True
        self._stand()

    def place_menu(self, op: Mapping[str, Any]) -> None:
        """Wait at a menu or collect."""
        self.action = menu_act(op, self, self.library.fuse)
        self._stand()

    def timer(self, seconds: float | None) -> None:
        self.wake = seconds

    def remaining(self, length: float) -> float:
        """Seconds left of a wait that began when its state was entered."""
        now = self.now.timestamp()
        if not self.session.until:
            self.session.until = now + length
        return self.session.until - now

    def _stand(self) -> None:
        session = self.session
        if self.side:  # a handler of the flow that may wait elsewhere runs here after the call
            self.note("side", f"{self.state} cannot wait: nobody is on the line")
            self.action, self.done = None, True
            return
        session.place, session.pos = self.state, self.position
        if self._bridges():
            session.call["answered"] = False
        if self.wake == "keep":
            self.wake = None

    def _bridges(self) -> bool:
        return self.node is not None and self.node.waits_as in ("connect", "dial", "svaml")

    def play_block(self, block: Block) -> None:
        """As :meth:`react` along a way that is known before."""
        for each in block.spoken:
            self.speak(each)
        target = block.to
        if block.path:
            self.session.until = 0.0
            self.session.inbox.clear()
            self.path += block.path
            self.steps = len(block.path)
            self.state = block.path[-1]
            self.node = self.program.states[self.state]
        if block.last is not None:
            target = self._leave(block.last)
        if target:
            self.run(target)

    def _waiting(self, node: Node) -> str:
        raw = node.op.get("name")
        if raw in ("hangup", "continue") and self.action is not None:
            self.session.place = "" if raw == "hangup" else self.session.place
            self.session.ended = raw == "hangup" or self.session.ended
        return super()._waiting(node)

    def _go_on(self) -> None:
        self.action = CONTINUE

    def _hang_up(self) -> None:
        session = self.session
        if self.side:
            self.done = True
            return
        while session.frames:
            self._pop()
        session.ended, session.place = True, ""
        self.wake = None
        self.done = True
        if self.position not in ("N", "O"):
            self.action = HANGUP

    # --- whom it may ring ----------------------------------------------------------------------------------

    def reach(self, name: str) -> tuple[str, str] | None:
        return reach(self, name)

    def may_dial(self, action: Mapping[str, Any]) -> bool:
        """Whether every address of a raw action may be dialled. Raises :class:`~flowengine.answers.Refused`."""
        return all(self._gate(kind, address) for kind, address in act(action).numbers)

    def caller_id(self, item: Any) -> str:
        return caller_id(self, item)

    def _gate(self, kind: str, address: str) -> bool:
        return allowed(self.program, kind, address)

    # --- the answer ----------------------------------------------------------------------------------------

    def outcome(self) -> Outcome:
        """Close the run and seal the answer."""
        records: Sequence[tuple[str, dict[str, Any]]] = ()
        if self.contact_changes and self.session.person:
            self.effects += self._dates(self.session.person, self.session.known.get("timezone", ""))
            records = [(self.session.person, self.contact_changes)]
        return self._closed(self._body(), self._may_hold_digits(), records)

    def _may_hold_digits(self) -> bool:
        if self.action is None or self.action.digits:
            return True
        for each in self.pieces:  # noqa: SIM110 - a third of the time of any() in every turn
            if each.digits:
                return True
        return False

    def _body(self) -> bytes:
        if self.position in ("N", "M"):
            return b""
        if self.position == "O" and not self.placed_call:
            return b""
        action = self.action
        if action is None:
            if self.position in ("L", "C") and not self.pieces and not self.done:
                return b""
            action = CONTINUE if self.position in ("L", "C", "B") else HANGUP
        try:
            return seal(self.pieces, action, self.position, self._gate, self.program.answer)
        except Refused as refused:
            if refused.reason != "total":
                raise
        self._shorten(action)
        return seal(self.pieces, action, self.position, self._gate, self.program.answer)

    def _shorten(self, action: Act) -> None:
        """Prompts that a platform's answer has no room for are left out from the end."""
        left = MAX_PROMPTS - action.prompts
        kept = []
        for each in self.pieces:
            left -= each.prompts
            if not each.prompts or left >= 0:
                kept.append(each)
        self.pieces = kept
        self.note("speech", f"more than {MAX_PROMPTS} prompts in one answer")
