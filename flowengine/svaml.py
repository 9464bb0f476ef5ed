"""The answer's vocabulary: every action and instruction, its fields, and which callback may be answered so.

``python -m flowengine.svaml`` prints the JSON Schema of a whole answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, get_args

Position = Literal["I", "O", "A", "B", "Pi", "Pa", "Pb", "K", "L", "C", "N", "M"]
"""What an answer answers.

``I`` the ICE of an incoming call; ``O`` the ICE of a callout of our own; ``A`` the ACE of our callout;
``B`` the ACE of a bridge (the callee of a connect picked up); ``Pi``, ``Pa``, ``Pb`` the PIE of a menu that
began in I, A or B; ``K`` the PATCH of a parked call, ``L`` of a live one, ``C`` of one in a conference;
``N`` nobody hears it (DICE, notify, conference PIE, a hang-up inside a menu). ``M`` is a turn of a conversation
by message, which has no answer at all.
"""

Permit = Literal["Y", "w", "-"]
"""Allowed, allowed with a warning, refused."""

POSITIONS: tuple[Position, ...] = get_args(Position)

_PERMISSION = """
                I   O   A   B   Pi  Pa  Pb  K   L   C   N   M
hangup          Y   -   Y   Y   Y   Y   Y   Y   Y   Y   -   -
continue        -   -   w   Y   w   w   Y   w   Y   Y   -   -
connectPstn     Y   Y   -   -   Y   Y   w   Y   -   -   -   -
connectSip      Y   w   -   -   Y   Y   w   w   -   -   -   -
connectMxp      Y   w   -   -   -   -   -   w   -   -   -   -
connectStream   Y   -   -   -   -   -   -   -   -   -   -   -
connectConf     Y   -   Y   w   Y   Y   Y   Y   -   -   -   -
runMenu         Y   -   Y   w   Y   Y   Y   w   -   w   -   -
park            Y   -   -   -   -   -   -   Y   Y   Y   -   -
say             Y   -   Y   w   Y   Y   Y   Y   Y   Y   -   -
playFiles       Y   -   Y   w   Y   Y   Y   Y   Y   Y   -   -
sendDtmf        Y   -   -   -   Y   Y   Y   Y   Y   Y   -   -
startRecording  Y   w   Y   Y   Y   Y   Y   Y   Y   Y   -   -
stopRecording   Y   w   Y   Y   Y   Y   Y   Y   Y   Y   -   -
answer          Y   -   -   -   -   -   -   -   -   -   -   -
setCookie       Y   -   Y   Y   Y   Y   Y   Y   Y   Y   -   -
"""


def _table(text: str) -> Mapping[str, Mapping[Position, Permit]]:
    rows = [line.split() for line in text.strip().splitlines()]
    read: Any = {name: MappingProxyType(dict(zip(rows[0], cells, strict=True))) for name, *cells in rows[1:]}
    return MappingProxyType(read)


PERMISSION = _table(_PERMISSION)

_AFTER_INPUT: Mapping[Position, Position] = {
    "I": "Pi", "K": "Pi", "C": "Pi", "L": "Pi", "A": "Pa", "B": "Pb", "Pi": "Pi", "Pa": "Pa", "Pb": "Pb",
}  # fmt: skip


def chosen(action: str) -> tuple[str, str]:
    """What an option of a menu does: ``return`` and the value it gives, or ``menu`` and the one it goes to.

    >>> chosen("return(sales)")
    ('return', 'sales')
    """
    what, _, rest = action.partition("(")
    return what, rest.removesuffix(")")


def permission(name: str, position: Position) -> Permit:
    """Whether the action or instruction ``name`` may answer there. KeyError for an unknown name."""
    return PERMISSION[name][position]


def after_input(position: Position) -> Position:
    """The position of the answer to a menu given in ``position``. ValueError where no menu can begin."""
    if position not in _AFTER_INPUT:
        raise ValueError(f"no menu begins in position {position}")
    return _AFTER_INPUT[position]


FieldType = Literal["text", "prompts", "integer", "boolean", "object", "list"]


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field. ``minimum`` and ``maximum`` bound an integer, a text's characters or a list's entries.

    ``fields`` are those of an object, or of every entry of a list; a list without them holds ``item``.
    ``needs``: when the flag named first is true, the field named second must be there.
    ``secret``: the value may hold a placeholder that is filled when the answer is sent.
    """

    name: str
    type: FieldType
    doc: str
    required: bool = False
    default: str = ""
    minimum: int | None = None
    maximum: int | None = None
    pattern: str = ""
    one_of: tuple[str | int, ...] = ()
    fields: tuple[FieldSpec, ...] = ()
    item: FieldSpec | None = None
    needs: tuple[tuple[str, str], ...] = ()
    secret: bool = False


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """What an answer ends in; every answer has exactly one."""

    name: str
    doc: str
    fields: tuple[FieldSpec, ...] = ()
    needs: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class InstructionSpec:
    """What an answer does before its action, in the order of the list."""

    name: str
    doc: str
    fields: tuple[FieldSpec, ...] = ()
    needs: tuple[tuple[str, str], ...] = ()


