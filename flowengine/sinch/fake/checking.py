"""What is wrong with a request: the schema's complaints as sentences without values, and what no schema can say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import orjson
from jsonschema import Draft202012Validator, ValidationError

from flowengine import svaml
from flowengine.conversation_wire import MAX_CONVERSATION_METADATA, schema

MOST = 5


@dataclass(frozen=True, slots=True)
class Fault:
    """Where in the request, such as ``message.text_message.text``, and what is wrong there."""

    field: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.field or 'the request'} {self.sentence}"


def faults(request: str, body: Any) -> list[Fault]:
    """Some of what is wrong with a ``send``, ``event``, ``token``, ``callout`` or ``svaml``."""
    found = [_fault(error) for error in _validator(request).iter_errors(body)]
    if not found:
        found = list(_beyond(request, body))
    return sorted(found, key=lambda fault: fault.field)[:MOST]


@cache
def _validator(request: str) -> Draft202012Validator:
    return Draft202012Validator(svaml.schema() if request == "svaml" else schema(request))


def _fault(error: ValidationError) -> Fault:
    field = ""
    for step in error.absolute_path:
        field += f"[{step}]" if isinstance(step, int) else f"{'.' if field else ''}{step}"
    return Fault(field, _sentence(error))


def _sentence(error: ValidationError) -> str:
    rule, value, instance = str(error.validator), cast(Any, error.validator_value), cast(Any, error.instance)
    if rule in _SENTENCES:
        return _SENTENCES[rule].format(", ".join(map(str, value)) if isinstance(value, list) else value)
    if rule == "required":
        return f"lacks {', '.join(name for name in value if name not in instance)}"
    if rule == "additionalProperties":
        unknown = sorted(set(instance) - set(cast(Any, error.schema).get("properties", ())))
        return f"has no field {', '.join(unknown)}"
    if rule in ("oneOf", "anyOf"):
        return _alternatives(rule, instance, value)
    return f"breaks the rule {rule}"


def _alternatives(rule: str, instance: Any, value: list[Mapping[str, Any]]) -> str:
    names = [name for each in value for name in each.get("required", ())]
    there = [name for name in names if isinstance(instance, dict) and name in instance]
    if rule == "oneOf" and len(there) > 1:
        return f"has {' and '.join(there)}; one is allowed"
    return f"needs one of {', '.join(names)}" if names and not there else "has no allowed shape"


_SENTENCES = {
    "type": "is not of the type {}",
    "enum": "is none of {}",
    "const": "is not {}",
    "minLength": "is shorter than {}",
    "maxLength": "is longer than {}",
    "minItems": "has fewer entries than {}",
    "maxItems": "has more entries than {}",
    "minProperties": "has fewer fields than {}",
    "minimum": "is below {}",
    "maximum": "is above {}",
    "pattern": "does not fit {}",
}


def _beyond(request: str, body: Any) -> Iterator[Fault]:
    if request == "send":
        if len(orjson.dumps(body.get("conversation_metadata", {})).decode()) > MAX_CONVERSATION_METADATA:
            yield Fault("conversation_metadata", f"is longer than {MAX_CONVERSATION_METADATA} as JSON")
        for channel, text in body["message"].get("explicit_channel_message", {}).items():
            if not isinstance(_loads(text), dict):
                yield Fault(f"message.explicit_channel_message.{channel}", "is not a text that holds a JSON object")
    if request == "callout":
        for name in ("ice", "ace", "pie"):
            yield from _answer(f"customCallout.{name}", body["customCallout"].get(name, "https://"))


def _answer(field: str, text: str) -> Iterator[Fault]:
    """SVAML in a text, unless it is an address."""
    if text.startswith(("https://", "http://")):
        return
    found = _loads(text)
    if found is None:
        yield Fault(field, "is neither an address nor JSON")
        return
    for fault in faults("svaml", found):
        yield Fault(f"{field}:{fault.field}", fault.sentence)


def _loads(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
