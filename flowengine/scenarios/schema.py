"""The JSON Schema of a file of scenarios, put together from the words, for editors (draft-07).

``python -m flowengine.scenarios.schema`` prints it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowengine.scenarios.model import NEGATED, WORDS, Word
from flowengine.scenarios.reading import LONGEST_NAME, SCENARIO, SUITE
from flowengine.schema import DRAFT, printed

Json = dict[str, Any]


def schema() -> Json:
    """The schema of ``NAME.test.yaml``."""
    head = {"$schema": DRAFT, "markdownDescription": "Scenarios of a flow: what is done and what must come of it."}
    return {**head, **SUITE.schema(), "$defs": _definitions()}


def _definitions() -> Json:
    return {
        "scenarios": {
            "type": "object",
            "minProperties": 1,
            "propertyNames": {"pattern": rf"^(?=.*\S).{{1,{LONGEST_NAME}}}$"},
            "additionalProperties": {"$ref": "#/$defs/scenario"},
        },
        "scenario": SCENARIO.schema(),
        "steps": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/step"}},
        "step": _step(WORDS),
        "not": _step(NEGATED, behind_not=True),
    }


def _step(words: Mapping[str, Word], behind_not: bool = False) -> Json:
    """A bare word, or a mapping with one key."""
    alone = [each for each in words.values() if each.type is None or each.bare or (behind_not and each.any)]
    valued = {name: _valued(each) for name, each in words.items() if each.type is not None}
    return {
        "anyOf": [
            {
                "type": "string",
                "enum": [each.name for each in alone],
                "markdownEnumDescriptions": [documentation(each) for each in alone],
            },
            {
                "type": "object",
                "minProperties": 1,
                "maxProperties": 1,
                "properties": valued,
                "additionalProperties": False,
            },
        ],
    }


def _valued(word: Word) -> Json:
    assert word.type is not None
    return {**word.type.schema(), "markdownDescription": documentation(word)}


def documentation(word: Word) -> str:
    """A word as editors show it: its sentence and an example."""
    return f"{word.doc}\n\n```yaml\n{word.example}\n```"


if __name__ == "__main__":
    print(printed(schema()), end="")