MAIN = "main"
MAX_PROMPTS = 64
MAX_HEADER_BYTES = 1024
MAX_COOKIE_BYTES = 1024
MAX_SPEECH = 600

NUMBER = r"^\+[1-9][0-9]{6,14}$"
SIP_ENDPOINT = r"^[A-Za-z0-9._+~-]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(:[0-9]{1,5})?$"
STREAM_ENDPOINT = r"^wss://[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(:[0-9]{1,5})?([/?][!-~]*)?$"
OPTION_ACTION = r"^(return\([^()]*\)|menu\([A-Za-z0-9_-]{1,64}\))$"
_ONE_PROMPT = r"(#(tts|ssml|href)\[[^\[\]]*\]|[^;\[\]#/\\\s][^;\[\]#/\\]*)"
PROMPTS = rf"^{_ONE_PROMPT}(;{_ONE_PROMPT})*$"

_TONES = r"^[0-9#w]+$"
_MENU_ID = r"^[A-Za-z0-9_-]+$"
_LANGUAGE = r"^[A-Za-z][A-Za-z0-9-]*(/(female|male))?$"
_COUNTRIES = (
    "at au bg br be ch cl cn cz de dk ee es fi fr gr hu il in it lt jp mx my nl no nz ph pl pt ru se sg "
    "th uk us tw ve za"
)


def _text(name: str, doc: str, maximum: int, *, minimum: int = 1, **more: Any) -> FieldSpec:
    return FieldSpec(name, "text", doc, minimum=minimum, maximum=maximum, **more)


def _integer(name: str, doc: str, minimum: int, maximum: int | None = None, **more: Any) -> FieldSpec:
    return FieldSpec(name, "integer", doc, minimum=minimum, maximum=maximum, **more)


def _boolean(name: str, doc: str, default: str = "", required: bool = False) -> FieldSpec:
    return FieldSpec(name, "boolean", doc, default=default, required=required)


def _choice(name: str, doc: str, words: str, **more: Any) -> FieldSpec:
    return FieldSpec(name, "text", doc, one_of=tuple(words.split()), **more)


def _prompts(name: str, doc: str) -> FieldSpec:
    return FieldSpec(name, "prompts", doc, pattern=PROMPTS, minimum=1)


def _object(name: str, doc: str, *fields: FieldSpec, **more: Any) -> FieldSpec:
    return FieldSpec(name, "object", doc, fields=fields, **more)


def _locale(doc: str) -> FieldSpec:
    return _text("locale", doc, 64, pattern=_LANGUAGE)


def _destination(kind: str, endpoint: FieldSpec) -> FieldSpec:
    kind_field = _choice("type", f"Always `{kind}`.", kind, required=True)
    return _object("destination", "Who or what is connected.", kind_field, endpoint, required=True)


