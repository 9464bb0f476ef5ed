"""One step of a scenario: the words there are, and how one is read.

The table drives the reader, the editor schema and the documentation. Acts are what the person, the platform, a server
or the clock does; observations are what is expected to have come of the last act.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flowengine.document import Map, Node, Text, kind_of
from flowengine.fields import Duration, Name, OneOf, Reader, Type
from flowengine.model import NOWHERE
from flowengine.problems import Mark, closest, listed
from flowengine.scenarios.types import EXPECTED, Given, Json, Keys, Values, named
from flowengine.scenarios.values import (
    ASKED,
    CALLEE,
    HAPPENED,
    INCOMING,
    READ,
    SENT,
    WRITTEN,
    Notice,
    Request,
    Shared,
)


@dataclass(frozen=True, slots=True)
class Word:
    """What a step may say. ``type`` is None where no value belongs; ``bare``: it may stand without one.

    ``also`` are other words for it that people try. ``any``: behind ``not`` it may stand without a value, for
    anything of its sort.
    """

    name: str
    doc: str
    example: str
    type: Type | None = None
    bare: bool = False
    also: tuple[str, ...] = ()
    any: bool = False

    @property
    def acts(self) -> bool:
        return ACTS.get(self.name) is self


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a scenario. ``value`` is plain Python, typed by the word; None where the word stands alone.

    ``mark`` is where its word stands and ``end`` the last line of the step in its file (0: in none). A step behind
    ``not`` is the value of that step. Values of mappings hold only the keys that are written:

    ==================  ========================================================================================
    caller dials        None or ``{to, from, custom, headers}``; ``from`` may be ``withheld``
    flow starts         None or ``{input: text}``
    presses, speaks     text of ``0-9*#``
    callee              one of :data:`CALLEE`
    notify              ``{type, …}``
    writes              ``{text, channel, from}``
    shares              ``photo``, ``location``, ``{media, text}`` or ``{location: {title, latitude, longitude}}``
    event               ``{name, data}``
    time passes         seconds
    reads               ``{text, choices}``
    asks                ``{text, choices, keys}``
    sends               ``{to, text, channel}``
    requests            ``{method, url, json}``; without a method any
    variables, contact  ``{name: text}``; None for ``null``; lists and mappings as data
    svaml               ``{…}``
    not                 a Step; its value may be None for anything of its sort
    ==================  ========================================================================================

    Everything else is text.
    """

    word: str
    value: Any = None
    mark: Mark = NOWHERE
    end: int = field(default=0, compare=False)

    @property
    def acts(self) -> bool:
        return self.word in ACTS

    def __hash__(self) -> int:
        return hash((self.word, self.mark))

    def same(self, other: Step) -> bool:
        """Whether both say the same, wherever they stand."""
        if isinstance(self.value, Step) and isinstance(other.value, Step):
            return self.word == other.word and self.value.same(other.value)
        return self.word == other.word and type(self.value) is type(other.value) and self.value == other.value


class _Negated(Type):
    """One observation that must not have been made."""

    def read(self, node: Node, reader: Reader) -> Step | None:
        return read_step(node, reader, behind_not=True)

    def schema(self) -> dict[str, Any]:
        return {"$ref": "#/$defs/not"}

    def phrase(self) -> str:
        return "one observation, such as { hears: Goodbye }"


