"""The one place where an answer is put together: nothing else writes the bytes that leave.

An instruction becomes a :class:`Piece` and an action an :class:`Act` when its shape and sizes are right:
constant ones once, ahead of all calls, the others in their turn. :func:`seal` joins them for one position.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import orjson

from flowengine import prompts
from flowengine.svaml import (
    ACTIONS,
    INSTRUCTIONS,
    MAIN,
    MAX_COOKIE_BYTES,
    MAX_HEADER_BYTES,
    MAX_PROMPTS,
    MAX_SPEECH,
    PERMISSION,
    POSITIONS,
    ActionSpec,
    FieldSpec,
    InstructionSpec,
    Position,
)


class Refused(Exception):
    """Why an answer, or a part of one, may not leave.

    ``reason`` is one of ``name field missing type limit form prompt menu headers position destination
    total``; ``detail`` names the field by its path and never holds what a caller said.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class Piece(NamedTuple):
    """An instruction that may leave, position aside.

    ``sound``: the caller must be connected to hear it. ``speech``: characters spoken. ``cookie``: bytes of
    key and value. ``digits``: it may hold a phone number,
    which a journal must not. A named tuple, as one is made in a third of the time of a frozen dataclass.
    """

    body: bytes
    name: str
    sound: bool = False
    speech: int = 0
    prompts: int = 0
    cookie: int = 0
    digits: bool = True


class Act(NamedTuple):
    """An action that may leave, position and ``numbers`` aside: the (kind, address) pairs that it dials.

    The kinds are ``number``, ``sip``, ``user`` and ``stream``.
    """

    body: bytes
    name: str
    prompts: int = 0
    speech: int = 0
    numbers: tuple[tuple[str, str], ...] = ()
    sound: bool = False
    digits: bool = True


class Gate(Protocol):
    """Whether an address may be dialled."""

    def __call__(self, kind: str, address: str) -> bool: ...


Check = Callable[[Any], None]

# What no text may hold: control characters, halves of characters, and the signs that stand for a secret.
_NOT_IN_TEXT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ue000-\ue00f]")
_NOT_IN_SECRET = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_MENU_PROMPTS = ("mainPrompt", "repeatPrompt")
_TAG = re.compile(r"<[^>]*>")
_KINDS = {"connectPstn": "number", "connectSip": "sip", "connectMxp": "user", "connectStream": "stream"}


def _text(field: FieldSpec, path: str) -> Check:
    shortest, longest = field.minimum or 0, field.maximum or 0
    forbidden = (_NOT_IN_SECRET if field.secret else _NOT_IN_TEXT).search

    def check(value: Any) -> None:
        if not isinstance(value, str):
            raise Refused("type", f"{path} is not a text")
        if not shortest <= len(value) <= longest:
            raise Refused("limit", f"{path} is not of {shortest} to {longest} characters")
        if not (value.isascii() and value.isprintable()) and forbidden(value):
            raise Refused("form", f"{path} holds a character that may not leave")

    return check


def _formed(field: FieldSpec, path: str) -> Check:
    matches = re.compile(field.pattern).fullmatch
    text = _text(field, path)

    def check(value: Any) -> None:
        text(value)
        if not matches(value):
            raise Refused("form", f"{path} is not written as it must be")

    return check


def _word(field: FieldSpec, path: str) -> Check:
    words = frozenset(field.one_of)
    kind = type(field.one_of[0])

    def check(value: Any) -> None:
        if type(value) is not kind or value not in words:
            raise Refused("form", f"{path} is none of its words")

    return check


def _prompt_text(field: FieldSpec, path: str) -> Check:
    """Characters only: whoever counts the prompts reads them as well."""

    def check(value: Any) -> None:
        if not isinstance(value, str):
            raise Refused("type", f"{path} is not a text")
        if not (value.isascii() and value.isprintable()) and _NOT_IN_TEXT.search(value):
            raise Refused("form", f"{path} holds a character that may not leave")

    return check


def _integer(field: FieldSpec, path: str) -> Check:
    least = field.minimum if field.minimum is not None else 0
    most = field.maximum if field.maximum is not None else 2**31 - 1

    def check(value: Any) -> None:
        if type(value) is not int:
            raise Refused("type", f"{path} is not a whole number")
        if not least <= value <= most:
            raise Refused("limit", f"{path} is not from {least} to {most}")

    return check


def _boolean(field: FieldSpec, path: str) -> Check:
    def check(value: Any) -> None:
        if value is not True and value is not False:
            raise Refused("type", f"{path} is neither true nor false")

    return check