_CALL_HEADERS = FieldSpec(
    "callHeaders",
    "list",
    f"Data for the other side; keys and values together at most {MAX_HEADER_BYTES} bytes.",
    fields=(
        _text("key", "A header's name; on SIP legs it begins with `X-`.", 128, required=True),
        _text("value", "Its value.", MAX_HEADER_BYTES, minimum=0, required=True),
    ),
)
_MAX_DURATION = _integer("maxDuration", "Seconds after which the call is ended.", 1, 14400)
_SUPPRESS = _boolean("suppressCallbacks", "No ACE and no DICE come for this call.", "false")
_MOH = _choice("moh", "What is heard alone or on hold.", "ring music1 music2 music3", default="silence")
_TRANSCRIPTION = _object(
    "transcriptionOptions",
    "Has the recording written down; a notify tells when the file lies beside the recording.",
    _boolean("enabled", "Whether to transcribe.", required=True),
    _locale("The language spoken, such as `en-US`; needed when enabled."),
    needs=(("enabled", "locale"),),
)
_RECORDING_FIELDS = (
    _text(
        "destinationUrl",
        "Where the file goes: `s3://bucket/…`, `azure://account/container/…` or `gs://…`. A file of "
        "that name is overwritten; without a name it gets one from the time and the call.",
        1024,
        pattern=r"^(s3|azure|gs)://[^\s]+$",
    ),
    _text("credentials", "S3: `accessKey:secret:region`; Azure: the account key.", 2048, secret=True),
    _choice("format", "The only documented format.", "mp3", default="mp3"),
    _boolean("notificationEvents", "Whether notifies tell of the recording.", "true"),
    _TRANSCRIPTION,
)

_CONNECT_PSTN = ActionSpec(
    "connectPstn",
    "Calls a telephone number and bridges it.",
    (
        _text(
            "number",
            "E.164 with `+`. The platform would take the number dialled; here it is always said, as what "
            "is not said cannot be checked.",
            16,
            pattern=NUMBER,
            required=True,
        ),
        _locale("The language of this action's prompts."),
        _MAX_DURATION,
        _integer("dialTimeout", "Seconds that it rings at most.", 1),
        _text(
            "cli",
            "The number shown to the callee, or `private`.",
            16,
            pattern=r"^(\+?[0-9]{3,15}|private)$",
            default="the caller's",
        ),
        _SUPPRESS,
        _text(
            "dtmf",
            "Tones after the answer: `0-9`, `#`, and `w` for half a second.",
            128,
            pattern=_TONES,
        ),
        _choice("indications", "The country whose ringing tone is heard.", _COUNTRIES, default="us"),
        _object(
            "amd",
            "Answering machine detection. The ACE waits for the verdict; with `async` a notify brings it.",
            _boolean("enabled", "Whether to detect.", required=True),
            _boolean("async", "Whether the ACE comes at once.", "false"),
        ),
    ),
)
_CONNECT_MXP = ActionSpec(
    "connectMxp",
    "Calls an app user. Recording instructions before it are ignored by the platform.",
    (
        _destination("username", _text("endpoint", "The user's name.", 128, required=True)),
        _CALL_HEADERS,
        _boolean("record", "Whether to record the call.", "false"),
        _object("recordingOptions", "As in `startRecording`.", *_RECORDING_FIELDS),
    ),
)
_CONNECT_CONF = ActionSpec(
    "connectConf",
    "Puts the call into a conference room; rooms belong to a region.",
    (
        _text("conferenceId", "The room.", 64, required=True),
        _object(
            "conferenceDtmfOptions",
            "What becomes of a participant's keys.",
            _choice(
                "mode",
                "`forward`: the others hear the tones. `detect`: they are collected and come as a PIE.",
                "ignore forward detect",
                default="ignore",
            ),
            _integer("maxDigits", "How many keys are collected; `detect` only.", 1, 20, default="1"),
            _integer(
                "timeoutMills",
                "Silence in milliseconds that ends it; `detect`.",
                1,
                30000,
                default="3000",
            ),
        ),
        _MOH,
    ),
)
_CONNECT_SIP = ActionSpec(
    "connectSip",
    "Calls a SIP endpoint and bridges it.",
    (
        _destination(
            "Sip",
            _text("endpoint", "`user@host[:port]`.", 324, pattern=SIP_ENDPOINT, required=True),
        ),
        _MAX_DURATION,
        _text("cli", "The number or name shown to the callee.", 128, default="the caller's"),
        _SUPPRESS,
        _choice("transport", "How the SIP messages travel.", "UDP TCP TLS", default="UDP"),
        _CALL_HEADERS,
        _MOH,
    ),
)
_CONNECT_STREAM = ActionSpec(
    "connectStream",
    "Streams the call's audio to and from a WebSocket server. A closed beta of the platform.",
    (
        _destination(
            "Websocket",
            _text("endpoint", "`wss://…`", 1024, pattern=STREAM_ENDPOINT, required=True),
        ),
        _object(
            "streamingOptions",
            "The form of the audio.",
            FieldSpec("version", "integer", "Of the stream's protocol.", one_of=(1, 2)),
            _integer("sampleRate", "In hertz.", 8000, 44100),
        ),
        _MAX_DURATION,
        _CALL_HEADERS,
    ),
)
_PARK = ActionSpec(
    "park",
    "Holds the call until a PATCH brings it back; at `maxDuration` it ends.",
    (
        _locale("The language of its spoken prompts."),
        _prompts("introPrompt", "Played once."),
        _prompts("holdPrompt", "Played over and over."),
        _integer("maxDuration", "Seconds; a prompt that is playing is played to its end.", 1, 600),
    ),
)
_OPTIONS = FieldSpec(
    "options",
    "list",
    "The keys that choose something.",
    minimum=1,
    maximum=12,
    fields=(
        _choice("dtmf", "One key.", "0 1 2 3 4 5 6 7 8 9 * #", required=True),
        _text(
            "action",
            "`return(x)` ends the menu and gives `x` in the PIE; `menu(id)` goes to another menu here.",
            512,
            pattern=OPTION_ACTION,
            required=True,
        ),
    ),
)
_MENUS = FieldSpec(
    "menus",
    "list",
    "Menus that lead to each other without a callback. One has the id `main` and plays first.",
    required=True,
    minimum=1,
    fields=(
        _text("id", "Its name; unique in the action.", 64, pattern=_MENU_ID, required=True),
        _prompts("mainPrompt", "What is said first."),
        _prompts("repeatPrompt", "What is said after no input or a wrong one; else `mainPrompt`."),
        _integer("repeats", "How often that is said before the PIE tells `timeout` or `invalidinput`.", 0, 5),
        _integer("maxDigits", "Collects that many keys; `#` or silence ends it sooner.", 1, 20),
        _integer("timeoutMills", "Silence in milliseconds that completes the input.", 1000, 30_000, default="5000"),
        _integer("maxTimeoutMills", "For all of it; with `enableVoice` only.", 1000, default="20000"),
        _OPTIONS,
    ),
)
_RUN_MENU = ActionSpec(
    "runMenu",
    "Plays a menu and waits for a key, keys or spoken digits; a PIE brings the result.",
    (
        _boolean("barge", "Whether input may interrupt the prompt.", "true"),
        _locale("The language of its prompts and of speech; needed with `enableVoice`."),
        _choice("mainMenu", "The menu that plays first.", MAIN, default=MAIN),
        _boolean("enableVoice", "Whether spoken digits are understood; billed.", "false"),
        _MENUS,
    ),
    needs=(("enableVoice", "locale"),),
)