_WORDS = (
    Word(
        "caller dials",
        "A call comes in. The number is the one that is dialled; without it, the first one of the flow.",
        '- caller dials: { to: "+12025550100", from: withheld }',
        INCOMING,
        bare=True,
        also=("dials", "calls", "caller calls", "call", "rings in", "dial"),
    ),
    Word(
        "flow starts",
        "The flow is started from outside: the call is placed, or the contact written to. A value gives its inputs.",
        "- flow starts: { name: Ann }",
        Values("inputs of the flow"),
        bare=True,
        also=("start", "starts", "begin", "begins", "flow begins"),
    ),
    Word(
        "presses",
        "Keys, one after the other. Digits are taken as soon as the most are there; `123#` enters too few.",
        '- presses: "1234"',
        Keys(),
        also=("press", "keys", "types", "enters", "dtmf", "digits", "caller presses"),
    ),
    Word(
        "speaks",
        "A digit is spoken, where the menu has `speech`.",
        "- speaks: 1",
        Keys(1, digits=True),
        also=("speak", "voice"),
    ),
    Word(
        "says nothing",
        "Silence, until the question gives up after all its repeats.",
        "- says nothing",
        also=("nothing said", "silence", "silent", "timeout", "waits", "wait", "says"),
    ),
    Word(
        "hangs up",
        "Who is on the line hangs up.",
        "- hangs up",
        also=("hangup", "hang up", "caller hangs up", "disconnects"),
    ),
    Word(
        "menu fails",
        "The platform reports an error in the question that stands: of a menu, a collect or a voicemail.",
        "- menu fails",
    ),
    Word(
        "callee",
        "What becomes of the one who is rung, by connect or dial.",
        "- callee: no answer",
        OneOf(CALLEE),
        also=("called", "callee is", "callee does"),
    ),
    Word(
        "notify",
        "A notification of the platform, by its name or with its fields.",
        "- notify: recording_available",
        Notice(),
        also=("notification", "notifies"),
    ),
    Word(
        "writes",
        "The contact writes a message.",
        "- writes: Book a table",
        WRITTEN,
        also=("write", "texts", "answers", "replies", "contact writes", "types in"),
    ),
    Word(
        "taps",
        "The contact taps a button or a row of a list: its label or its value.",
        "- taps: I am coming",
        EXPECTED,
        also=("tap", "clicks", "click", "chooses", "selects", "picks"),
    ),
    Word(
        "shares",
        "The contact sends a picture, a file or a place.",
        "- shares: photo",
        Shared(),
        also=("share", "uploads"),
    ),
    Word(
        "follows link",
        "The contact opens a link that carries this.",
        "- follows link: promo_may",
        named("what the link carries"),
        also=("follows", "opens link", "link"),
    ),
    Word(
        "receipt",
        "What becomes of the last message that was sent.",
        "- receipt: failed",
        OneOf(("delivered", "failed")),
        also=("delivery", "report"),
    ),
    Word(
        "event",
        "An event from outside, posted to the session.",
        "- event: { name: paid, data: { amount: 12 } }",
        HAPPENED,
        also=("posts", "outside event"),
    ),
    Word(
        "time passes",
        "The clock goes on so far; all that becomes due happens.",
        "- time passes: 3d",
        Duration(),
        also=("passes", "later", "after", "sleep", "time"),
    ),
    Word(
        "platform refuses",
        "From now on the platform's API refuses what the flow asks of it: callouts, changes of calls, messages. "
        "A `connect` or `dial` that fails is `callee: unreachable`.",
        "- platform refuses",
        also=("platform fails",),
    ),
    Word(
        "platform accepts",
        "The platform refuses no longer.",
        "- platform accepts",
        also=("platform works",),
    ),
    Word(
        "callback comes again",
        "The last callback or webhook is delivered a second time: it gets the same answer and changes nothing.",
        "- callback comes again",
        also=("callback again", "repeats", "webhook comes again"),
    ),
)
_SEEN = (
    Word(
        "hears",
        "Something is said or played in the call, questions included.",
        "- hears: Thank you for calling",
        EXPECTED,
        also=("hear", "says", "said", "say", "plays", "caller hears"),
        any=True,
    ),
    Word(
        "reads",
        "The contact gets a message. `choices` are what can be tapped: on SMS, which has no buttons, leave them out.",
        "- reads: { text: See you, choices: [Cancel] }",
        READ,
        also=("read", "sees", "gets", "receives", "gets message"),
        any=True,
    ),
    Word(
        "asks",
        "A question is asked, in a call or a chat, and the flow waits for the answer.",
        "- asks: For sales press 1",
        ASKED,
        also=("ask", "asked", "question", "menu", "prompts"),
        any=True,
    ),
    Word(
        "connects to",
        "The caller is put through: to a name of may_dial, a number or an address.",
        "- connects to: support",
        named("a name of may_dial, a number or an address"),
        also=("connects", "connect", "connected to", "transfers to"),
        any=True,
    ),
    Word(
        "rings",
        "Somebody is called: a name of may_dial or a number.",
        "- rings: patient",
        named("a name of may_dial or a number"),
        also=("ring", "calls", "dials"),
        any=True,
    ),
    Word(
        "joins",
        "The caller joins this conference.",
        "- joins: team",
        named("a conference"),
        also=("join", "conference", "joins conference"),
        any=True,
    ),
    Word("parks", "The caller is held.", "- parks", also=("park", "parked", "held", "is parked")),
    Word("records", "A recording begins.", "- records", also=("record", "recording", "recorded")),
    Word(
        "sends",
        "A message goes to somebody else than the contact of this conversation; in a call, any message.",
        '- sends: { to: "+12025550142", text: Sorry we missed you }',
        SENT,
        also=("send", "sent", "message", "messages"),
        any=True,
    ),
    Word(
        "requests",
        "An http step asked this.",
        "- requests: { post: https://crm.example.com/callers, json: { tier: gold } }",
        Request(),
        also=("request", "http", "posts", "gets", "fetches"),
        any=True,
    ),
    Word(
        "ends",
        "The call or conversation is over.",
        "- ends",
        also=("end", "ended", "over", "finishes", "is over"),
    ),
    Word("state", "The state where it stands now.", "- state: main", Name("a state"), also=("in state", "stands in")),
    Word(
        "variables",
        "What variables hold now, by meaning: 3 equals 3.0.",
        "- variables: { seats: 4, name: Ann }",
        Values("variables"),
        also=("variable", "vars", "remembers"),
    ),
    Word(
        "contact",
        "What is known of the contact now.",
        "- contact: { name: Ann, language: es }",
        Values("fields of a contact"),
        also=("contact is",),
    ),
    Word(
        "svaml",
        "The last answer to the platform, exactly.",
        "- svaml: { action: { name: hangup } }",
        Json(True),
        also=("answer is",),
    ),
    Word("nothing", "Nothing was observed since the last act.", "- nothing", also=("nothing happens", "silence")),
    Word(
        "not",
        "Nothing like this was observed since the last act.",
        "- not: { hears: Goodbye }",
        _Negated(),
        also=("never", "no"),
    ),
)
ACTS: Mapping[str, Word] = {word.name: word for word in _WORDS}
OBSERVATIONS: Mapping[str, Word] = {word.name: word for word in _SEEN}
WORDS: Mapping[str, Word] = {**ACTS, **OBSERVATIONS}
NEGATED: Mapping[str, Word] = {name: each for name, each in OBSERVATIONS.items() if name not in ("nothing", "not")}
"""The observations that ``not`` takes."""


