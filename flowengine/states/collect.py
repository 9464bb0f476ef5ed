"""
```yaml
ask_pin:
  collect: { prompt: Please enter your four digit code., digits: 4, into: pin }
  on: { digits: look_up, invalidinput: bye, timeout: bye }
```
Asks for several digits. `#` ends them early. Digits of a wrong length, or that `matches` does not accept, are
`invalidinput`; leading zeros are kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flowengine.callbacks import Callback
from flowengine.document import Map, Node, Text, kind_of
from flowengine.fields import BOOL, PROMPT, Custom, Duration, Field, Integer, Name, Reader, Record
from flowengine.lowering import lower, lower_fields
from flowengine.model import Flow, State
from flowengine.patterns import BadPattern, compile_pattern
from flowengine.states.base import (
    DISCONNECTED,
    HANGUP,
    INPUT_ERROR,
    INVALID,
    STALE,
    TIMEOUT,
    Heard,
    Kind,
    Outcome,
    spoken,
)
from flowengine.states.menu import PIE_EVENTS, prompts_of
from flowengine.svaml import Position

DIGITS = re.compile("[0-9*]+")


def read_pattern(node: Node, reader: Reader) -> str | None:
    """An RE2 expression."""
    if not isinstance(node, Text):
        reader.expected(node, "a regular expression (RE2)")
        return None
    try:
        compile_pattern(node.value)
    except BadPattern as error:
        reader.problem("pattern", node, f"not a regular expression (RE2): {error}", "look-around and \\1 do not exist")
        return None
    return node.value


PATTERN = Custom(read_pattern, {"type": "string"}, "a regular expression (RE2)")


def _read_count(node: Node, reader: Reader) -> tuple[int, int] | None:
    match = re.fullmatch(r"([0-9]{1,2})(?:\.\.([0-9]{1,2}))?", node.value) if isinstance(node, Text) else None
    if match:
        low, high = int(match[1]), int(match[2] or match[1])
        if 1 <= low <= high <= 20:
            return low, high
    reader.problem("shape", node, f"found {kind_of(node)}; expected 4 or 3..6, at most 20", "say how many digits")
    return None


COUNT = Custom(
    _read_count, {"type": ["string", "integer"], "pattern": r"^[0-9]{1,2}(\.\.[0-9]{1,2})?$"}, "`4` or `3..6`"
)


class Collect(Kind):
    name = "collect"
    glyph = "#"
    family = "wait"
    waits = True
    fields = Record(
        (
            Field("prompt", PROMPT, "what the caller hears", True),
            Field("repeat_prompt", PROMPT, "said after silence", shown="the prompt"),
            Field("digits", COUNT, "how many digits, such as `4` or `3..6`", True),
            Field("matches", PATTERN, "what the digits must look like (RE2, the whole of them)"),
            Field("repeats", Integer(0, 5), "how often the prompt is repeated", default=2),
            Field("timeout", Duration(1, 30), "silence that ends the digits", default=5.0),
            Field("barge", BOOL, "whether a key may interrupt the prompt", default=True),
            Field("speech", BOOL, "whether spoken digits count (billed)", default=False),
            Field("max_timeout", Duration(1, 60), "overall limit of one try, with `speech`", shown="20 s"),
            Field("into", Name("a variable"), "keeps the digits"),
        ),
        "collect",
    )

    def check(self, config: Mapping[str, Any], node: Map, reader: Reader) -> None:
        count = config["digits"]
        matches = config["matches"]
        if count and matches and not any(re.search(r"[0-9\\\[.]", part) for part in (matches,)):
            reader.problem("pattern", node.entries["matches"], "no digits can match this", "digits are 0-9")

    def outcomes(self, state: State, flow: Flow) -> tuple[Outcome, ...]:
        return (Outcome("digits", ("input",)), TIMEOUT, INVALID, INPUT_ERROR, HANGUP, DISCONNECTED)

    def actions(self, state: State, flow: Flow, position: Position) -> tuple[str, ...]:
        return ("runMenu",)

    def lower(self, state: State, flow: Flow) -> dict[str, Any]:
        config = state.config
        return {
            "prompt": lower(config["prompt"]),
            **({"repeat_prompt": lower(config["repeat_prompt"])} if config["repeat_prompt"] else {}),
            "digits": list(config["digits"]),
            **lower_fields(config, "matches", "repeats", "timeout", "max_timeout", "barge", "speech", "into"),
        }

    def run(self, op: Any, call: Any) -> str | None:
        call.place_menu(op)
        return None

    def hear(self, op: Any, call: Any, callback: Callback) -> Heard:
        if callback.menu_type == "return":
            return STALE
        if callback.menu_type == "sequence":
            return Heard("digits", callback.menu_value) if _fits(op, callback.menu_value) else Heard("invalidinput")
        return Heard(PIE_EVENTS.get(callback.menu_type, "error"))

    def summary(self, state: State, flow: Flow) -> str:
        return spoken(state.config["prompt"], flow)


def collect_entry(op: Any, menu_id: str, call: Any) -> dict[str, Any]:
    """One entry of ``runMenu.menus`` that collects digits."""
    entry = {
        "id": menu_id,
        **prompts_of(op, call),
        "repeats": op["repeats"],
        "maxDigits": op["digits"][1],
        "timeoutMills": int(op["timeout"] * 1000),
    }
    if op["speech"] and op.get("max_timeout"):
        entry["maxTimeoutMills"] = int(op["max_timeout"] * 1000)
    return entry


def _fits(op: Any, value: str) -> bool:
    low, high = op["digits"]
    if not (low <= len(value) <= high and DIGITS.fullmatch(value)):
        return False
    return "matches" not in op or bool(compile_pattern(op["matches"]).matches(value))