_ACTION_SPECS = (
    ActionSpec("hangup", "Ends the call."),
    ActionSpec("continue", "Goes on as planned: bridges the callee, or goes on with the call."),
    _CONNECT_PSTN,
    _CONNECT_SIP,
    _CONNECT_MXP,
    _CONNECT_STREAM,
    _CONNECT_CONF,
    _RUN_MENU,
    _PARK,
)
ACTIONS: Mapping[str, ActionSpec] = MappingProxyType({each.name: each for each in _ACTION_SPECS})

_INSTRUCTION_SPECS = (
    InstructionSpec(
        "playFiles",
        "Plays prompts without gaps.",
        (
            FieldSpec(
                "ids",
                "list",
                "The prompts.",
                required=True,
                minimum=1,
                maximum=MAX_PROMPTS,
                item=_prompts("id", "One prompt or several joined by `;`."),
            ),
            _locale("Their language; needed when one is spoken."),
        ),
    ),
    InstructionSpec(
        "say",
        "Speaks a text.",
        (
            _text("text", "What is said.", MAX_SPEECH, required=True),
            _locale("A language such as `en-GB`, with a gender `en-US/female`, or a voice's name."),
        ),
    ),
    InstructionSpec(
        "sendDtmf",
        "Sends tones.",
        (_text("value", "`0-9`, `#`, and `w` for half a second.", 128, pattern=_TONES, required=True),),
    ),
    InstructionSpec(
        "setCookie",
        f"Keeps a value with the call; keys and values together at most {MAX_COOKIE_BYTES} bytes.",
        (
            _text(
                "key",
                "Its name; with `X-` in front it becomes a header of later SIP legs.",
                50,
                required=True,
            ),
            _text("value", "Its value.", MAX_COOKIE_BYTES, minimum=0, required=True),
        ),
    ),
    InstructionSpec("answer", "Picks up, which starts billing."),
    InstructionSpec(
        "startRecording",
        "Records from here on.",
        (_object("options", "Where to and how.", *_RECORDING_FIELDS),),
    ),
    InstructionSpec("stopRecording", "Ends the recording."),
)
INSTRUCTIONS: Mapping[str, InstructionSpec] = MappingProxyType({each.name: each for each in _INSTRUCTION_SPECS})


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of an answer: closed objects, every field, every limit it can hold."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "An answer to a Sinch Voice callback",
        "type": "object",
        "properties": {
            "instructions": {
                "description": "What is done first, in order.",
                "type": "array",
                "minItems": 1,
                "items": {"oneOf": _references(INSTRUCTIONS)},
            },
            "action": {"description": "What is done then.", "oneOf": _references(ACTIONS)},
        },
        "required": ["action"],
        "additionalProperties": False,
        "$defs": {spec.name: _named(spec) for spec in (*_ACTION_SPECS, *_INSTRUCTION_SPECS)},
    }


