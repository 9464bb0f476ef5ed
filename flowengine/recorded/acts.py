"""What a recorded turn heard, as the acts of a scenario by which it is heard again.

Each asks the stage how things stand: which keys lead to a choice there, what is shown to be tapped, what is due.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from flowengine.filters import printed
from flowengine.linking import Node, Program
from flowengine.recorded import made_up
from flowengine.recorded.made_up import HASH, HIDDEN, StandIns
from flowengine.recorded.reading import Recorded
from flowengine.scenarios.steps import Step
from flowengine.simulator import Phone
from flowengine.stage import CALLER, Stage

NOTICES = ("recording_finished", "recording_available", "transcription_available", "callingerror")
WRONG_KEYS = "0123456789*#"
MUCH = 600.0
"""Seconds from which on a length of time is told in whole minutes."""


class CannotSay(Exception):
    """No scenario can say what came: one phrase."""


@dataclass(slots=True)
class Scene:
    """Where a turn is to be heard again. ``way`` is which of several things that may have been given is tried.

    ``ways`` is how many there are, ``made`` what was made up for the turn.
    """

    stage: Stage
    stand_ins: StandIns
    turn: Recorded
    way: int = 0
    ways: int = 1
    made: str = ""

    @property
    def heard(self) -> Mapping[str, Any]:
        return self.turn.heard

    def text(self, value: Any) -> str:
        return str(self.stand_ins.filled(value))

    def pick(self, given: Iterable[str]) -> str:
        """One of the things that may have been given."""
        options = list(dict.fromkeys(each for each in given if each)) or [HIDDEN]
        self.ways = len(options)
        self.made = options[min(self.way, len(options) - 1)]
        return self.made

    def standing(self) -> tuple[Program, str]:
        session = self.stage.session
        if session is None:
            return self.stage.library.program(""), ""
        return self.stage.library.program(session.flow), session.place

    @property
    def phone(self) -> Phone:
        if not self.stage.phones:
            raise CannotSay("there is no call here")
        return self.stage.phone


def acts(scene: Scene) -> list[Step]:
    """The steps. Raises :class:`CannotSay`."""
    say = _SAY.get(scene.heard.get("event", ""))
    if say is None:
        raise CannotSay("it was recorded before the journal said what came")
    return say(scene)


# --- calls ------------------------------------------------------------------------------------------------------


def _ice(scene: Scene) -> list[Step]:
    stage, heard = scene.stage, scene.heard
    if stage.phones:
        raise CannotSay("a call that was placed asked for its route")
    value: dict[str, Any] = {}
    own = [str(each) for kind, each, _ in stage.program.image["triggers"] if kind == "to"]
    known = scene.stand_ins.known.get(heard["to"], "")
    if known in own[1:]:
        value["to"] = known
    if not own and stage.program.name != stage.library.anyone:
        raise CannotSay(f"no number leads to {stage.program.name}")
    number = scene.stand_ins.number(heard["cli"]) if heard["cli"] else "withheld"
    if number != CALLER:
        value["from"] = number
    if heard.get("custom") not in (None, "", HIDDEN):
        value["custom"] = scene.text(heard["custom"])
    if heard.get("headers") not in (None, {}, HIDDEN):
        value["headers"] = scene.stand_ins.filled(heard["headers"])
    return [Step("caller dials", value or None)]


def _pie(scene: Scene) -> list[Step]:
    kind = scene.heard["type"]
    if kind == "hangup":
        return [Step("hangs up")]
    if scene.phone.stands == "room":
        return [Step("presses", _given(scene, ["1"]))]
    if scene.phone.stands != "menu":
        raise CannotSay("a key came when no menu played")
    if kind == "timeout":
        return [Step("says nothing")]
    if kind == "error":
        return [Step("menu fails")]
    way = [Step("presses", key) for key in _way_to(scene.phone, scene.heard["menuId"])]
    if kind == "sequence":
        return [*way, Step("presses", _digits(scene) or "#")]
    if kind == "return":
        return [*way, _chosen(scene)]
    return [*way, Step("presses", _wrong(scene.phone, scene.heard["menuId"]))]


def _way_to(phone: Phone, menu_id: str) -> str:
    """The keys that lead from the menu that plays to another one of the same answer."""
    menus = {each["id"]: each for each in ((phone.answer or {}).get("action") or {}).get("menus", ())}
    todo = deque([(phone.entry["id"], "")])
    seen = {phone.entry["id"]}
    while todo:
        at, keys = todo.popleft()
        if at == (menu_id or "main"):
            return keys
        for option in menus[at].get("options") or ():
            to = option["action"][5:-1] if option["action"].startswith("menu(") else ""
            if to in menus and to not in seen:
                seen.add(to)
                todo.append((to, keys + option["dtmf"]))
    raise CannotSay("a key came of a menu that did not play")


def _entry(phone: Phone, menu_id: str) -> Mapping[str, Any]:
    menus: list[Mapping[str, Any]] = (phone.answer or {})["action"]["menus"]
    return next(each for each in menus if each["id"] == (menu_id or "main"))


def _options(phone: Phone, menu_id: str) -> Mapping[str, str]:
    """The keys of a menu by the choice that each makes."""
    listed = _entry(phone, menu_id).get("options") or ()
    return {each["action"][7:-1]: each["dtmf"] for each in listed if each["action"].startswith("return(")}


def _chosen(scene: Scene) -> Step:
    keys = _options(scene.phone, scene.heard["menuId"])
    value = scene.heard["value"]
    if value == HIDDEN:
        value = scene.pick([each for each in (scene.turn.event, *keys) if each in keys])
    if value not in keys:
        raise CannotSay(f"nothing can be pressed that chooses {value}")
    spoken = scene.heard["inputMethod"] in ("voice", "speech")
    return Step("speaks" if spoken else "presses", keys[value])


def _wrong(phone: Phone, menu_id: str) -> str:
    """A key that nobody listens for, as often as the menu asks again."""
    entry = _entry(phone, menu_id)
    keys = {each["dtmf"] for each in entry.get("options") or ()}
    key = next((each for each in WRONG_KEYS if each not in keys), "")
    if not key or entry.get("maxDigits"):
        raise CannotSay("a wrong key came where every key is right")
    return key * (int(entry.get("repeats", 2)) + 1)


def _digits(scene: Scene) -> str:
    node = _menu(scene)
    hashed = bool(HASH.fullmatch(scene.heard["value"]))
    fit = scene.turn.event != "invalidinput"
    if node is None or "digits" not in node.op:
        return _given(scene, ["1"])
    return _given(scene, made_up.digits(node.op, fit, made_up.LEAST if hashed else 1))


def _given(scene: Scene, instead: Iterable[str]) -> str:
    value = str(scene.heard["value"])
    if HASH.fullmatch(value):
        scene.stand_ins.assign(value, scene.pick(instead))
        return scene.made
    return scene.pick(instead) if value == HIDDEN else value


def _menu(scene: Scene) -> Node | None:
    program, place = scene.standing()
    node = program.states.get(place)
    fused = (node.op.get("fused") or {}).get("states", {}) if node is not None else {}
    return program.states.get(fused.get(scene.heard["menuId"] or "main", place))


_VERDICTS = {"human": "human", "machine": "machine", "notsure": "not sure", "hangup": "hangs up"}


def _ace(scene: Scene) -> list[Step]:
    if scene.phone.stands != "ringing":
        raise CannotSay("somebody answered when nobody was rung")
    return [Step("callee", _VERDICTS.get(scene.heard.get("amd", {}).get("status", ""), "answers"))]


def _dice(scene: Scene) -> list[Step]:
    phone, heard = scene.phone, scene.heard
    if phone.stands == "over":
        raise CannotSay("the call ended a second time")
    if phone.stands != "ringing":
        by_callee = heard["reason"] == "CALLEEHANGUP" and not phone.outbound and phone.stands == "talking"
        return [Step("callee", "hangs up") if by_callee else Step("hangs up")]
    if heard["result"] == "BUSY":
        return [Step("callee", "busy")]
    if heard["reason"] in ("CANCEL", "CALLERHANGUP") and not phone.outbound:
        return [Step("hangs up")]
    failed = heard["result"] == "FAILED" or heard["reason"] == "CONGESTION"
    return [Step("callee", "unreachable" if failed else "no answer")]


def _notify(scene: Scene) -> list[Step]:
    kind = scene.heard["type"]
    if kind == "amd_beep":
        return [Step("callee", "beep")]
    if kind == "amd":
        return [Step("callee", _VERDICTS.get(scene.heard.get("amd", {}).get("status", ""), "not sure"))]
    if kind not in NOTICES:
        raise CannotSay(f"a notification came that scenarios do not know, {kind}")
    return [Step("notify", {"type": kind})]


def _refused(scene: Scene) -> list[Step]:
    raise CannotSay("the platform refused what nothing here asked of it")


def _lost(scene: Scene) -> list[Step]:
    raise CannotSay("nothing was heard of it any more")


# --- both -------------------------------------------------------------------------------------------------------


def _start(scene: Scene) -> list[Step]:
    stage, heard = scene.stage, scene.heard
    if heard["flow"] != stage.program.name or heard.get("state"):
        raise CannotSay(f"{heard['flow']} was started in it, and this scenario plays {stage.program.name}")
    value = {name: _input(scene, name, each) for name, each in heard["inputs"].items()}
    return [Step("flow starts", value or None)]


def _input(scene: Scene, name: str, value: Any) -> Any:
    kind = scene.stage.program.image["inputs"].get(name, {}).get("type", "text")
    if value == HIDDEN:
        return {"phone": CALLER, "number": "1", "digits": "4821", "boolean": "true"}.get(kind, "Words")
    filled = scene.stand_ins.filled(value, "" if kind == "number" else "+")
    return filled if isinstance(filled, list | dict) else printed(filled)


def _outside(scene: Scene) -> list[Step]:
    data = scene.stand_ins.filled(scene.heard["data"])
    more = {"data": data} if data is not None else {}
    return [Step("event", {"name": scene.heard["name"], **more})]


def _elapsed(scene: Scene) -> list[Step]:
    """Until something is due; or until it came then, which may be later: timers may fire late."""
    due, late = scene.stage.due, scene.turn.at
    scene.ways = 2
    until = late if due is None else max(due, late) if scene.way else due
    return [Step("time passes", length(max(1.0, until - scene.stage.now)))]


def length(seconds: float) -> float:
    """At least so long, as people say it."""
    return float(ceil(seconds / 60) * 60 if seconds >= MUCH else ceil(seconds))


# --- conversations ----------------------------------------------------------------------------------------------


def _message(scene: Scene) -> list[Step]:
    return _SENT.get(scene.heard["kind"], _unknown)(scene)


def _unknown(scene: Scene) -> list[Step]:
    raise CannotSay(f"a message came that scenarios do not know, {scene.heard['kind']}")


def _text(scene: Scene) -> list[Step]:
    heard, session = scene.heard, scene.stage.session
    text = heard.get("text", "")
    if text == HIDDEN:
        marks: Mapping[str, str] = session.talk.marks if session is not None and session.talk is not None else {}
        program, place = scene.standing()
        text = scene.pick(_plain(made_up.answers(program, place, scene.turn.event, marks)))
    channel = heard["channel"]
    more = {"channel": channel} if channel != scene.stage.chat.channel else {}
    return [Step("writes", {"text": scene.text(text), **more})]


def _plain(texts: Sequence[str]) -> list[str]:
    return [each if each != HIDDEN else "What do you mean" for each in texts]


def _tap(scene: Scene) -> list[Step]:
    value = scene.heard.get("choice", HIDDEN)
    if value == HIDDEN:
        value = scene.pick([scene.turn.event])
    for record in reversed(scene.stage.chat.got):
        for label, postback in record.options:
            if (postback.rpartition("#")[0] or postback) == value:
                return [Step("taps", label)]
    raise CannotSay("a button was tapped that is not shown here")


def _media(scene: Scene) -> list[Step]:
    heard = scene.heard
    url = heard.get("media", HIDDEN)
    if url == HIDDEN:
        return [Step("shares", "photo")]
    text = heard.get("text", "")
    more = {"text": scene.text(text)} if text not in ("", HIDDEN) else {}
    return [Step("shares", {"media": scene.text(url), **more})]


def _location(scene: Scene) -> list[Step]:
    place = scene.heard.get("location", HIDDEN)
    if place == HIDDEN:
        return [Step("shares", "location")]
    title = {"title": scene.text(place["title"])} if place["title"] else {}
    where = {"latitude": place["latitude"], "longitude": place["longitude"]}
    return [Step("shares", {"location": {**title, **where}})]


def _link(scene: Scene) -> list[Step]:
    return [Step("follows link", scene.text(scene.heard["payload"]))]


def _receipt(scene: Scene) -> list[Step]:
    return [Step("receipt", "failed")]


def _consent(scene: Scene) -> list[Step]:
    raise CannotSay("the platform itself told of an opt-out or opt-in")


def _called(scene: Scene) -> list[Step]:
    """What the call came to that the conversation placed; what was said in it is in the journal of that call."""
    outcome = scene.heard["outcome"]
    phone = scene.phone
    if phone.stands == "ringing":
        found = scene.pick(["no answer", "human", "answers", "machine", "busy", "unreachable"])
        scene.made = ""
        return [Step("callee", found)]
    if phone.stands == "menu" and outcome in _options(phone, phone.entry["id"]):
        return [Step("presses", _options(phone, phone.entry["id"])[outcome])]
    if phone.stands == "over":
        raise CannotSay("the call that it placed came to something else here")
    return [Step("hangs up")]


_SENT: dict[str, Callable[[Scene], list[Step]]] = {
    "text": _text,
    "tap": _tap,
    "media": _media,
    "location": _location,
}
_SAY: dict[str, Callable[[Scene], list[Step]]] = {
    "ice": _ice,
    "pie": _pie,
    "ace": _ace,
    "dice": _dice,
    "notify": _notify,
    "patched": _refused,
    "refused": _refused,
    "lost": _lost,
    "start": _start,
    "outside": _outside,
    "elapsed": _elapsed,
    "timer": _elapsed,
    "message": _message,
    "link": _link,
    "receipt": _receipt,
    "consent": _consent,
    "called": _called,
}