# --- reading ---------------------------------------------------------------------------------------------


def read_step(node: Node, reader: Reader, behind_not: bool = False) -> Step | None:
    """A bare word, or a mapping with one key; ``behind_not`` only an observation, with or without a value."""
    if isinstance(node, Text):
        return None if node.empty else _alone(node, reader, behind_not)
    if not isinstance(node, Map) or not node.entries:
        reader.expected(node, "one step, such as - presses: 2 or - hangs up")
        return None
    if len(node.entries) > 1:
        _several(node, reader)
        return None
    word, value = next(iter(node.entries.items()))
    return _with_value(node.keys[word], value, reader, behind_not)


def _alone(node: Text, reader: Reader, behind_not: bool) -> Step | None:
    word = _known(node, reader, behind_not)
    if word is None:
        return None
    if word.type is None or word.bare or (behind_not and word.any):
        return Step(word.name, None, node.mark)
    message = f'"{word.name}" stands alone; expected {word.type.phrase()} behind it'
    reader.problem("shape", node, message, f"write it as {word.example}")
    return None


def _with_value(key: Text, value: Node, reader: Reader, behind_not: bool) -> Step | None:
    word = None if key.told else _known(key, reader, behind_not)
    if word is None:
        return None
    empty = isinstance(value, Text) and value.empty
    if word.type is None or (empty and word.bare):
        found = "" if empty else f" and takes no value; found {kind_of(value)}"
        reader.problem("shape", key, f'"{word.name}" stands alone{found}', f"write it without a colon: - {word.name}")
        return None
    before = len(reader.problems)
    read = word.type.read(value, reader)
    return None if read is None or len(reader.problems) > before else Step(word.name, read, key.mark)


def _several(node: Map, reader: Reader) -> None:
    first, second = list(node.keys.values())[:2]
    word = WORDS.get(first.value)
    if word and isinstance(word.type, Given) and second.value in word.type.record.named():
        fix = f"write {first.value}: {{ {word.type.lone}: …, {second.value}: … }}"
    else:
        fix = f'begin "{second.value}" with a dash of its own'
    message = f'a step is one act or one observation, and this one is "{first.value}" already'
    reader.problem("two-steps", second, message, fix)


def _known(node: Text, reader: Reader, behind_not: bool) -> Word | None:
    words = NEGATED if behind_not else WORDS
    if node.value in words:
        return words[node.value]
    if behind_not and node.value in WORDS:
        message = f'"{node.value}" cannot stand behind not'
        reader.problem("unknown-step", node, message, f"expected one of {listed(list(words))}")
        return None
    reader.problem("unknown-step", node, *_unknown(node.value, words))
    return None


def _unknown(text: str, words: Mapping[str, Word]) -> tuple[str, str]:
    """What to say of a word that there is not, and the mend."""
    message = f'there is no step "{text}"'
    for name in words:
        rest = text.removeprefix(name)
        if rest != text and rest[:1] in (":", " ") and words[name].type is not None:
            return message, f"write {name}: {rest[1:].strip()}, with a colon and a blank"
    meant = _meant(text, words.values())
    if meant:
        quoted = [f'"{name}"' for name in meant]
        return f"{message}; did you mean {listed(quoted)}?", ""
    acts = [name for name in words if name in ACTS]
    seen = [name for name in words if name in OBSERVATIONS]
    told = f"an act ({', '.join(acts)}) or an observation ({', '.join(seen)})" if acts else listed(seen)
    return message, f"expected {told}"


def _meant(text: str, words: Iterable[Word]) -> list[str]:
    """The words that this may be another name or a misspelling of."""
    lower = text.lower()
    there = list(words)
    same = [word.name for word in there if lower in word.also]
    if same:
        return same
    near = closest(text, [word.name for word in there], 0.7)
    if near:
        return [near]
    other = closest(text, [name for word in there for name in word.also], 0.75)
    return [word.name for word in there if other in word.also] if other else []