def _object(fields: Sequence[FieldSpec], path: str, needs: Sequence[tuple[str, str]] = ()) -> Check:
    checks = {each.name: _check(each, f"{path}.{each.name}") for each in fields}
    needed = tuple(each.name for each in fields if each.required)

    def check(value: Any) -> None:
        if not isinstance(value, dict):
            raise Refused("type", f"{path} is not an object")
        for name in needed:
            if name not in value:
                raise Refused("missing", f"{path}.{name} is missing")
        for name, inner in value.items():
            field = checks.get(name)
            if field is None:
                raise Refused("field", f"{path} has a field that is not known")
            field(inner)
        for flag, name in needs:
            if value.get(flag) and name not in value:
                raise Refused("missing", f"{path}.{name} is missing")

    return check


def _list(field: FieldSpec, path: str) -> Check:
    least, most = field.minimum or 0, field.maximum or 2**31
    entry = _check(field.item, f"{path}[]") if field.item else _object(field.fields, f"{path}[]")

    def check(value: Any) -> None:
        if not isinstance(value, list):
            raise Refused("type", f"{path} is not a list")
        if not least <= len(value) <= most:
            raise Refused("limit", f"{path} has too few or too many entries")
        for each in value:
            entry(each)

    return check


def _headers(field: FieldSpec, path: str) -> Check:
    entries = _list(field, path)

    def check(value: Any) -> None:
        entries(value)
        if sum(_bytes(each["key"]) + _bytes(each["value"]) for each in value) > MAX_HEADER_BYTES:
            raise Refused("headers", f"{path} is over {MAX_HEADER_BYTES} bytes")

    return check


def _check(field: FieldSpec, path: str) -> Check:
    if field.one_of:
        return _word(field, path)
    if field.type == "text":
        return (_formed if field.pattern else _text)(field, path)
    if field.type == "object":
        return _object(field.fields, path, field.needs)
    if field.type == "list":
        return (_headers if field.name == "callHeaders" else _list)(field, path)
    return {"prompts": _prompt_text, "integer": _integer, "boolean": _boolean}[field.type](field, path)


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _whole(spec: ActionSpec | InstructionSpec) -> Check:
    name = FieldSpec("name", "text", "", one_of=(spec.name,), required=True)
    return _object((name, *spec.fields), spec.name, spec.needs)


_SPECS: tuple[ActionSpec | InstructionSpec, ...] = (*ACTIONS.values(), *INSTRUCTIONS.values())
_SHAPES: Mapping[str, Check] = {spec.name: _whole(spec) for spec in _SPECS}


def _heard(value: str, path: str) -> tuple[int, int]:
    """How many prompts a string holds, and how many characters of them are spoken."""
    try:
        found = prompts.parse(value)
    except ValueError:
        raise Refused("prompt", f"{path} is not a list of prompts") from None
    return len(found), sum(_spoken(kind, body, path) for kind, body in found)


def _spoken(kind: str, body: str, path: str) -> int:
    if kind == "tts":
        length = len(body)
    elif kind == "ssml":
        length = len(_TAG.sub("", body))
    elif kind == "href" and not prompts.is_url(body):
        raise Refused("prompt", f"{path} fetches from what is no http address")
    else:
        return 0
    if length > MAX_SPEECH:
        raise Refused("limit", f"{path} has a spoken prompt of over {MAX_SPEECH} characters")
    return length


def piece(instruction: Mapping[str, Any]) -> Piece:
    """An instruction, checked. Raises :class:`Refused`."""
    name = _name(instruction, _PIECES, "instruction")
    _SHAPES[name](instruction)
    return _PIECES[name](instruction, orjson.dumps(instruction))


def constant(instruction: Mapping[str, Any]) -> Piece:
    """An instruction that no caller changes, checked once; looked through for numbers, too."""
    ready = piece(instruction)
    return ready._replace(digits=bool(_RUN.search(ready.body)))


def constant_act(action: Mapping[str, Any]) -> Act:
    """An action that no caller changes, checked once; looked through for numbers, too."""
    ready = act(action)
    return ready._replace(digits=bool(_RUN.search(ready.body)))


class Speech:
    """A ``say`` in one language, of which only the text varies."""

    __slots__ = ("_after",)

    def __init__(self, locale: str) -> None:
        whole = piece({"name": "say", "text": "x", "locale": locale})
        self._after = whole.body.split(b'"x"', 1)[1]

    def fill(self, text: str) -> Piece:
        """The instruction with this text. Raises :class:`Refused`."""
        if not 0 < len(text) <= MAX_SPEECH:
            raise Refused("limit", "say.text is empty or too long")
        if not text.isprintable():
            _VARYING(text)
        if "[" in text and prompts.opens_prompt(text):
            raise Refused("prompt", "say.text begins a prompt of its own")
        body = b'{"name":"say","text":' + orjson.dumps(text) + self._after
        return Piece(body, "say", True, len(text), 1, 0, _RUN_TEXT(text) is not None)


