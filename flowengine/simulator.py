"""The platform and the person: what is heard of real SVAML, what is read of real messages, and what they do then.

The only interpreter of answers there is: scenarios, generated calls and the phone in the terminal play through it. It
knows neither flows nor stores; callbacks go out as the bytes that the platform posts, and answers come back as bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

import orjson

from flowengine.prompts import parse
from flowengine.sinch.fake import bodies as contents
from flowengine.sinch.fake.bodies import Bodies
from flowengine.sinch.fake.ids import Ids
from flowengine.sinch.fake.records import Record

CALLS = "https://calling-euc1.api.sinch.com/calling/v1/calls/id/"
RINGING = 60.0
"""Seconds that the platform rings where the answer does not say how long."""
_TAG = re.compile(r"<[^>]*>")
_BRIDGES = ("connectPstn", "connectSip", "connectMxp", "connectStream")
_SILENT = ("connectMxp", "connectStream")
"""Bridges of which no ACE tells."""
UNANSWERED = {
    "no answer": ("TIMEOUT", "NOANSWER"),
    "busy": ("CANCEL", "BUSY"),
    "unreachable": ("CONGESTION", "FAILED"),
}
VERDICTS = {"human": "human", "machine": "machine", "not sure": "notsure"}

Stands = Literal["idle", "menu", "ringing", "talking", "room", "parked", "over"]


class CannotAct(Exception):
    """Nobody could do this now: one sentence that says what stands in the way."""


class Seen(NamedTuple):
    """One thing that was observed.

    ``kind`` is ``hears reads connects rings joins parks records stops tones sends requests ends``; ``text`` the words,
    number, room or address; ``asks``: it waits for an answer, chosen from ``choices`` (keys of a menu, labels of
    buttons) where there are any. ``more`` is the instruction, action, message or request itself, ``name`` what
    ``may_dial`` calls a number.
    """

    kind: str
    text: str = ""
    asks: bool = False
    choices: tuple[str, ...] = ()
    more: Any = None
    name: str = ""


Saw = Callable[[Seen], None]


# --- a call ------------------------------------------------------------------------------------------------


class Phone:
    """One call, and the person who holds the receiver: the caller, or in a callout the one who is rung.

    ``post`` delivers a callback and gives the answer's bytes, ``clock`` is Unix seconds. ``due`` is when something
    happens by itself (a question times out, a park or the ringing ends); :meth:`expire` lets it happen.
    """

    def __init__(
        self,
        post: Callable[[bytes], bytes],
        clock: Callable[[], float],
        saw: Saw,
        call_id: str,
        custom: str = "",
        outbound: bool = False,
    ) -> None:
        self._post, self._clock, self._saw = post, clock, saw
        self.call_id, self.custom, self.outbound = call_id, custom, outbound
        self.cli = ""
        self.stands: Stands = "idle"
        self.answer: dict[str, Any] | None = None
        self.due: float | None = None
        self.heard = 0
        """Callbacks posted so far."""
        self.pressed = 0
        """How many of the keys that were pressed last somebody listened for."""
        self._action: dict[str, Any] = {}
        self._menus: dict[str, dict[str, Any]] = {}
        self._menu, self._tries, self._digits = "", 0, ""
        self._answered: float | None = None
        self._bridge: dict[str, Any] = {}

    # --- callbacks -----------------------------------------------------------------------------------------

    def tell(self, event: str, heard: bool = True, **fields: Any) -> None:
        """The platform posts a callback and plays the answer, if anybody is there to hear it."""
        time = datetime.fromtimestamp(self._clock(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        body = {
            "event": event,
            "callid": self.call_id,
            "timestamp": time,
            "version": 1,
            "custom": self.custom,
            **fields,
        }
        self.heard += 1
        answer = self._post(orjson.dumps(body))
        if answer and heard and event not in ("dice", "notify"):
            self.play(answer)

    def dial(self, to: str, cli: str, headers: Mapping[str, str] | None = None) -> None:
        """The caller dials; ``cli`` is ``private`` where it is withheld."""
        self.cli, self._answered = cli, self._clock()
        listed = [{"key": key, "value": value} for key, value in (headers or {}).items()]
        kind = "did" if to.startswith("+") else "sip" if "@" in to else "username"
        self.tell(
            "ice",
            cli=cli,
            to={"type": kind, "endpoint": to},
            domain="pstn",
            originationType="PSTN",
            callResourceUrl=CALLS + self.call_id,
            callHeaders=listed,
        )

    # --- answers -------------------------------------------------------------------------------------------

    def play(self, answer: bytes) -> None:
        """What an answer, or a change of the live call, lets the person hear, and where it leaves the call."""
        self.answer = svaml = orjson.loads(answer)
        for each in svaml.get("instructions") or ():
            _INSTRUCTIONS.get(each["name"], _nothing)(self._saw, each)
        self._action = action = svaml["action"]
        self.due = None
        if action["name"] in _BRIDGES:
            self._ring(action)
        else:
            _ACTIONS[action["name"]](self, action)

    def _ring(self, action: Mapping[str, Any]) -> None:
        to = action.get("number") or action["destination"]["endpoint"]
        self._saw(Seen("rings" if self.outbound else "connects", str(to), more=action))
        self._bridge = dict(action)
        if self.outbound:
            self._answered = None
        self.stands = "ringing"
        self.due = self._clock() + float(action.get("dialTimeout") or RINGING)

    def _end(self, action: Mapping[str, Any]) -> None:
        self._over("MANAGERHANGUP", "ANSWERED" if self._answered is not None else "N/A")

    def _go_on(self, action: Mapping[str, Any]) -> None:
        if self.stands not in ("room", "talking"):
            self.stands = "talking" if self._bridge else "idle"

    def _enter(self, action: Mapping[str, Any]) -> None:
        self.stands = "room"
        self._saw(Seen("joins", str(action["conferenceId"]), more=action))

    def _park(self, action: Mapping[str, Any]) -> None:
        self.stands = "parked"
        for name in ("introPrompt", "holdPrompt"):
            _hear(self._saw, str(action.get(name, "")))
        self._saw(Seen("parks", more=action))
        self.due = self._clock() + float(action.get("maxDuration", 600))

    def _ask(self, action: Mapping[str, Any]) -> None:
        self.stands = "menu"
        self._menus = {each["id"]: each for each in action["menus"]}
        self._open(str(action.get("mainMenu") or "main"))

    def _open(self, menu: str) -> None:
        self._menu, self._tries, self._digits = menu, 0, ""
        self._prompt("mainPrompt")

    def _prompt(self, name: str) -> None:
        entry = self.entry
        words = str(entry.get(name) or entry.get("mainPrompt") or "")
        keys = tuple(each["dtmf"] for each in entry.get("options") or ())
        if words:
            self._saw(Seen("hears", spoken(words), True, keys, entry))
        self.due = self._clock() + entry.get("timeoutMills", 5000) / 1000

    @property
    def entry(self) -> dict[str, Any]:
        """The menu that plays now."""
        return self._menus[self._menu]

    @property
    def takes_digits(self) -> int:
        """How many digits the menu that plays now collects; 0 where it takes single keys or none plays."""
        return int(self.entry.get("maxDigits", 0)) if self.stands == "menu" else 0

    @property
    def keys(self) -> tuple[str, ...]:
        """The single keys that do something now."""
        return tuple(each["dtmf"] for each in self.entry.get("options") or ()) if self.stands == "menu" else ()

    @property
    def detects(self) -> str:
        """Which answering-machine detection was asked for where it rings or rang: ``sync``, ``async`` or nothing."""
        amd = self._bridge.get("amd") or {}
        return ("async" if amd.get("async") else "sync") if amd.get("enabled") else ""

    @property
    def listens(self) -> bool:
        """Whether a key pressed now reaches the flow: in a menu, or in a room that detects keys."""
        return self.stands == "menu" or (self.stands == "room" and self._room_keys().get("mode") == "detect")

    # --- what the person does ------------------------------------------------------------------------------

    def press(self, keys: str) -> None:
        """Keys, one after the other; digits that are too few are complete after a silence."""
        self.pressed = 0
        if self.stands == "room":
            self._press_in_room(keys)
            return
        for at, key in enumerate(keys):
            self.pressed = at
            if self.stands != "menu":
                raise CannotAct(f"nobody listens for the key {key}: {self.situation}")
            self._key(key, "dtmf")
            if at == len(keys) - 1 and self._digits:
                self._result("sequence", self._digits, "dtmf")

    def speak(self, digit: str) -> None:
        """A digit that is spoken, where the menu understands speech."""
        if self.stands != "menu" or not self._action.get("enableVoice"):
            raise CannotAct(f"nobody listens for speech: {self.situation}")
        self._key(digit, "voice")

    def _key(self, key: str, method: str) -> None:
        entry = self.entry
        action = next((each["action"] for each in entry.get("options") or () if each["dtmf"] == key), "")
        if action.startswith("menu("):
            self._open(action[5:-1])
        elif action:
            self._result("return", action[7:-1], method)
        elif not entry.get("maxDigits"):
            self._fail("invalidinput")
        elif key == "#":
            self._result("sequence", self._digits, method)
        else:
            self._digits += key
            if len(self._digits) >= entry["maxDigits"]:
                self._result("sequence", self._digits, method)

    def _fail(self, kind: str) -> None:
        """Nothing, or nothing that fits, was pressed: the prompt again as often as the menu says."""
        self._tries += 1
        self._digits = ""
        if self._tries <= self.entry.get("repeats", 2):
            self._prompt("repeatPrompt")
        else:
            self._result(kind)

    def _result(self, kind: str, value: str = "", method: str = "") -> None:
        result = {"menuId": self._menu, "type": kind, "value": value, "inputMethod": method}
        self._digits, self.due = "", None
        needed = ("menuId", "type", "value") if kind == "sequence" else ("menuId", "type")
        self.tell("pie", menuResult={name: each for name, each in result.items() if each or name in needed})

    def fail(self) -> None:
        """The platform cannot play the menu."""
        if self.stands != "menu":
            raise CannotAct(f"no menu plays: {self.situation}")
        self._result("error")

    def _room_keys(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._action.get("conferenceDtmfOptions") or {}
        return found

    def _press_in_room(self, keys: str) -> None:
        options = self._room_keys()
        if options.get("mode") != "detect":
            raise CannotAct("nobody listens for keys in this room: its dtmf has no mode detect")
        room = self._action["conferenceId"]
        most = int(options.get("maxDigits", 1))
        for at in range(0, len(keys), most):
            result = {"menuId": room, "type": "sequence", "value": keys[at : at + most], "inputMethod": "dtmf"}
            self.tell("pie", conferenceId=room, menuResult=result)

    def hang_up(self) -> None:
        """The person hangs up; within a menu the platform tells it twice."""
        self._must_live()
        if self.stands == "menu":
            self._menus, self.due = {}, None
            self.stands = "idle"
            result = {"menuId": self._menu, "type": "hangup"}
            self.tell("pie", False, menuResult=result)
        if self.stands == "ringing" and not self.outbound:
            self._over("CANCEL", "NOANSWER")
        elif self.stands != "over":
            self._over("CALLEEHANGUP" if self.outbound else "CALLERHANGUP", "ANSWERED")

    def callee(self, what: str) -> None:
        """What becomes of the one who is rung: a word of the scenario language (``answers``, ``machine`` …)."""
        self._must_live()
        if self.stands == "ringing":
            self._ringing(what)
        elif self._answered is None or not self._bridge:
            raise CannotAct(f"nobody is being called: {self.situation}")
        elif what == "hangs up":
            self._over("CALLEEHANGUP", "ANSWERED")
        elif what in VERDICTS or what == "beep":
            self._late(what)
        else:
            raise CannotAct(f"whoever was called has answered already, so that {what} cannot come")

    def _ringing(self, what: str) -> None:
        if what in UNANSWERED:
            self._over(*UNANSWERED[what])
            return
        if what == "beep":
            raise CannotAct("nobody has answered yet, so that no beep can be heard")
        if what == "hangs up" and self.detects != "sync":
            raise CannotAct("nobody has answered yet; a callee who does not want the call is busy")
        if what in VERDICTS and not self.detects:
            raise CannotAct("nobody can tell who answered: the call asks for no amd, so that callee only answers")
        self._picked_up(what)

    def _picked_up(self, what: str) -> None:
        self._answered, self.stands, self.due = self._clock(), "talking", None
        if self._action["name"] not in _SILENT and not self._action.get("suppressCallbacks"):
            status = {"": None, "async": "inprogress", "sync": VERDICTS.get(what, "human")}[self.detects]
            status = "hangup" if what == "hangs up" else status
            amd: dict[str, Any] = {"amd": {"status": status, "reason": "", "duration": 1}} if status else {}
            self.tell("ace", **amd)
        if what == "hangs up":
            self._hung_up_by_callee()
        elif what in VERDICTS and self.detects == "async":
            self._late(what)

    def _hung_up_by_callee(self) -> None:
        if self.stands != "over":
            self._over("CALLEEHANGUP", "ANSWERED")

    def _late(self, what: str) -> None:
        if self.detects != "async":
            raise CannotAct(f"{what} cannot be told any more: the call asks for no amd: async")
        if what == "beep":
            self.tell("notify", type="amd_beep", amd={"status": "machine", "reason": "beep"})
        else:
            self.tell("notify", type="amd", amd={"status": VERDICTS[what], "reason": ""})

    def notify(self, kind: str, fields: Mapping[str, Any]) -> None:
        """A notification; a file is at the address of the recording that was begun unless ``fields`` say where."""
        self.tell("notify", type=kind, **fields)

    def expire(self) -> None:
        """What was due happens."""
        self.due = None
        if self.stands == "menu":
            self._result("sequence", self._digits, "dtmf") if self._digits else self._fail("timeout")
        elif self.stands == "ringing":
            self._over(*UNANSWERED["no answer"])
        elif self.stands == "parked":
            self._over("MANAGERHANGUP", "ANSWERED")

    def _must_live(self) -> None:
        if self.stands == "over":
            raise CannotAct("the call is over")

    def _over(self, reason: str, result: str) -> None:
        """The call ends, and the platform tells it."""
        self.stands, self.due = "over", None
        self._saw(Seen("ends", reason))
        answered = self._answered if result == "ANSWERED" else None
        duration = round(self._clock() - answered) if answered is not None else 0
        fields: dict[str, Any] = {"from": self.cli or "private", "reason": reason, "result": result}
        self.tell("dice", duration=duration, **fields)

    @property
    def situation(self) -> str:
        """Where the call stands, for a sentence."""
        if self.stands == "ringing":
            return f"it rings at {masked(str(self._action.get('number') or self._action['destination']['endpoint']))}"
        return _SITUATIONS[self.stands]


_SITUATIONS = {
    "idle": "no call has begun",
    "menu": "a menu plays",
    "talking": "two people are talking",
    "room": "the caller is in a room",
    "parked": "the caller is on hold",
    "over": "the call is over",
}
_ACTIONS: dict[str, Callable[[Phone, Mapping[str, Any]], None]] = {
    "hangup": Phone._end,
    "continue": Phone._go_on,
    "connectConf": Phone._enter,
    "park": Phone._park,
    "runMenu": Phone._ask,
}


def _nothing(saw: Saw, instruction: Mapping[str, Any]) -> None:
    """Nobody notices: a cookie, or that the platform picks up."""


def _say(saw: Saw, instruction: Mapping[str, Any]) -> None:
    saw(Seen("hears", str(instruction["text"]), more=instruction))


def _play_files(saw: Saw, instruction: Mapping[str, Any]) -> None:
    for each in instruction["ids"]:
        _hear(saw, each)


def _hear(saw: Saw, prompts: str) -> None:
    words = spoken(prompts)
    if words:
        saw(Seen("hears", words))


def _record(saw: Saw, instruction: Mapping[str, Any]) -> None:
    saw(Seen("records", more=instruction))


_INSTRUCTIONS: dict[str, Callable[[Saw, Mapping[str, Any]], None]] = {
    "say": _say,
    "playFiles": _play_files,
    "startRecording": _record,
    "stopRecording": lambda saw, each: saw(Seen("stops")),
    "sendDtmf": lambda saw, each: saw(Seen("tones", str(each.get("value", "")), more=each)),
}


def spoken(prompts: str) -> str:
    """The words of a prompt string and the names of its files, as one hears them; what is only a pause is nothing."""
    if not prompts:
        return ""
    words = (_TAG.sub(" ", body) if kind == "ssml" else body for kind, body in parse(prompts))
    return " ".join(" ".join(words).split())


def masked(number: str) -> str:
    """A number as it may be shown: its first three and last two characters."""
    return f"{number[:3]}…{number[-2:]}" if re.fullmatch(r"\+?[0-9]{7,15}", number) else number


# --- a chat ------------------------------------------------------------------------------------------------


class Chat:
    """One contact of an app: what they read, and what they write, tap and share.

    ``deliver`` posts a webhook. ``business`` is the number (or name) that they write to. ``seed`` makes the ids of
    messages, the same ones in every play unless it is another.
    """

    def __init__(
        self,
        deliver: Callable[[bytes], None],
        clock: Callable[[], float],
        saw: Saw,
        app: str,
        channel: str,
        identity: str,
        business: str = "",
        seed: int = 0,
    ) -> None:
        self._deliver, self._saw, self._clock = deliver, saw, clock
        self.channel, self.identity, self.business = channel, identity, business
        self._ids = Ids(seed)
        self._bodies = Bodies(app, "project", self._ids, clock, "DISPATCH")
        self.got: list[Record] = []

    # --- what comes ----------------------------------------------------------------------------------------

    def receive(self, body: Mapping[str, Any], question: bool) -> None:
        """A message was sent, as the body of the request says; ``question``: it waits for an answer."""
        self.take(self._record(body), question)

    def take(self, record: Record, question: bool) -> None:
        """A message was sent that has its id already."""
        if record.identity == self.identity.removeprefix("+"):
            self.got.append(record)
            self._saw(read(record, question))
        else:
            self._saw(_elsewhere(record))

    def receive_elsewhere(self, body: Mapping[str, Any]) -> None:
        """A message was sent to somebody else, or by a call."""
        self._saw(_elsewhere(self._record(body)))

    def _record(self, body: Mapping[str, Any]) -> Record:
        return Record(self._ids.new(), dict(body), self._clock())

    # --- what the contact does -----------------------------------------------------------------------------

    def write(self, text: str) -> None:
        self._say(contents.text(text))

    def share(self, content: Mapping[str, Any]) -> None:
        """Something else than text: ``{media: url, text}`` or ``{location: {latitude, longitude, title}}``."""
        if "media" in content:
            self._say(contents.media(str(content["media"]), str(content.get("text") or "")))
            return
        place = content["location"]
        where = float(place.get("latitude", 0.0)), float(place.get("longitude", 0.0))
        self._say(contents.location(*where, str(place.get("title") or "")))

    def tap(self, what: str) -> None:
        """The newest button or row with this label or value."""
        wanted = _folded(what)
        for record in reversed(self.got):
            for label, postback in buttons(record):
                if wanted in (_folded(label), _folded(postback.partition("#")[0])):
                    self._say(contents.tap(record.message_id, postback))
                    return
        raise CannotAct(f'nothing to tap is called "{what}"; {self._tappable()}')

    def _tappable(self) -> str:
        labels = [label for label, _ in buttons(self.got[-1])] if self.got else []
        if labels:
            return f"the last message shows {', '.join(labels)}"
        return f"{self.channel} shows no buttons here: write the answer"

    def follow_link(self, payload: str) -> None:
        self._send(self._bodies.event(contents.link(payload, payload), self.channel, self.identity))

    def receipt(self, status: str) -> None:
        """What became of the last message: ``DELIVERED``, or ``FAILED``."""
        if not self.got:
            raise CannotAct("nothing has been sent yet that a receipt could be of")
        reason = "RECIPIENT_NOT_REACHABLE" if status == "FAILED" else ""
        self._send(self._bodies.receipt(self.got[-1], status, reason))

    def _say(self, content: dict[str, Any]) -> None:
        self._send(self._bodies.inbound(content, self.channel, self.identity, self.business))

    def _send(self, body: Mapping[str, Any]) -> None:
        self._deliver(orjson.dumps(body))


def _elsewhere(record: Record) -> Seen:
    return Seen("sends", record.text, more=record.body, name=record.identity)


def read(record: Record, question: bool) -> Seen:
    """A message as its reader sees it; of a template that the platform words, its name, language and values."""
    labels = tuple(label for label, _ in buttons(record))
    return Seen("reads", _worded(record), question or bool(labels), labels, record.body)


def _worded(record: Record) -> str:
    template = _template(record)
    if not template:
        return record.text
    name = " ".join(filter(None, (template["template_id"], template.get("language_code"))))
    values = [text for key, text in template.get("parameters", {}).items() if key.startswith(("header", "body"))]
    return " ".join((f"[{name}]", *values))


def buttons(record: Record) -> list[tuple[str, str]]:
    """What can be tapped and what it gives back; a template's buttons are called by their values."""
    parameters = _template(record).get("parameters", {})
    payloads = [text for key, text in parameters.items() if "quick_reply" in key and text]
    return [*record.options, *((each.partition("#")[0], each) for each in payloads)]


def _template(record: Record) -> Mapping[str, Any]:
    found: Mapping[str, Any] = record.message.get("template_message", {})
    of_channels: Mapping[str, Mapping[str, Any]] = found.get("channel_template", {})
    return found.get("omni_template") or next(iter(of_channels.values()), {})


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()