def _references(names: Iterable[str]) -> list[dict[str, str]]:
    return [{"$ref": f"#/$defs/{name}"} for name in names]


def _named(spec: ActionSpec | InstructionSpec) -> dict[str, Any]:
    shape = _closed(spec.fields, spec.needs)
    shape["properties"] = {"name": {"const": spec.name}, **shape["properties"]}
    shape["required"] = ["name", *shape.get("required", [])]
    if spec.name == "playFiles":
        shape["allOf"] = [_SPOKEN_FILES_NEED_LOCALE]
    return {"description": spec.doc, **shape}


_SPOKEN_FILES_NEED_LOCALE = {
    "if": {"properties": {"ids": {"contains": {"type": "string", "pattern": r"#(tts|ssml)\["}}}},
    "then": {"required": ["locale"]},
}


def _closed(fields: tuple[FieldSpec, ...], needs: tuple[tuple[str, str], ...] = ()) -> dict[str, Any]:
    shape: dict[str, Any] = {"type": "object", "properties": {each.name: _shape(each) for each in fields}}
    if required := [each.name for each in fields if each.required]:
        shape["required"] = required
    shape["additionalProperties"] = False
    if needs:
        shape["allOf"] = [
            {
                "if": {"properties": {flag: {"const": True}}, "required": [flag]},
                "then": {"required": [needed]},
            }
            for flag, needed in needs
        ]
    return shape


def _shape(field: FieldSpec) -> dict[str, Any]:
    doc = f"{field.doc} Default: {field.default}." if field.default else field.doc
    return {"description": doc, **_SHAPES[field.type](field)}


def _text_shape(field: FieldSpec) -> dict[str, Any]:
    if field.one_of:
        return {"enum": list(field.one_of)}
    shape = {
        "type": "string",
        "minLength": field.minimum,
        "maxLength": field.maximum,
        "pattern": field.pattern,
    }
    return {key: value for key, value in shape.items() if value}


def _integer_shape(field: FieldSpec) -> dict[str, Any]:
    if field.one_of:
        return {"enum": list(field.one_of)}
    shape = {"type": "integer", "minimum": field.minimum, "maximum": field.maximum}
    return {key: value for key, value in shape.items() if value is not None}


def _list_shape(field: FieldSpec) -> dict[str, Any]:
    entry = _shape(field.item) if field.item else _closed(field.fields)
    shape: dict[str, Any] = {
        "type": "array",
        "minItems": field.minimum,
        "maxItems": field.maximum,
        "items": entry,
    }
    if field is _MENUS:
        shape["contains"] = {"properties": {"id": {"const": MAIN}}, "required": ["id"]}
        shape["maxContains"] = 1
    return {key: value for key, value in shape.items() if value is not None}


_SHAPES = {
    "text": _text_shape,
    "prompts": _text_shape,
    "integer": _integer_shape,
    "boolean": lambda field: {"type": "boolean"},
    "object": lambda field: _closed(field.fields, field.needs),
    "list": _list_shape,
}


def schema_text() -> str:
    """The schema as its file holds it."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    print(schema_text(), end="")