class Mould:
    """A ``runMenu`` of which only prompts vary: all else is checked and written once.

    ``action`` has :func:`hole` in the places of the prompts that vary, numbered from 0.
    """

    __slots__ = ("_digits", "_parts", "_rest", "_steps")

    def __init__(self, action: Mapping[str, Any]) -> None:
        whole = act(action)
        pieces = _HOLE.split(whole.body)
        self._parts = pieces[::2]
        self._steps = [int(number) for number in pieces[1::2]]
        self._rest = whole._replace(prompts=whole.prompts - len(self._steps))
        self._digits = any(_RUN.search(part) for part in self._parts)

    def fill(self, values: Sequence[str]) -> Act:
        """The action with these prompts. Raises :class:`Refused`."""
        digits, told = self._digits, []
        for value in values:
            told.append((1, len(value) - 6) if _ONE_TTS(value) is not None and value.isprintable() else _varied(value))
            digits = digits or _RUN_TEXT(value) is not None
        if len(values) == 1:  # most menus: one text, said again after silence
            body, times = orjson.dumps(values[0]).join(self._parts), len(self._steps)
            count, speech = told[0][0] * times, told[0][1] * times
        else:
            body = self._joined([orjson.dumps(value) for value in values])
            count = sum(told[step][0] for step in self._steps)
            speech = sum(told[step][1] for step in self._steps)
        return Act(body, "runMenu", self._rest.prompts + count, self._rest.speech + speech, (), True, digits)

    def _joined(self, written: Sequence[bytes]) -> bytes:
        joined = [self._parts[0]]
        for step, part in zip(self._steps, self._parts[1:], strict=True):
            joined += written[step], part
        return b"".join(joined)


def hole(number: int) -> str:
    """What stands for a prompt in the ``action`` of a :class:`Mould`."""
    return f"~hole{number}~.wav"


def _varied(value: str) -> tuple[int, int]:
    _VARYING(value)
    return _heard(value, "runMenu.menus[].mainPrompt")


_HOLE = re.compile(rb'"~hole([0-9]+)~\.wav"')
_RUN = re.compile(rb"[0-9]{7}")
_RUN_TEXT = re.compile(r"[0-9]{7}").search
_ONE_TTS = re.compile(r"#tts\[[^\[\]]{1,600}\]").fullmatch
_VARYING = _prompt_text(FieldSpec("mainPrompt", "prompts", "", maximum=100_000), "runMenu.menus[].mainPrompt")


def act(action: Mapping[str, Any]) -> Act:
    """An action, checked. Raises :class:`Refused`."""
    name = _name(action, _ACTS, "action")
    _SHAPES[name](action)
    return _ACTS[name](action, orjson.dumps(action))


def _name(value: Any, known: Mapping[str, Any], what: str) -> str:
    name = value.get("name") if isinstance(value, dict) else None
    if isinstance(name, str) and name in known:
        return name
    raise Refused("name", f"no {what} has that name")


def _say(instruction: Mapping[str, Any], body: bytes) -> Piece:
    text: str = instruction["text"]
    if prompts.opens_prompt(text):
        raise Refused("prompt", "say.text begins a prompt of its own")
    return Piece(body, "say", True, len(text), 1, 0, _RUN_TEXT(text) is not None)


def _play_files(instruction: Mapping[str, Any], body: bytes) -> Piece:
    count = speech = 0
    for each in instruction["ids"]:
        more, spoken = _heard(each, "playFiles.ids[]")
        count += more
        speech += spoken
    if "locale" not in instruction and any("#tts[" in each or "#ssml[" in each for each in instruction["ids"]):
        raise Refused("missing", "playFiles.locale is missing, which spoken prompts need")
    return Piece(body, "playFiles", True, speech, count)


def _set_cookie(instruction: Mapping[str, Any], body: bytes) -> Piece:
    return Piece(body, "setCookie", cookie=_bytes(instruction["key"]) + _bytes(instruction["value"]))


def _silent(instruction: Mapping[str, Any], body: bytes) -> Piece:
    return Piece(body, instruction["name"])


def _tones(instruction: Mapping[str, Any], body: bytes) -> Piece:
    return Piece(body, "sendDtmf", True)


_PIECES: Mapping[str, Callable[[Mapping[str, Any], bytes], Piece]] = {
    "say": _say,
    "playFiles": _play_files,
    "sendDtmf": _tones,
    "setCookie": _set_cookie,
    "answer": _silent,
    "startRecording": _silent,
    "stopRecording": _silent,
}


