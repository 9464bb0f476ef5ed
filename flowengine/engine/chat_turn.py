"""The run of one turn of a conversation: what a flow says becomes messages in the outbox."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowengine.engine.asking import content_of, is_numeric, numbering, offered, template_of, unshown
from flowengine.engine.entrances import Entrance
from flowengine.engine.languages import fitting
from flowengine.engine.library import Library
from flowengine.engine.outcome import Outcome, Wake
from flowengine.engine.outside import ask_server
from flowengine.engine.person import KNOWN, TALK, Person, talk_record
from flowengine.engine.rendering import rendered
from flowengine.engine.sending import LANE, from_call, from_conversation
from flowengine.engine.session import Session
from flowengine.engine.talk import Talk
from flowengine.engine.turn import Turn
from flowengine.engine.wording import phrase
from flowengine.engine.world import World
from flowengine.linking import Node, Program
from flowengine.webhooks import talk_key

MOST_KNOWN = 200
"""Characters of a name, a language or a time zone."""
POST_TIMEOUT = 5.0
"""Seconds that the other side of a handover has to say that it was told."""

NOTHING_SAID = {
    "text": "", "kind": "", "choice": "", "media": "", "location": {}, "channel": "", "link": "", "metadata": "",
    "time": "",
}  # fmt: skip
"""What the facts of a message are in a turn that none caused."""


class ChatTurn(Turn):
    """States and instructions see it as their ``call``, as they see the turn of a call."""

    __slots__ = ("drops", "person", "sends", "talk", "talk_changes")

    def __init__(self, library: Library, session: Session, world: World, program: Program, person: Person) -> None:
        super().__init__(library, session, world, "M", program)
        assert session.talk is not None
        self.talk: Talk = session.talk
        self.person = person
        self.sends: list[dict[str, Any]] = []
        self.talk_changes: dict[str, Any] = {}
        self.drops: list[str] = []
        self.facts["message"] = {**NOTHING_SAID, "channel": self.talk.channel}

    def switch(self, program: Program) -> None:
        """Another flow goes on from here."""
        self.program, self._scope = program, None

    # --- what expressions see ------------------------------------------------------------------------------

    @property
    def language(self) -> str:
        languages = self.program.languages
        return fitting(self.person.language, languages) if self.person.language else languages[0]

    def _contact(self) -> dict[str, Any]:
        return self.person.facts({name: each.get("default", "") for name, each in self.library.contact.items()})

    # --- what instructions do ------------------------------------------------------------------------------

    @property
    def fields(self) -> dict[str, Any]:
        return self.person.fields

    def store(self, name: str, value: Any) -> None:
        known = name.removeprefix("contact.")
        if known == name or known not in KNOWN:
            super().store(name, value)
            return
        text = self.changes[name] = self.contact_changes[known] = str(value)[:MOST_KNOWN]
        setattr(self.person, known, text)
        self._refresh_contact()

    def _tagged(self, tag: str, on: bool) -> None:
        self.person.tags[tag] = on

    def opt(self, out: bool) -> None:
        """The contact wants no more messages of this conversation, or wants them again."""
        self.person.out = out
        self.talk_changes["out"] = out or None
        if out:  # what calls have sent to this number stands in the conversation's own lane
            self.drops += {LANE + self.session.id, LANE + self.person.talk.removeprefix(TALK)}

    def speak(self, op: Any) -> None:
        self.put({"text": op.words(self.language, self.talk.channel, self.scope)})

    def phrase(self, name: str) -> None:
        self.put({"text": phrase(name, self.language)})

    def send(self, op: Mapping[str, Any]) -> None:
        """The ``send`` instruction: a message of any kind to the person of this conversation."""
        content = content_of(self, op["content"])
        if "to" not in op and "channel" not in op:
            self.put(content)
            return
        talk = self.talk
        to = self.text(op["to"]).strip() if "to" in op else talk.identity
        if not to:
            self.note("unsent", "the receiver is empty")
            return
        self.effects.append(from_call(talk.app, op.get("channel", talk.channel), to, content, self.world.at))

    def put(self, content: Mapping[str, Any], **more: Any) -> None:
        """One more message; an empty one is none."""
        if any(_says_something(part) for name, part in content.items() if name != "as"):
            self.sends.append({"content": dict(content), **more})
        else:
            self.note("unsent", "the message is empty")

    # --- what kinds do -------------------------------------------------------------------------------------

    def ask(self, op: dict[str, Any]) -> str | None:
        """Put the question and wait; ``empty`` where there is nothing to choose from."""
        options = offered(self, op)
        if "each" in op and not options:
            return "empty"
        talk = self.talk
        talk.tries = talk.reminded = 0
        talk.burst = []
        self._question(op, op["prompt"], options)
        remind = op["remind"][0]["after"] if op["remind"] else None
        self._wait({"timeout": op.get("timeout"), "remind": remind})
        return None

    def ask_again(self, op: dict[str, Any]) -> None:
        """The question after an answer that was none; its timers begin anew."""
        options = self.talk.options or offered(self, op)
        self._question(op, op.get("repeat_prompt", op["prompt"]), options)
        if op.get("timeout"):
            self.talk.due["timeout"] = self.world.at + op["timeout"]

    def _question(self, op: dict[str, Any], prompt: Any, options: list[dict[str, Any]]) -> None:
        """From now on an answer is one to the question of this turn."""
        talk = self.talk
        talk.asked = self.session.n + 1
        talk.options = options if "each" in op else []
        text = prompt.words(self.language, talk.channel, self.scope)
        content: dict[str, Any] = {"text": text, "options": [*options, *unshown(op)] if options else []}
        for name in ("media", "as"):
            if op.get(name):
                content[name] = rendered(self, op[name])
        if is_numeric(self, op):
            content["lettered"] = True
        talk.marks = numbering(self, op, content)
        instead = {"instead": template_of(self, op["template"])} if "template" in op else {}
        talk.row = self._row(len(self.sends))
        self.put(content, tag=talk.tag, **instead)

    def hand_over(self, op: Mapping[str, Any]) -> str | None:
        """Tell the other side of the conversation, and wait for it."""
        told = {
            "session": self.session.id,
            "flow": self.program.name,
            "state": self.state,
            "channel": self.talk.channel,
            "contact": self.person.facts({}),
            "message": self.facts["message"],
            **(rendered(self, op["json"]) if "json" in op else {}),
        }
        request = {"method": "POST", "url": op["post"], "json": told, "timeout": POST_TIMEOUT, "save": []}
        if ask_server(self, request) != "ok":
            return "error"
        self._wait({"timeout": op.get("timeout"), "tick": op.get("every")})
        return None

    def start_call(self, op: Mapping[str, Any]) -> str | None:
        """Have a voice flow call somebody, and wait for what that comes to."""
        given = {name: self._value_or_none(item) for name, item in op.get("with", {}).items()}
        self.talk.asked = self.session.n + 1
        told = {"session": self.session.id, "state": self.state, "turn": self.talk.asked, "person": self.person.key}
        self.effect("dial", {"flow": op["flow"], "with": given, "told": told})
        self._wait({})
        return None

    def place_timer(self, seconds: float) -> None:
        self._wait({"elapsed": seconds})

    def remaining(self, length: float) -> float:
        """A wait of a conversation begins when its state is entered and is over when its timer says so."""
        return length

    @property
    def lasting(self) -> Mapping[str, Any]:
        """How long the conversation may be silent: as the flow says that is played, else the one that plays it."""
        if not self.session.frames:
            own: Mapping[str, Any] = self.program.image["session"]
            return own
        playing: list[Mapping[str, Any]] = [each.image["session"] for each in self._programs()]
        return next((each for each in playing if each.get("own")), playing[-1])

    def _programs(self) -> list[Program]:
        """The flow that is played and those that play it, outermost last."""
        return [self.program, *(self.library.program(each["flow"]) for each in reversed(self.session.frames))]

    @property
    def quiet(self) -> Mapping[str, Any] | None:
        return next((each.image["quiet"] for each in self._programs() if "quiet" in each.image), None)

    @property
    def drops_late(self) -> bool:
        return any(each.image["late"] == "drop" for each in self._programs())

    def _wait(self, lengths: Mapping[str, float | None]) -> None:
        """Stand here. A place that has no time of its own is left when the session expires."""
        self.session.place, self.session.pos = self.state, "M"
        due = {name: self.world.at + length for name, length in lengths.items() if length}
        if not due.keys() & {"timeout", "elapsed"}:
            due["expire"] = self.world.at + self.lasting["expires"]
        self.talk.due = due
        self.done = True

    def heard(self) -> None:
        """The contact wrote: the session expires later."""
        if "expire" in self.talk.due:
            self.talk.due["expire"] = self.world.at + self.lasting["expires"]

    # --- the end -------------------------------------------------------------------------------------------

    def _hang_up(self) -> None:
        """The conversation is over; what is known of the contact stays."""
        session, talk = self.session, self.talk
        if any(each["flow"] not in self.library.programs for each in session.frames):
            session.frames = []  # the flows were changed meanwhile
        while session.frames:
            self._pop()
        session.ended, session.place = True, ""
        talk.due, talk.options, talk.marks, talk.burst, talk.stale = {}, [], {}, [], False
        self.done = True

    end_conversation = _hang_up

    def _default(self, node: Node, event: str, default: str) -> str:
        if default == "pardon":
            self.phrase(default)
        return super()._default(node, event, default)

    def expire(self) -> None:
        """Nobody wrote for too long: a subflow that has a time of its own ends as ``expired``, else all does."""
        while self.session.frames:
            if self.program.image["session"].get("own"):
                self.run(self._back_to_caller("expired", {}))
                return
            self._pop()
        self._hang_up()

    # --- what it comes to ----------------------------------------------------------------------------------

    def interrupting(self, folded: str) -> Entrance | None:
        """Another flow whose keyword may break into this one."""
        talk = self.talk
        return self.library.entrances.interrupting(folded, talk.app, talk.channel, talk.sender, self.session.flow)

    def _row(self, number: int) -> str:
        """The id of a row of the outbox, which travels with the message and comes back with its receipt."""
        return f"{self.session.id}.{self.talk.born}.{self.session.n + 1}.{number}"

    def outcome(self) -> Outcome:
        talk, key, at = self.talk, self.session.id, self.world.at
        if self.contact_changes:
            self.effects += self._dates(self.person.key, self.person.timezone)
        for number, send in enumerate(self.sends):
            self.effects.append(from_conversation(talk, key, self._row(number), send, at))
        self.wake = wake_of(self.session, at)
        made = self._closed(b"", True, self._records())
        return made._replace(drops=self.drops) if self.drops else made

    def _records(self) -> list[tuple[str, dict[str, Any]]]:
        person, talk = self.person, self.talk
        found = [(person.talk, self.talk_changes)] if self.talk_changes else []
        for other in talk.channels[1:]:
            found.append((talk_record(talk_key(talk.app, other, talk.identity)), {"session": self.session.id}))
        changes = self.contact_changes
        if not person.met:
            known = {"number": person.number} if person.number else {}
            changes = {
                **changes,
                **known,
                "talks": {person.talk.removeprefix(TALK): [talk.app, talk.channel, talk.identity]},
            }
        return [*found, (person.key, changes)] if changes else found


def _says_something(part: Any) -> bool:
    """Whether there is anything to read in a part of a message; a form of it says nothing."""
    return bool(part.strip() if isinstance(part, str) else part) and part is not True


def wake_of(session: Session, at: float) -> Wake:
    """When the conversation is looked at again: seconds from now, as it was before (early will do), or never."""
    talk = session.talk
    assert talk is not None
    due = min(talk.due.values(), default=0.0)
    if due and at < talk.wakes <= due:
        session.until = max(session.until, talk.wakes)
        return "keep"
    talk.wakes = due
    return max(0.0, due - at) if due else None
