"""One call: prompts, nested menus, ringing, parks and rooms, and what the person at the receiver does."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from math import floor
from typing import Any, Literal

import orjson

from flowengine.prompts import spoken
from flowengine.simulator.seen import CannotAct, Saw, Seen
from flowengine.svaml import chosen

CALLS = "https://calling-euc1.api.sinch.com/calling/v1/calls/id/"
RINGING = 60.0
"""Seconds that the platform rings where the answer does not say how long."""
SILENCE, LONGEST, PARKED, REPEATS = 5000, 20_000, 600, 2
"""What the platform takes where an answer does not say: milliseconds of silence and of all, seconds, tries."""
_ADDRESSES = {"connectPstn": "number", "connectSip": "sip", "connectMxp": "username", "connectStream": "Websocket"}
_SILENT = ("connectMxp", "connectStream")
"""Bridges of which no ACE tells."""
UNANSWERED = {
    "no answer": ("TIMEOUT", "NOANSWER"),
    "busy": ("CANCEL", "BUSY"),
    "unreachable": ("CONGESTION", "FAILED"),
}
_USER_UNANSWERED = ("N/A", "BUSY")
VERDICTS = {"human": "human", "machine": "machine", "not sure": "notsure"}

Stands = Literal["idle", "menu", "ringing", "talking", "room", "parked", "over"]


class Phone:
    """One call, and the person who holds the receiver: the caller, or in a callout the one who is rung.

    ``post`` delivers a callback and gives the answer's bytes, ``clock`` is Unix seconds. ``due`` is when something
    happens by itself (a question times out, a park, the ringing or the call ends); :meth:`expire` lets it happen.
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
        self._told = 0
        self._to = {"type": "did", "endpoint": ""}
        self._answered: float | None = None
        self._bridge: Mapping[str, Any] = {}
        self._bridged = False
        self._ends: float | None = None
        self._last = False  # what is due is the end of the call
        self._room: Mapping[str, Any] = {}
        self._run: Mapping[str, Any] = {}
        self._menus: dict[str, dict[str, Any]] = {}
        self._menu, self._tries, self._digits, self._method = "", 0, "", "dtmf"
        self._opened = 0.0
        self._playing = False  # a prompt began since the person began to press keys

    # --- callbacks -----------------------------------------------------------------------------------------

    def tell(self, event: str, heard: bool = True, **fields: Any) -> None:
        """The platform posts a callback and plays the answer, if anybody is there to hear it."""
        body = {"event": event, "callid": self.call_id, "version": 1, "custom": self.custom, **fields}
        if event != "notify":
            body["timestamp"] = self._stamp()
        self.heard += 1
        answer = self._post(orjson.dumps(body))
        if event in ("dice", "notify") or not heard:
            return
        if answer:
            self.play(answer)
        elif event == "ice" or (event == "pie" and self.stands == "menu"):
            self._over("CALLBACKERROR", "N/A" if event == "ice" else "ANSWERED")

    def _stamp(self) -> str:
        """Two callbacks of a call never tell the same second: whatever lies between them takes time."""
        self._told = max(floor(self._clock()), self._told + 1)
        return datetime.fromtimestamp(self._told, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def dial(self, to: str, cli: str, headers: Mapping[str, str] | None = None) -> None:
        """The caller dials; ``cli`` is ``private`` where it is withheld."""
        self.cli = cli
        listed = [{"key": key, "value": value} for key, value in (headers or {}).items()]
        kind = "did" if to.startswith("+") else "sip" if "@" in to else "username"
        self._to = {"type": kind, "endpoint": to}
        self.tell(
            "ice",
            cli=cli,
            to=self._to,
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
            if each["name"] == "answer":
                self._pick_up()
            else:
                _INSTRUCTIONS.get(each["name"], _nothing)(self._saw, each)
        action = svaml["action"]
        (_ACTIONS.get(action["name"]) or Phone._ring)(self, action)

    def _pick_up(self) -> None:
        """Whoever is on the line is connected from now on, unless they were before."""
        if self._answered is None:
            self._answered = self._clock()

    def _until(self, due: float | None) -> None:
        """What comes next by itself, unless the call has to end before."""
        self._last = self._ends is not None and (due is None or self._ends <= due)
        self.due = self._ends if self._last else due

    def _ring(self, action: Mapping[str, Any]) -> None:
        nobody = self.outbound and self._answered is None
        self._bridge, self._bridged = action, False
        address = _address(action)
        self._to = {"type": _ADDRESSES[action["name"]], "endpoint": address}
        self._saw(Seen("rings" if nobody else "connects", address, more=action))
        self.stands = "ringing"
        self._until(self._clock() + float(action.get("dialTimeout") or RINGING))

    def _end(self, action: Mapping[str, Any]) -> None:
        self._over("MANAGERHANGUP", "ANSWERED" if self._answered is not None else "N/A")

    def _go_on(self, action: Mapping[str, Any]) -> None:
        """What is set up goes on: a room, ringing and talking as they are, everything else is over."""
        if self.stands in ("menu", "parked", "idle"):
            self.stands = "talking" if self._bridged else "idle"
            self._until(None)

    def _enter(self, action: Mapping[str, Any]) -> None:
        self._pick_up()
        self.stands, self._room = "room", action
        self._until(None)
        self._saw(Seen("joins", str(action["conferenceId"]), more=action))

    def _park(self, action: Mapping[str, Any]) -> None:
        self._pick_up()
        self.stands = "parked"
        for name in ("introPrompt", "holdPrompt"):
            _hear(self._saw, str(action.get(name, "")))
        self._saw(Seen("parks", more=action))
        self._until(self._clock() + float(action.get("maxDuration", PARKED)))

    def _ask(self, action: Mapping[str, Any]) -> None:
        self._pick_up()
        self.stands, self._run = "menu", action
        self._menus = {each["id"]: each for each in action["menus"]}
        self._open(str(action.get("mainMenu") or "main"))

    def _open(self, menu: str) -> None:
        self._menu, self._tries = menu, 0
        self._prompt("mainPrompt")

    def _prompt(self, name: str) -> None:
        entry = self.entry
        words = str(entry.get(name) or entry.get("mainPrompt") or "")
        if words:
            self._saw(Seen("hears", spoken(words), True, self.keys, entry))
        self._digits, self._opened, self._playing = "", self._clock(), bool(words)
        self._wait_for_key()

    def _wait_for_key(self) -> None:
        entry, limit = self.entry, float("inf")
        if self._run.get("enableVoice"):
            limit = self._opened + entry.get("maxTimeoutMills", LONGEST) / 1000
        self._until(min(self._clock() + entry.get("timeoutMills", SILENCE) / 1000, limit))

    @property
    def entry(self) -> dict[str, Any]:
        """The menu that plays now."""
        return self._menus[self._menu]

    @property
    def takes_digits(self) -> int:
        """How many digits the menu that plays now collects; 0 where it takes single keys or none plays."""
        if self.stands != "menu":
            return 0
        return int(self.entry.get("maxDigits", 0 if self.entry.get("options") else 1))

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

    # --- keys and speech -----------------------------------------------------------------------------------

    def press(self, keys: str) -> None:
        """Keys, one after the other; digits that are too few are complete after a silence.

        What is typed ahead reaches the next menu, unless no key may interrupt its prompt.
        """
        self.pressed, self._playing = 0, False
        if self.stands == "room":
            self._press_in_room(keys)
        else:
            for key in keys:
                self._must_listen(key)
                self._key(key, "dtmf")
                self.pressed += 1
            if self._digits:
                self._result("sequence", self._digits, "dtmf")

    def _must_listen(self, key: str) -> None:
        if self.stands != "menu":
            raise CannotAct(f"nobody listens for the key {key}: {self.situation}")
        if self._playing and self._run.get("barge") is False:
            raise CannotAct(
                f"nobody listens for the key {key} while the prompt plays: its menu has barge: false; "
                "press it in a step of its own"
            )

    def speak(self, digit: str) -> None:
        """A digit that is spoken, where the menu understands speech."""
        if self.stands != "menu" or not self._run.get("enableVoice"):
            raise CannotAct(f"nobody listens for speech: {self.situation}")
        self._key(digit, "voice")

    def _key(self, key: str, method: str) -> None:
        options = self.entry.get("options") or ()
        what, which = next((chosen(each["action"]) for each in options if each["dtmf"] == key), ("", ""))
        if what == "menu":
            self._open(which)
        elif what:
            self._result("return", which, method)
        elif not self.takes_digits:
            self._fail("invalidinput")
        else:
            self._digit(key, method)

    def _digit(self, key: str, method: str) -> None:
        if key != "#":
            self._digits, self._method = self._digits + key, method
        if key == "#" or len(self._digits) >= self.takes_digits:
            self._result("sequence", self._digits, method)
        else:
            self._wait_for_key()

    def _fail(self, kind: str) -> None:
        """Nothing, or nothing that fits, was pressed: the prompt again as often as the menu says."""
        self._tries += 1
        if self._tries <= self.entry.get("repeats", REPEATS):
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
        found: Mapping[str, Any] = self._room.get("conferenceDtmfOptions") or {}
        return found

    def _press_in_room(self, keys: str) -> None:
        options = self._room_keys()
        if options.get("mode") != "detect":
            raise CannotAct("nobody listens for keys in this room: its dtmf has no mode detect")
        most, typed = int(options.get("maxDigits", 1)), ""
        for key in keys:
            typed += key.replace("#", "")
            if key == "#" or len(typed) >= most:
                self._tell_from_room(typed)
                typed = ""
        if typed:
            self._tell_from_room(typed)
        self.pressed = len(keys)

    def _tell_from_room(self, digits: str) -> None:
        room = self._room["conferenceId"]
        result = {"menuId": room, "type": "sequence", "value": digits, "inputMethod": "dtmf"}
        self.tell("pie", conferenceId=room, menuResult=result)

    # --- hanging up, and who is called ---------------------------------------------------------------------

    def hang_up(self) -> None:
        """The person hangs up; within a menu the platform tells it twice. Who has not answered declines the call."""
        self._must_live()
        if self.stands == "ringing" and self.outbound and self._answered is None:
            self._over(*UNANSWERED["busy"])
        elif self.stands == "ringing" or self._answered is None:
            self._over("CANCEL", "NOANSWER")
        else:
            self._leave("CALLEEHANGUP" if self.outbound else "CALLERHANGUP")

    def _leave(self, reason: str) -> None:
        if self.stands == "menu":
            self.stands, self.due = "idle", None
            self.tell("pie", False, menuResult={"menuId": self._menu, "type": "hangup"})
        self._over(reason, "ANSWERED")

    def callee(self, what: str) -> None:
        """What becomes of the one who is rung: a word of the scenario language (``answers``, ``machine`` …)."""
        self._must_live()
        if self.stands == "ringing":
            self._ringing(what)
        elif not self._bridged:
            raise CannotAct(f"nobody is being called: {self.situation}")
        elif what == "hangs up":
            self._leave("CALLEEHANGUP")
        elif what in VERDICTS or what == "beep":
            self._late(what)
        else:
            raise CannotAct(f"whoever was called has answered already, so that {what} cannot come")

    def _ringing(self, what: str) -> None:
        if what in UNANSWERED:
            self._unanswered(what)
            return
        if what == "beep":
            raise CannotAct("nobody has answered yet, so that no beep can be heard")
        if what == "hangs up" and self.detects != "sync":
            raise CannotAct("nobody has answered yet; a callee who does not want the call is busy")
        if what in VERDICTS and not self.detects:
            raise CannotAct("nobody can tell who answered: the call asks for no amd, so that callee only answers")
        self._picked_up(what)

    def _unanswered(self, what: str) -> None:
        of_user = self._bridge["name"] == "connectMxp" and what == "no answer"
        self._over(*(_USER_UNANSWERED if of_user else UNANSWERED[what]))

    def _picked_up(self, what: str) -> None:
        bridge = self._bridge
        self._pick_up()
        self.stands, self._bridged = "talking", True
        self._ends = self._clock() + bridge["maxDuration"] if "maxDuration" in bridge else None
        self._until(None)
        if bridge.get("dtmf"):
            self._saw(Seen("tones", str(bridge["dtmf"]), more=bridge))
        if bridge["name"] not in _SILENT and not bridge.get("suppressCallbacks"):
            status = {"": None, "async": "inprogress", "sync": VERDICTS.get(what, "human")}[self.detects]
            status = "hangup" if what == "hangs up" else status
            amd: dict[str, Any] = {"amd": {"status": status, "reason": "", "duration": 1}} if status else {}
            self.tell("ace", **amd)
        if self._lives and what == "hangs up":
            self._leave("CALLEEHANGUP")
        elif self._lives and what in VERDICTS and self.detects == "async":
            self._late(what)

    def _late(self, what: str) -> None:
        if self.detects != "async":
            raise CannotAct(f"{what} cannot be told any more: the call asks for no amd: async")
        if what == "beep":
            self.tell("notify", type="amd_beep", amd={"status": "machine", "reason": "beep"})
        else:
            self.tell("notify", type="amd", amd={"status": VERDICTS[what], "reason": ""})

    # --- what happens by itself ----------------------------------------------------------------------------

    def notify(self, kind: str, fields: Mapping[str, Any]) -> None:
        """A notification; a file is at the address of the recording that was begun unless ``fields`` say where."""
        self.tell("notify", type=kind, **fields)

    def expire(self) -> None:
        """What was due happens."""
        self.due = None
        if self._last:
            self._over("TIMEOUT", "ANSWERED")
        elif self.stands == "menu":
            self._result("sequence", self._digits, self._method) if self._digits else self._fail("timeout")
        elif self.stands == "ringing":
            self._unanswered("no answer")
        elif self.stands == "parked":
            self._over("MANAGERHANGUP", "ANSWERED")

    @property
    def _lives(self) -> bool:
        return self.stands != "over"

    def _must_live(self) -> None:
        if not self._lives:
            raise CannotAct("the call is over")

    def _over(self, reason: str, result: str) -> None:
        """The call ends, and the platform tells it, unless it was told not to."""
        self.stands, self.due, self._ends = "over", None, None
        self._saw(Seen("ends", reason))
        if self._bridge.get("suppressCallbacks"):
            return
        answered = self._answered if result == "ANSWERED" else None
        duration = round(self._clock() - answered) if answered is not None else 0
        fields: dict[str, Any] = {"from": self.cli or "private", "to": self._to, "reason": reason, "result": result}
        self.tell("dice", duration=duration, **fields)

    @property
    def situation(self) -> str:
        """Where the call stands, for a sentence."""
        if self.stands == "ringing":
            return f"it rings at {masked(_address(self._bridge))}"
        if self.stands == "idle" and self.heard:
            return "nothing plays and nobody is being called"
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


def newest(phones: Mapping[str, Phone]) -> Phone | None:
    """Of the calls of a play, in the order they began, the one that is at hand: the last that is not over."""
    calls = list(phones.values())
    return next((each for each in reversed(calls) if each.stands != "over"), calls[-1] if calls else None)


def _address(bridge: Mapping[str, Any]) -> str:
    return str(bridge.get("number") or bridge["destination"]["endpoint"])


def _nothing(saw: Saw, instruction: Mapping[str, Any]) -> None:
    """Nobody notices: a cookie."""


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
    "sendDtmf": lambda saw, each: saw(Seen("tones", str(each["value"]), more=each)),
}


def masked(number: str) -> str:
    """A number as it may be shown: its first three and last two characters."""
    return f"{number[:3]}…{number[-2:]}" if re.fullmatch(r"\+?[0-9]{7,15}", number) else number