def _simple(action: Mapping[str, Any], body: bytes) -> Act:
    return Act(body, action["name"])


def _connect(action: Mapping[str, Any], body: bytes) -> Act:
    name: str = action["name"]
    address = action["number"] if name == "connectPstn" else action["destination"]["endpoint"]
    return Act(body, name, numbers=((_KINDS[name], address),))


def _park(action: Mapping[str, Any], body: bytes) -> Act:
    heard = [_heard(action[name], f"park.{name}") for name in ("introPrompt", "holdPrompt") if name in action]
    return Act(body, "park", sum(each[0] for each in heard), sum(each[1] for each in heard), (), bool(heard))


def _run_menu(action: Mapping[str, Any], body: bytes) -> Act:
    menus: list[dict[str, Any]] = action["menus"]
    ids = {each["id"] for each in menus}
    if len(ids) < len(menus):
        raise Refused("menu", "two menus of runMenu have the same id")
    if MAIN not in ids:
        raise Refused("menu", f"runMenu has no menu with the id {MAIN}")
    count = speech = 0
    for menu in menus:
        if "maxTimeoutMills" in menu and not action.get("enableVoice"):
            raise Refused("menu", "runMenu.menus[].maxTimeoutMills without enableVoice")
        _options(menu, ids)
        for name in _MENU_PROMPTS:
            if name in menu:
                more, spoken = _heard(menu[name], f"runMenu.menus[].{name}")
                count += more
                speech += spoken
    return Act(body, "runMenu", count, speech, (), True)


def _options(menu: Mapping[str, Any], ids: set[str]) -> None:
    options = menu.get("options")
    if not options:
        return
    if len({each["dtmf"] for each in options}) < len(options):
        raise Refused("menu", "two options of a menu have the same key")
    for each in options:
        does: str = each["action"]
        if does.startswith("menu(") and does[5:-1] not in ids:
            raise Refused("menu", "an option leads to a menu that is not there")


_ACTS: Mapping[str, Callable[[Mapping[str, Any], bytes], Act]] = {
    "hangup": _simple,
    "continue": _simple,
    "connectPstn": _connect,
    "connectSip": _connect,
    "connectMxp": _connect,
    "connectStream": _connect,
    "connectConf": _simple,
    "runMenu": _run_menu,
    "park": _park,
}

_ALLOWED: Mapping[str, frozenset[str]] = {
    position: frozenset(name for name, row in PERMISSION.items() if row[position] != "-") for position in POSITIONS
}
_ANSWER = b'{"name":"answer"}'


def seal(pieces: Sequence[Piece], action: Act, position: Position, gate: Gate, answer: bool = True) -> bytes:
    """The answer's bytes. Raises :class:`Refused`.

    Everything must be allowed in ``position`` and every address by ``gate``. With ``answer``, an incoming
    call (I) is picked up before its first sound, a menu or a park with a prompt included; a conference and
    a connect pick up themselves.
    """
    _permit(pieces, action, position)
    _total(pieces, action)
    for kind, address in action.numbers:
        if gate(kind, address) is not True:
            raise Refused("destination", f"{action.name} to an address that may not be dialled")
    bodies = [each.body for each in pieces]
    if answer and position == "I":
        _pick_up(bodies, pieces, action)
    if not bodies:
        return b'{"action":' + action.body + b"}"
    return b'{"instructions":[' + b",".join(bodies) + b'],"action":' + action.body + b"}"


def _permit(pieces: Sequence[Piece], action: Act, position: Position) -> None:
    allowed = _ALLOWED[position]
    for name in (action.name, *[each.name for each in pieces]):
        if name not in allowed:
            raise Refused("position", f"{name} may not answer {position}")


def _total(pieces: Sequence[Piece], action: Act) -> None:
    count, cookies = action.prompts, 0
    for each in pieces:
        count += each.prompts
        cookies += each.cookie
    if count > MAX_PROMPTS:
        raise Refused("total", f"over {MAX_PROMPTS} prompts")
    if cookies > MAX_COOKIE_BYTES:
        raise Refused("total", f"over {MAX_COOKIE_BYTES} bytes of cookies")


def _pick_up(bodies: list[bytes], pieces: Sequence[Piece], action: Act) -> None:
    first = None
    for at, each in enumerate(pieces):
        if each.name == "answer":
            return
        if first is None and each.sound:
            first = at
    if first is not None:
        bodies.insert(first, _ANSWER)
    elif action.sound:
        bodies.append(_ANSWER)
