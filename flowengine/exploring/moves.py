"""What can be done now in a play, as steps of a scenario: told by the phone, the chat and the state that stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import ceil
from typing import Any, Literal, NamedTuple

from flowengine.engine.session import Session
from flowengine.exploring.facts import Facts
from flowengine.exploring.holding import Watched
from flowengine.exploring.samples import TEXT, digits, matching, unique, values
from flowengine.exploring.worlds import Worlds
from flowengine.linking import Node
from flowengine.messages.folding import fold
from flowengine.patterns import compile_pattern
from flowengine.scenarios.steps import Step
from flowengine.simulator import Phone, newest

Sort = Literal["", "leaves", "silence"]
NONSENSE = "qwxz"
"""What no flow understands."""
ANY = 3
"""A number like any other."""
KEYS = "0123456789*#"
_LATE = ("recording_finished", "recording_available", "transcription_available")


class Move(NamedTuple):
    """Steps that are done together.

    ``leaves``: the person goes away, or the platform fails, so that it is no way out; ``silence``: nothing is done.
    """

    steps: tuple[Step, ...]
    sort: Sort = ""


def move(word: str, value: Any = None, sort: Sort = "") -> Move:
    return Move((Step(word, value),), sort)


class Moves:
    """What can be done in plays of one flow."""

    def __init__(self, facts: Facts, worlds: Worlds, flow: str) -> None:
        self.facts, self.worlds, self.flow = facts, worlds, facts.flows[flow]
        self._entrances = list(self._beginnings())

    # --- the beginning -------------------------------------------------------------------------------------

    def beginnings(self) -> list[Move]:
        """Everything that begins the flow; empty where only another flow plays it."""
        return self._entrances

    def _beginnings(self) -> Iterator[Move]:
        flow = self.flow
        for number, each in enumerate(trigger for trigger in flow.triggers if trigger.kind in ("to", "any")):
            if flow.channel == "voice" and each.kind == "to":
                yield from self._calls({"to": each.value} if number else {})
            elif flow.channel == "voice":
                yield from self._calls({})
        kinds = [each.kind for each in flow.triggers]
        alone = not kinds and flow.channel == "message"
        if "start" in kinds or alone or (flow.outbound and flow.channel == "voice"):
            yield from self.starts()
        for each in flow.triggers if flow.channel == "message" else ():
            if each.kind == "keywords":
                yield move("writes", {"text": each.words[0]})
            elif each.kind == "link":
                yield move("follows link", each.value.replace("*", "1"))
            elif each.kind == "any":
                yield move("writes", {"text": "Hello"})
            elif each.kind == "schedule":
                yield move("time passes", 7 * 86400.0)

    def _calls(self, to: dict[str, str]) -> Iterator[Move]:
        yield move("caller dials", to or None)
        if self.facts.below("call"):
            yield move("caller dials", {**to, "from": "withheld"})
        for name in self.facts.below("call"):
            options = values(None, self.facts.compared(name), name)
            if name == "call.custom":
                yield from (move("caller dials", {**to, "custom": each}) for each in options)
            elif name.startswith("call.headers."):
                header = name.rpartition(".")[2]
                yield from (move("caller dials", {**to, "headers": {header: str(each)}}) for each in options)

    def starts(self) -> Iterator[Move]:
        """The flow is started from outside."""
        for inputs in self.worlds.inputs(self.flow):
            yield move("flow starts", inputs or None)

    # --- on the way ----------------------------------------------------------------------------------------

    def now(self, stage: Watched) -> list[Move]:
        """Everything that can be done; empty where it is over for good."""
        session = stage.session
        if session is None:
            return []
        found = list(self._now(stage, session))
        return list({repr(each): each for each in found}.values())

    def _now(self, stage: Watched, session: Session) -> Iterator[Move]:
        node = self._node(stage, session)
        phone = newest(stage.phones)
        if phone is not None and phone.stands != "over":
            yield from self._on_the_phone(phone, stage, node)
        if session.talk is not None:
            yield from self._in_the_chat(stage, session, node)
        for name in self._events(node) if not session.ended else ():
            yield from (move("event", {"name": name, **data}) for data in self._carried())
        yield from self._late(stage, phone)
        yield from self._time(stage, session, phone)

    def _node(self, stage: Watched, session: Session) -> Node | None:
        return stage.library.program(session.flow).states.get(session.place) if session.place else None

    def _events(self, node: Node | None) -> list[str]:
        if node is None:
            return []
        ours = ["returned", "taken"] if node.waits_as == "handover" else []
        return [*(node.op.get("until") or ()), *ours]

    def _carried(self) -> list[dict[str, Any]]:
        return [{"data": each} if each is not None else {} for each in self.worlds.told]

    def _late(self, stage: Watched, phone: Phone | None) -> Iterator[Move]:
        """Notifications of a recording that was begun."""
        if phone is None:
            return
        for session in stage.sessions():
            armed = session.armed.get("recording")
            if armed:
                node = stage.library.program(armed[0]).states.get(armed[1])
                known = node.events if node is not None else {}
                yield from (move("notify", {"type": each}) for each in _LATE if each in known)

    # --- time ----------------------------------------------------------------------------------------------

    def _time(self, stage: Watched, session: Session, phone: Phone | None) -> Iterator[Move]:
        """Until the next thing happens by itself; the end of a question and of ringing have moves of their own."""
        dues = [stage.store.upcoming(stage.now), phone.due if phone is not None and phone.stands == "parked" else None]
        upcoming = min((each for each in dues if each is not None), default=None)
        sort: Sort = "silence"
        talk = session.talk
        if talk is not None and talk.due and upcoming is not None and session.place and not session.ended:
            name, first = min(talk.due.items(), key=lambda each: each[1])
            if abs(upcoming - talk.wakes) < 1 < first - upcoming:  # set by an earlier place, it does nothing any more
                upcoming = first
            sort = "leaves" if name == "expire" and upcoming >= first - 1 else "silence"
        if upcoming is not None and upcoming > stage.now:
            yield move("time passes", _readable(upcoming - stage.now), sort)
        if phone is not None and phone.stands == "menu" and session.until > stage.now:
            yield move("time passes", _readable(session.until - stage.now + 1), "silence")

    # --- a call --------------------------------------------------------------------------------------------

    def _on_the_phone(self, phone: Phone, stage: Watched, node: Node | None) -> Iterator[Move]:
        yield from _STANDING.get(phone.stands, _nothing)(self, phone, self._called(stage) or node)
        yield move("hangs up", None, "leaves")

    def _called(self, stage: Watched) -> Node | None:
        """The state of the newest call, where a conversation placed it."""
        sessions = list(stage.sessions())
        call = sessions[-1] if len(sessions) > 1 else None
        return self._node(stage, call) if call is not None and call.talk is None else None

    def _menu(self, phone: Phone, node: Node | None) -> Iterator[Move]:
        for key in phone.keys:
            yield move("presses", key)
        if phone.takes_digits:
            op = _asking(phone, node)
            yield from (move("presses", each) for each in self._digits(op, phone.takes_digits))
        yield move("says nothing", None, "silence")
        wrong = "" if phone.takes_digits else next((each for each in KEYS if each not in phone.keys), "")
        if wrong:
            often = phone.entry.get("repeats", 2) + 1
            barge = ((phone.answer or {}).get("action") or {}).get("barge", True)
            yield move("presses", wrong * often) if barge else Move((Step("presses", wrong),) * often)
        if ((phone.answer or {}).get("action") or {}).get("enableVoice"):
            yield from (move("speaks", each) for each in (phone.keys or ("1",))[:1])
        yield move("menu fails", None, "leaves")

    def _digits(self, op: Mapping[str, Any], most: int) -> list[str]:
        """Digits that fit, those that a condition compares with, and some that do not fit."""
        low, high = op.get("digits") or (1, most)
        pattern = op.get("matches", "")
        fitting = digits(low, high, pattern)
        into = op.get("into")
        if into:
            near = values(self.facts.variables.get(into), self.facts.compared(into), into)
            fitting += [str(each) for each in near if low <= len(str(each)) <= high and str(each).isdigit()]
        short = ["1" * (low - 1)] if low > 1 else ["#"]
        wrong = [each * low for each in "0123456789*" if pattern and not compile_pattern(pattern).matches(each * low)]
        return unique([*fitting, *short, *wrong[:1]])

    def _ringing(self, phone: Phone, node: Node | None) -> Iterator[Move]:
        if phone.detects:
            yield from (move("callee", each) for each in ("human", "machine", "not sure"))
        if phone.detects != "sync":
            yield move("callee", "answers")
        else:
            yield move("callee", "hangs up")
        yield from (move("callee", each) for each in ("no answer", "busy", "unreachable"))

    def _talking(self, phone: Phone, node: Node | None) -> Iterator[Move]:
        yield move("callee", "hangs up", "leaves")
        if phone.detects == "async":
            yield from (move("callee", each) for each in ("human", "machine", "not sure", "beep"))

    def _room(self, phone: Phone, node: Node | None) -> Iterator[Move]:
        if phone.listens:
            yield move("presses", "1")

    # --- a chat --------------------------------------------------------------------------------------------

    def _in_the_chat(self, stage: Watched, session: Session, node: Node | None) -> Iterator[Move]:
        if stage.opted_out:
            yield move("writes", {"text": "START"})
            yield move("writes", {"text": NONSENSE})
            return
        if node is None or session.ended:
            yield from self._entrances
            return
        if node.waits_as == "ask":
            yield from self._answers(stage, session, node)
            if stage.chat.got:
                yield move("receipt", "failed")
        else:
            yield move("writes", {"text": NONSENSE})
        yield move("writes", {"text": "STOP"}, "leaves")
        if any(each.kind == "start" for each in self.flow.triggers):
            yield from list(self.starts())[:1]
        yield from (move("writes", {"text": each.words[0]}) for each in self.flow.triggers if each.interrupt)

    def _answers(self, stage: Watched, session: Session, node: Node) -> Iterator[Move]:
        op, talk = node.op, session.talk
        assert talk is not None
        if talk.burst:
            yield from _more(talk.burst)
            return
        shown = stage.chat.got[-1].options if stage.chat.got else []
        yield from (move("taps", label) for label, _ in shown)
        tapped = {postback.partition("#")[0] for _, postback in shown}
        for each in op["choices"]:
            if not any(each.get(name) for name in ("url", "call", "location", "calendar")):
                yield from self._choice(each, talk.marks, each["value"] in tapped, stage)
        for option in talk.options:
            if option["value"] in talk.marks:
                yield move("writes", {"text": talk.marks[option["value"]]})
        for each in op["expect"]:
            yield from self._expected(each, op.get("into", ""))
        wrong: tuple[Step, ...] = (Step("writes", {"text": NONSENSE}),)
        yield Move(wrong)
        if op.get("settle"):
            wrong = (*wrong, Step("time passes", _readable(op["settle"] + 1)))
        if op["repeats"] > talk.tries:
            yield Move(wrong * (op["repeats"] - talk.tries + 1))

    def _choice(
        self, choice: Mapping[str, Any], marks: Mapping[str, str], shown: bool, stage: Watched
    ) -> Iterator[Move]:
        """One way to say it in words; a choice that has a button needs none."""
        if choice.get("share_location"):
            yield move("shares", "location")
        if shown:
            return
        if marks.get(choice["value"]):
            yield move("writes", {"text": marks[choice["value"]]})
        elif choice.get("words") or choice.get("has"):
            yield move("writes", {"text": [*choice["words"], *choice["has"]][0]})
        elif choice.get("number"):
            yield move("writes", {"text": str(choice["number"][0])})

    def _expected(self, expect: Mapping[str, Any], into: str) -> Iterator[Move]:
        variable = self.facts.variables.get(into)
        near = values(variable, self.facts.compared(into), into) if into else []
        kind = expect["kind"]
        if kind in ("media", "location"):
            yield move("shares", "photo" if kind == "media" else "location")
        elif kind == "number":
            yield from (move("writes", {"text": f"{each:.15g}"}) for each in _numbers(expect, near))
        elif kind == "matches":
            fitting = [each for each in map(str, near) if compile_pattern(expect["pattern"]).matches(each)]
            yield from (move("writes", {"text": each}) for each in unique([*matching(expect["pattern"]), *fitting]))
        elif kind == "date":
            yield move("writes", {"text": "tomorrow"})
        else:
            texts = [str(each) for each in near if fold(str(each))] or [TEXT]
            yield from (move("writes", {"text": each}) for each in texts)


def _more(burst: Sequence[str]) -> Iterator[Move]:
    """While what is written is still gathered: one text more, once, and something that is no text."""
    if len(burst) == 1:
        yield move("writes", {"text": NONSENSE})
        yield move("shares", "photo")


def _numbers(expect: Mapping[str, Any], near: Sequence[Any]) -> list[float]:
    """The bounds, what conditions compare with, and one too many; any number where nothing says more."""
    low, high = expect.get("low"), expect.get("high")
    found = [each for each in near if isinstance(each, int | float) and not isinstance(each, bool)]
    inside = [each for each in found if (low is None or each >= low) and (high is None or each <= high)]
    outside = [high, high + 1] if high is not None else []
    return unique([*([low] if low is not None else []), *inside, *outside]) or [ANY]


def _asking(phone: Phone, node: Node | None) -> Mapping[str, Any]:
    """The settings of the state whose menu plays: of nested menus, the one that was jumped to."""
    if node is None:
        return {}
    fused = node.op.get("fused")
    if fused:
        state = next((name for name, menu in fused["menus"].items() if menu == phone.entry["id"]), "")
        found: Mapping[str, Any] = fused["ops"].get(state, node.op)
        return found
    return node.op


def _readable(seconds: float) -> float:
    """A little more rather than less, in whole minutes, hours where it is long."""
    unit = 60 if seconds > 90 else 1
    return float(ceil(seconds / unit) * unit)


def _nothing(moves: Moves, phone: Phone, node: Node | None) -> Iterator[Move]:
    return iter(())


_STANDING: dict[str, Callable[[Moves, Phone, Node | None], Iterator[Move]]] = {
    "menu": Moves._menu,
    "ringing": Moves._ringing,
    "talking": Moves._talking,
    "room": Moves._room,
}
