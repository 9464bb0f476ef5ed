"""
```yaml
size:
  ask:
    prompt: Which size would you like?
    choices: { small: Small, large: { label: Large, words: [big] } }
  on: { small: order, large: order, timeout: end, invalidinput: end }
```
Asks in a message and waits for the answer: one of `choices`, or what it may `expect`. A choice value is an event and,
without a handler, the state of that name; `answer` is what was expected, and any choice without either. A choice
without a label is understood, not shown; one with `url` or `call` opens something and is never an answer. `repeat`
says the prompt again, `back` returns to the ask before; neither counts as a visit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flowengine.choosing import ASK_CHOICES, RANGE, RESERVED, URL, lower_choice, read_range
from flowengine.content import TEMPLATE, lower_content
from flowengine.document import Map, Node, Seq, Text
from flowengine.fields import (
    WORDS,
    Custom,
    Duration,
    Field,
    Integer,
    ListOf,
    Name,
    OneOf,
    Reader,
    Record,
    meant,
    unknown_key,
)
from flowengine.lowering import lower, lower_fields, lower_url
from flowengine.model import Choice, Each, Expect, ExpectKind, Flow, State
from flowengine.states.base import Kind, Outcome, spoken
from flowengine.states.collect import PATTERN

LONGEST = 30 * 86_400
_BARE: tuple[ExpectKind, ...] = ("any", "number", "date", "media", "location")


def _read_expect(node: Node, reader: Reader) -> tuple[Expect, ...] | None:
    nodes = node.items if isinstance(node, Seq) else [node]
    found = tuple(each for each in (_expected(each, reader) for each in nodes) if each is not None)
    return found or None


def _expected(node: Node, reader: Reader) -> Expect | None:
    bare = next((each for each in _BARE if isinstance(node, Text) and node.value == each), None)
    if bare:
        return Expect(bare, node.mark)
    if isinstance(node, Map) and len(node.entries) == 1:
        name, value = next(iter(node.entries.items()))
        if name == "number":
            bounds = read_range(value, reader)
            return Expect("number", node.keys[name].mark, *bounds) if bounds else None
        if name == "matches":
            pattern = PATTERN.read(value, reader)
            return Expect("matches", node.keys[name].mark, pattern=pattern) if pattern else None
        unknown_key(reader, node.keys[name], ("number", "matches"), "expect")
        return None
    reader.expected(node, "any, number, date, media, location, { number: 1..20 } or { matches: '[A-Z]{3}' }")
    return None


_ONE_EXPECTED: dict[str, Any] = {
    "anyOf": [
        {"enum": list(_BARE)},
        {
            "type": "object",
            "minProperties": 1,
            "maxProperties": 1,
            "additionalProperties": False,
            "properties": {"number": RANGE.schema(), "matches": PATTERN.schema()},
        },
    ]
}
EXPECT = Custom(
    _read_expect,
    {"anyOf": [*_ONE_EXPECTED["anyOf"], {"type": "array", "items": _ONE_EXPECTED, "minItems": 1}]},
    "`any`, `number`, `date`, `media`, `location`, `{ number: 1..20 }` or `{ matches: RE2 }`, or a list",
)


REMINDER = Record(
    (
        Field("after", Duration(1, LONGEST), "how long after the question", True),
        Field("say", WORDS, "what is sent", True),
    ),
    "a reminder",
)


class Ask(Kind):
    name = "ask"
    glyph = "#"
    family = "wait"
    waits = True
    channels = ("message",)
    fields = Record(
        (
            Field("prompt", WORDS, "the question", True),
            Field("choices", ASK_CHOICES, "values and the label of each, or `each` element of a list"),
            Field("expect", EXPECT, "other answers that are taken"),
            Field("into", Name("a variable"), "keeps the answer"),
            Field("repeat_prompt", WORDS, "sent after an answer that is not understood", shown="the prompt"),
            Field("repeats", Integer(0, 5), "how often it is asked again", default=2),
            Field("timeout", Duration(1, LONGEST), "silence that ends the asking", shown="the session's"),
            Field("remind", ListOf(REMINDER, least=1, most=5), "what is sent meanwhile"),
            Field("settle", Duration(0, 60), "joins what is typed within this time", shown="0 s"),
            Field("late_tap", OneOf(("accept", "repeat", "ignore")), "what an old button does", default="accept"),
            Field("media", URL, "a picture, video or file beside the question"),
            Field("template", TEMPLATE, "sent in its place when the channel no longer takes free text"),
            Field("as", OneOf(("buttons", "list", "text")), "how choices are shown", shown="by channel and number"),
        ),
        "ask",
    )

    def check(self, config: Mapping[str, Any], node: Map, reader: Reader) -> None:
        self._answerable(config, node, reader)
        timeout = config["timeout"]
        for number, each in enumerate(config["remind"] or ()):
            if timeout is not None and each["after"] is not None and each["after"] >= timeout:
                mark = _item(node.entries.get("remind"), number, node)
                message = "the reminder would come after the timeout"
                reader.problem("limit", mark, message, "remind earlier, or wait longer")

    def _answerable(self, config: Mapping[str, Any], node: Map, reader: Reader) -> None:
        if {"choices", "expect"} & meant(node, self.fields.named()):
            return
        choices = config["choices"]
        if "expect" in node.entries or isinstance(choices, Each) or ("choices" in node.entries and choices is None):
            return
        if not any(not each.opens and each.value not in RESERVED for each in choices or ()):
            what = "the ask takes no answer" if choices else 'the ask has neither "choices" nor "expect"'
            reader.problem("missing-key", node, what, "add choices: { yes: Yes }, or expect: any")

    def settle(self, config: dict[str, Any], flow: Mapping[str, Any]) -> dict[str, Any]:
        if isinstance(config["choices"], Each):
            return {**config, "choices": (), "each": config["choices"]}
        return config

    def outcomes(self, state: State, flow: Flow) -> tuple[Outcome, ...]:
        listed = bool(state.config.get("each"))
        empty = (Outcome("empty", ("next",)),) if listed else ()
        return (*_chosen(state, flow), *_answer(state, flow), *empty, TIMEOUT, INVALID, FAILED)

    def lower(self, state: State, flow: Flow) -> dict[str, Any]:
        config = state.config
        lowered: dict[str, Any] = {
            "prompt": lower(config["prompt"]),
            **lower_fields(config, "repeat_prompt"),
            "choices": _lower_choices(state, flow),
            "expect": [_lower_expect(each) for each in config["expect"] or ()],
            "remind": [{"after": each["after"], "say": lower(each["say"])} for each in config["remind"] or ()],
            **lower_fields(config, "into", "repeats", "timeout", "settle", "late_tap", "as"),
        }
        if config.get("each"):
            lowered["each"] = _lower_each(config["each"])
        if config["media"]:
            lowered["media"] = lower_url(config["media"])
        if config["template"]:
            lowered["template"] = lower_content("template", config["template"])
        return lowered

    def run(self, op: Any, call: Any) -> str | None:
        return call.ask(op)  # type: ignore[no-any-return]

    def summary(self, state: State, flow: Flow) -> str:
        return spoken(state.config["prompt"], flow)


TIMEOUT = Outcome("timeout", ("next",), "end", "silence")
INVALID = Outcome("invalidinput", ("next",), "pardon", "silence")
FAILED = Outcome("failed", ("next",), "end", "failure")


def offered(state: State, flow: Flow) -> tuple[Choice, ...]:
    """The choices of a menu or ask, and those of the flow that an ask does not have itself."""
    own: tuple[Choice, ...] = state.config["choices"] or ()
    if state.kind != "ask":
        return own
    known = {each.value for each in own}
    return own + tuple(each for each in flow.choices if each.value not in known)


def _chosen(state: State, flow: Flow) -> Iterator[Outcome]:
    own = {each.value for each in state.config["choices"] or ()}
    for each in offered(state, flow):
        if not each.opens and each.value not in RESERVED:
            wide = each.value not in own
            label = "" if wide or each.label is None else spoken(each.label, flow).strip("“”")
            yield Outcome(each.value, ("next",), choice=True, label=label, wide=wide)


def _answer(state: State, flow: Flow) -> Iterator[Outcome]:
    """``answer`` comes for what is expected, and gathers the choices that lead nowhere by themselves."""
    if state.config["expect"] or state.config.get("each"):
        yield Outcome("answer", ("next",))
    elif "answer" in state.on and any(_leads_nowhere(each, state, flow) for each in _chosen(state, flow)):
        yield Outcome("answer", ("next",), "none")


def _leads_nowhere(choice: Outcome, state: State, flow: Flow) -> bool:
    return choice.name not in state.on and choice.name not in flow.states


def _lower_choices(state: State, flow: Flow) -> list[dict[str, Any]]:
    """``wide``: a choice of the flow, which is not kept by ``into``."""
    own = {each.value for each in state.config["choices"] or ()}
    wide = {"wide": True}
    return [{**lower_choice(each), **({} if each.value in own else wide)} for each in offered(state, flow)]


def _lower_expect(expect: Expect) -> dict[str, Any]:
    bounds = {} if expect.low is None else {"low": expect.low, "high": expect.high}
    return {"kind": expect.kind, **bounds, **({"pattern": expect.pattern} if expect.pattern else {})}


def _lower_each(each: Each) -> dict[str, Any]:
    description = {"description": lower(each.description)} if each.description else {}
    return {"list": each.list.text, "value": lower(each.value), "label": lower(each.label), **description}


def _item(node: Node | None, number: int, other: Node) -> Node:
    return node.items[number] if isinstance(node, Seq) and number < len(node.items) else other
