"""One turn: a session and an event → the changed session, and what is to be done outside.

No clock, no store and no network in here; what a turn needs of the world it asks of its ``World``. Every run is
bounded, and whatever a run cannot do it raises as :class:`TurnFailed`, for which the caller has an answer ready.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from flowengine import prompts
from flowengine.engine.calendar import opening
from flowengine.engine.dialling import drawn
from flowengine.engine.library import Library
from flowengine.engine.occasions import dated
from flowengine.engine.outcome import Effect, Outcome, TurnFailed, Wake
from flowengine.engine.outside import ask_function, ask_server, save
from flowengine.engine.session import Session
from flowengine.engine.trail import AGAIN as TRIED
from flowengine.engine.trail import Entered, Trail
from flowengine.engine.world import World
from flowengine.expressions import EvaluationFailed
from flowengine.filters import printed
from flowengine.linking import Handler, Node, Program, Reaction, fill
from flowengine.svaml import Position
from flowengine.values import BadValue, coerce

MAX_STATES = 1000
MAX_VISITS = 10_000
MAX_FRAMES = 8
MAX_BACK = 16
AGAIN = "\x00again"
UNHEARD = {
    "menu": {"id": "", "value": "", "input": ""},
    "amd": {"status": "", "reason": ""},
}
"""What the facts of a menu and of a detection are in a turn that has none."""


class Turn:
    """The run of one turn. States and instructions see it as their ``call``."""

    __slots__ = (
        "_scope", "because", "changes", "contact_changes", "counts", "done", "effects", "facts", "hidden", "library",
        "node", "notes", "path", "position", "program", "session", "side", "spent", "state", "steps", "trail", "wake",
        "world",
    )  # fmt: skip

    def __init__(
        self,
        library: Library,
        session: Session,
        world: World,
        position: Position,
        program: Program,
        scope: dict[str, Any] | None = None,
    ) -> None:
        self.library, self.session, self.world = library, session, world
        self.position, self.program, self._scope = position, program, scope
        self.side = self.done = False
        self.state = session.place
        self.node: Node | None = None
        self.steps, self.spent = 0, 0.0
        self.path: list[str] = []
        self.because: list[list[Any]] = []
        self.effects: list[Effect] = []
        self.notes: list[list[str]] = []
        self.changes: dict[str, Any] = {}
        self.contact_changes: dict[str, Any] = {}
        self.wake: Wake = "keep"
        self.counts: list[tuple[str, int]] = []
        self.facts: dict[str, Any] = {}
        self.hidden: list[str] = []
        self.trail = Trail() if library.tracked else None

    # --- what expressions see ------------------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        return self.world.now

    @property
    def language(self) -> str:
        return self.session.lang or self.program.languages[0]

    @property
    def scope(self) -> dict[str, Any]:
        """What expressions read. Namespaces that no expression of the flow reads are left out."""
        if self._scope is None:
            session, reads = self.session, self.program.reads
            session.call["language"] = self.language
            scope = {**UNHEARD, **self.library.constants, **self.program.defaults, **session.vars, **self.facts}
            scope["call"] = session.call
            if "visits" in reads:
                scope["visits"] = self._visits()
            if "contact" in reads:
                scope["contact"] = self._contact()
            if "env" in reads:
                scope["env"] = self.library.env
            if "now" in reads or "today" in reads:
                scope["now"] = self.world.now.isoformat(timespec="seconds")
                scope["today"] = scope["now"][:10]
            self._scope = scope
        return self._scope

    def _visits(self) -> dict[str, int]:
        counted = self.session.visits.get(self.program.name, {})
        return {name: counted.get(name, 0) for name, node in self.library.counted[self.program.name]}

    def fact(self, name: str, value: Any) -> None:
        """A fact of this turn, such as ``response``."""
        self.facts[name] = value
        if self._scope is not None:
            self._scope[name] = value

    def value(self, item: Any) -> Any:
        return item if type(item) is str else fill(item, self.scope)

    def text(self, item: Any) -> str:
        if type(item) is str:
            return item
        value = fill(item, self.scope)
        return value if isinstance(value, str) else printed(value)

    def line(self, item: Any) -> str:
        """A value as one clean line."""
        return prompts.clean(self.text(item))

    def _contact(self) -> dict[str, Any]:
        """The ``contact.`` facts."""
        raise NotImplementedError

    # --- what instructions do ------------------------------------------------------------------------------

    def store(self, name: str, value: Any) -> None:
        """Give a variable (or ``call.language``, ``contact.NAME``) a value of its type."""
        if name == "call.language":
            self._speak_in(str(value))
            return
        contact = name.startswith("contact.")
        variable = self.library.contact[name[8:]] if contact else self.program.variables[name]
        try:
            stored = self._bounded(variable, coerce(variable["type"], value))
        except BadValue as error:
            raise TurnFailed(f"{name} is {variable['type']}: {error}") from None
        if contact:
            self._keep_field(name[8:], stored)
        else:
            self._keep(name, stored)
        self.changes[name] = stored

    def keep(self, name: str, item: Any) -> None:
        """As :meth:`store`, for what cannot be known before: without a value of its type, the default is kept."""
        try:
            self.store(name, self.value(item))
        except (EvaluationFailed, TurnFailed) as error:
            if name == "call.language":
                self.note("set", str(error))
            elif name in self.program.defaults:
                self.note("set", f"nothing of its type came for {name}: its default is kept")
                self.store(name, self.program.defaults[name])
            else:
                raise

    def _bounded(self, variable: Mapping[str, Any], value: Any) -> Any:
        longest = variable.get("max_length")
        if longest and isinstance(value, str):
            value = value[:longest]
        if variable.get("one_of") and value not in variable["one_of"]:
            raise BadValue("not one of its values")
        return value

    @property
    def fields(self) -> dict[str, Any]:
        """The declared fields of the contact, as far as they are set."""
        raise NotImplementedError

    def _keep(self, name: str, value: Any) -> None:
        self.session.vars[name] = value
        if self._scope is not None:
            self._scope[name] = value

    def _keep_field(self, name: str, value: Any) -> None:
        if value is None:
            self.fields.pop(name, None)
        else:
            self.fields[name] = value
        self.contact_changes.setdefault("fields", {})[name] = value
        self._refresh_contact()

    def _dates(self, contact: str, timezone: str) -> list[Effect]:
        """What the dates ask for that this turn has kept with a contact."""
        known, changed = self.library.occasions, self.contact_changes.get("fields", {})
        return [
            each
            for name, value in changed.items()
            if name in known.dates and value is not None
            for each in dated(known, name, value, contact, timezone, self.world.at)
        ]

    def mark(self, tag: str, on: bool) -> None:
        """Put a tag on the contact, or take it off."""
        self.contact_changes.setdefault("tags", {})[tag] = on or None
        self._tagged(tag, on)
        self._refresh_contact()

    def _tagged(self, tag: str, on: bool) -> None:
        raise NotImplementedError

    def agree(self, to: str, yes: bool) -> None:
        """What the contact agreed to, or no longer does."""
        self.contact_changes.setdefault("agreed", {})[to] = yes

    def _refresh_contact(self) -> None:
        if self._scope is not None and "contact" in self._scope:
            self._scope["contact"] = self._contact()

    def _speak_in(self, language: str) -> None:
        if language not in self.program.languages:
            raise TurnFailed("call.language is set to a language that the flow does not list")
        self.session.lang = language
        self.session.call["language"] = language
        self._refresh_contact()

    def clear(self, name: str) -> None:
        if name.startswith("contact."):
            self._keep_field(name[8:], None)
        else:
            gone = self.session.vars.pop(name, None)
            if gone and name in self.program.sensitive:
                self.hidden.append(str(gone))
            self._scope = None
        self.changes[name] = None

    def speak(self, op: Any) -> None:
        """Say a prompt, or send its words."""
        raise NotImplementedError

    def phrase(self, name: str) -> None:
        """Say, or send, a built-in sentence."""
        raise NotImplementedError

    def send(self, op: Mapping[str, Any]) -> None:
        """Send a message once the turn is stored."""
        raise NotImplementedError

    def note(self, kind: str, text: str) -> None:
        self.notes.append([kind, text])

    def effect(self, kind: str, payload: dict[str, Any]) -> None:
        self.effects.append(Effect(kind, payload))

    # --- what kinds do -------------------------------------------------------------------------------------

    def opening(self, calendar: str) -> str:
        return opening(self.program.image["calendars"][calendar], self.now)

    def draw(self, weights: list[list[Any]]) -> str:
        key = f"{self.program.name}.{self.state}"
        if key not in self.session.draws:
            point = self.world.once(f"random {key}", self.world.random) * sum(weight for _, weight in weights)
            self.session.draws[key] = drawn(weights, point)
        return self.session.draws[key]

    def ask_server(self, op: Mapping[str, Any]) -> str:
        return ask_server(self, op)

    def ask_function(self, op: Mapping[str, Any]) -> str:
        return ask_function(self, op)

    def place_timer(self, seconds: float) -> None:
        """Wait here until a timer."""
        raise NotImplementedError

    # --- the run -------------------------------------------------------------------------------------------

    def run(self, target: str) -> None:
        """From a state on until the answer is whole."""
        while target:
            if target == "end":
                target = self._end()
            elif target == "continue":
                self._go_on()
                return
            elif target == "back":
                target = self._go_back()
            else:
                target = self._visit(target)

    def _visit(self, name: str) -> str:
        self.steps += 1
        if self.steps > MAX_STATES:
            raise TurnFailed(f"more than {MAX_STATES} states in one turn")
        node = self.program.states[name]
        if node.counted and self._count(node) > node.visits > 0:
            if self.trail is not None:
                self.trail.happened(self.program.name, name, "visits", "visits")
                self.trail.took(0, node.then)
            return node.then
        if not self.side:
            self._depart(name)
        self.node, self.state = node, name
        self.path.append(name)
        if self.trail is not None:
            self.trail.append(Entered(self.program.name, name))
        for instruct, op in node.do:
            instruct.run(op, self)
        return self._leave(node)

    def _depart(self, name: str) -> None:
        """What belongs to the place is forgotten; a side run leaves no place."""
        session = self.session
        if session.retries and self.state != name:
            self._forget_retries(self.state)
        session.until = 0.0
        session.inbox.clear()

    def _count(self, node: Node) -> int:
        visits = self.session.visits.setdefault(self.program.name, {})
        visits[node.name] = min(visits.get(node.name, 0) + 1, MAX_VISITS)
        self._scope = None
        return visits[node.name]

    def _forget_retries(self, state: str) -> None:
        prefix = f"{self.program.name}.{state}/"
        for key in [key for key in self.session.retries if key.startswith(prefix)]:
            del self.session.retries[key]

    def _leave(self, node: Node) -> str:
        if node.kind is None:
            if self.trail is not None:
                self.trail.happened(self.program.name, node.name, "next", "next")
            return self._take(node.next) if node.next else ""
        if node.branches:
            if self.trail is not None:
                self.trail.happened(self.program.name, node.name, "route", "route")
            return self._branch(node.branches)
        if node.waits_as == "subflow":
            return self._enter(node)
        if node.waits_as == "return":
            return self._return(node)
        return self._act(node)

    def _act(self, node: Node) -> str:
        """The kind's own action; a step that is retried acts again."""
        assert node.kind is not None
        while True:
            outcome = node.kind.run(node.op, self)
            if outcome is None:
                return self._waiting(node)
            if "into" in node.op and outcome != "empty":
                self.store(node.op["into"], outcome)
            target = self.follow(node, outcome)
            if target != AGAIN:
                return target

    def _waiting(self, node: Node) -> str:
        if node.waits_as in ("menu", "collect", "ask"):
            back = self.session.back
            if not back or back[-1] != node.name:
                back.append(node.name)
                del back[:-MAX_BACK]
        return ""

    def _go_back(self) -> str:
        """The menu before the last one; without one, the last one again; without any, the end."""
        back = self.session.back
        if not back:
            self.note("back", "no menu came before")
            return "end"
        if back[-1] == self.state and len(back) > 1:
            back.pop()
        return self._same_again(back[-1])

    def _same_again(self, name: str) -> str:
        """A menu's own prompt again: no visit, no ``do``."""
        node = self.program.states[name]
        if node.kind is None:
            return name
        self.node, self.state = node, name
        self.path.append(name)
        return self._act(node)

    def _take(self, branch: Any, again: bool = False) -> str:
        if self.trail is not None:
            self.trail.took(branch.line, TRIED if again else branch.to)
        for instruct, op in branch.do:
            instruct.run(op, self)
        return str(branch.to)

    def _branch(self, branches: tuple[Any, ...]) -> str:
        for branch in branches:
            if branch.when is None:
                return self._take(branch)
            true = branch.when.test(self.scope)
            self.because.append([branch.line, branch.source, true])
            if self.trail is not None:
                self.trail.decided(branch.line, branch.when, true, self.scope)
            if true:
                return self._take(branch)
        return ""

    # --- events --------------------------------------------------------------------------------------------

    def follow(self, node: Node, event: str) -> str:
        """Where an event of a state leads; empty: stay (or the default has finished the answer)."""
        reaction = node.events.get(event)
        if reaction is None:
            reaction = self._unlisted(node, event)
        if event == "error" and reaction.via == "flow" and self.position in ("O", "N"):
            reaction = Reaction("default", default="end")
        if self.trail is not None:
            self.trail.happened(self.program.name, node.name, event, reaction.via)
        if reaction.default and self.session.frames:
            climbed = self._climb(event)
            if climbed is not None:
                return self.state if climbed == AGAIN else climbed
        if reaction.handler is None and self.trail is not None:
            self.trail.took(0, reaction.to)
        if reaction.to:
            return reaction.to
        if reaction.handler is None:
            return self._default(node, event, reaction.default)
        return self._handle(node, reaction.handler)

    def _unlisted(self, node: Node, event: str) -> Reaction:
        handler = node.on.get(event)
        if handler is not None:
            return Reaction("on", handler)
        handler = self.program.on.get(event)
        if handler is not None:
            return Reaction("flow", handler)
        defaults = {"disconnected": "end", "error": "apology", "timeout": "goodbye", "invalidinput": "goodbye"}
        return Reaction("default", default=defaults.get(event, "ignore"))

    def _handle(self, node: Node, handler: Handler) -> str:
        if not handler.retry:
            return self._branch(handler.branches)
        key = f"{self.program.name}.{node.name}/{handler.event}"
        tried = self.session.retries.get(key, 0)
        branch = handler.branches[0]
        target = self._take(branch, again=tried < handler.retry)
        if tried >= handler.retry:
            self.session.retries.pop(key, None)
            return target
        self.session.retries[key] = tried + 1
        return AGAIN

    def _climb(self, event: str) -> str | None:
        """An event that a subflow leaves open looks at the states that play it, frame by frame."""
        for depth in range(len(self.session.frames) - 1, -1, -1):
            frame = self.session.frames[depth]
            program = self.library.programs[frame["flow"]]
            if not frame["state"]:
                return None
            handler, via = program.states[frame["state"]].on.get(event), "on"
            if handler is None and not (event == "error" and self.position in ("O", "N")):
                handler, via = program.on.get(event), "flow"
            if handler is not None:
                if self.trail is not None:
                    self.trail.happened(program.name, frame["state"], event, via)
                while len(self.session.frames) > depth:
                    self._pop()
                return self._handle(self.program.states[self.state], handler)
        return None

    def _default(self, node: Node, event: str, default: str) -> str:
        if default == "human":
            return self.follow(node, "human")
        if default in ("ignore", "none", "stored") or (default == "continue" and self.position in ("L", "N")):
            return ""
        if default == "continue":
            return "continue"
        if self.position not in ("N", "O") and default in ("goodbye", "apology", "recorded"):
            self.phrase(default)
        if default == "apology":
            self.note("default", f"{event} of {node.name} was left to the built-in apology")
        self._hang_up()
        return ""

    # --- ends and subflows ---------------------------------------------------------------------------------

    def _end(self) -> str:
        if self.side:
            self.done = True
            return ""
        if self.session.frames and self.session.frames[-1]["state"]:
            return self._back_to_caller("done", {})
        self._hang_up()
        return ""

    def _go_on(self) -> None:
        """``continue``: what was going on outside goes on."""
        raise TurnFailed("there is nothing that goes on without the flow")

    def _hang_up(self) -> None:
        """The call or conversation is over."""
        raise NotImplementedError

    def _enter(self, node: Node) -> str:
        session = self.session
        callee = self.library.programs.get(node.op["flow"])
        if callee is None or len(session.frames) >= MAX_FRAMES:
            while (target := self.follow(node, "error")) == AGAIN:
                pass
            return target
        given = {name: self._value_or_none(item) for name, item in node.op["with"].items()} if "with" in node.op else {}
        session.frames.append(
            {"flow": self.program.name, "state": node.name, "vars": session.vars, "back": session.back}
        )
        session.flow, session.vars, session.back = callee.name, {}, []
        self.program, self._scope = callee, None
        for name, value in given.items():
            self.keep(name, value)
        return callee.start

    def _value_or_none(self, item: Any) -> Any:
        try:
            return self.value(item)
        except EvaluationFailed:
            return None

    def _pop(self) -> dict[str, Any]:
        session = self.session
        if self.library.hides:
            self.hidden += self.library.hidden(session)
        frame = session.frames.pop()
        for armed in session.armed.values():
            if armed[0] == session.flow and len(armed) == 2:
                armed.append(session.vars)  # what it armed comes late, and reads them then
        session.flow, session.vars, session.back = frame["flow"], frame["vars"], frame["back"]
        self.program, self._scope = self.library.programs[frame["flow"]], None
        # Should the run stop here without an action, the call stands at the state that played the flow.
        self.state = session.place = frame["state"]
        self.node = self.program.states.get(self.state)
        return frame

    def _return(self, node: Node) -> str:
        given = node.op.get("with")
        result = {name: self.value(item) for name, item in given.items()} if given else {}
        if not self.session.frames:
            if self.session.told:
                self.session.told |= {"outcome": node.op["outcome"], "result": result}
            return "end"
        return self._back_to_caller(node.op["outcome"], result)

    def _back_to_caller(self, outcome: str, result: dict[str, Any]) -> str:
        self._pop()
        if not self.state:
            return self.program.start  # the kill switch let the call through
        caller = self.program.states[self.state]
        self.fact("result", result)
        if caller.op.get("save") and save(self, caller.op["save"]) == "error" and outcome != "done":
            outcome = "error"
        target = self.follow(caller, outcome)
        return caller.name if target == AGAIN else target

    # --- the answer ----------------------------------------------------------------------------------------

    def react(self, event: str) -> None:
        """An event at the place: handler, run, answer."""
        node = self.program.states[self.session.place or self.state]
        self.node, self.state = node, node.name
        target = self.follow(node, event)
        if target == AGAIN:
            target = self._same_again(node.name)
        self.run(target)

    def outcome(self) -> Outcome:
        """Close the run."""
        return self._closed(b"", True, ())

    def _closed(self, body: bytes, digits: bool, records: Sequence[tuple[str, dict[str, Any]]]) -> Outcome:
        return Outcome(
            body,
            self.position,
            self.path,
            self.because,
            self.effects,
            self.notes,
            self.changes,
            self.wake,
            self.counts,
            [*self.hidden, *self.library.hidden(self.session)] if self.library.hides else [],
            digits,
            records,
            trail=self.trail or (),
        )


__all__ = ["AGAIN", "Effect", "Outcome", "Turn", "TurnFailed"]
