"""Files of scenarios as texts: one that has everything, and how tests read them."""

from __future__ import annotations

import re
from typing import Any

from jsonschema import Draft7Validator

from flowengine.document import Map, Seq, Text, read
from flowengine.problems import Problem
from flowengine.scenarios.model import Suite
from flowengine.scenarios.reading import suite_from_text
from flowengine.scenarios.schema import schema

WHOLE = """\
# yaml-language-server: $schema=../schema/test.schema.json
flow: front_desk
now: 2026-11-24 10:00 Europe/Stockholm
servers:
  - { post: https://crm.example.com/callers, answers: { tier: gold } }

scenarios:
  gold customers skip the queue:        # the name is the key
    about: optional prose
    servers:
      - { post: https://crm.example.com/messages, status: 500 }
      - { get: "https://tables.example.com/*", never: true }
      - { get: https://a.example.com/x, in turn: [ { answers: [1, "1", 1.5, true, "true", null] }, { status: 503 } ] }
    functions: { price: { answers: { p: 5 } }, stock: { fails: true } }
    random: { split: b }
    contact: { name: Ann, number: "+12025550142", tags: [vip], visits: 3, left: null }
    env: { GREETING: Good morning }
    steps:
      - caller dials
      - hears: Thank you for calling Acme Corp.
      - asks: For sales press 1
      - presses: 2
      - asks:
          text: |
            Please enter
            # your four digit code.
          keys: ["1", 2]

      # a remark
      - presses: "1234"   # the code
      - connects to: support
      - callee: no answer
      - sends: { to: "+12025550142", text: Sorry }
      - not: hears
      - not: { sends: { text: foo,
           to: "+12025550142" }
           }
      - requests: { post: https://crm.example.com/callers, json: { a: 1 } }
      - time passes: 3d
      - ends

  # the other one
  closed at night:
    now: 2026-11-24T22:00:00Z
    steps: [caller dials, hears: We are closed, ends]
# the end
"""


def suite(text: str) -> Suite:
    return suite_from_text(text, "front_desk.test.yaml")


def steps_of(*lines: str) -> Suite:
    body = "\n".join(f"      {line}" for text in lines for line in text.split("\n"))
    return suite(f"scenarios:\n  one:\n    steps:\n{body}\n")


def told(problems: list[Problem]) -> list[str]:
    return [f"{each.rule} {each.mark.line}:{each.mark.column} {each.message}" for each in problems]


VALIDATOR = Draft7Validator(schema())


def as_editor(node: Any) -> Any:
    """Nodes as an editor's YAML 1.2 core schema types them; quoted scalars are text."""
    if isinstance(node, Map):
        return {key: as_editor(each) for key, each in node.entries.items()}
    if isinstance(node, Seq):
        return [as_editor(each) for each in node.items]
    assert isinstance(node, Text)
    if not node.plain or node.value in ("true", "false", "null"):
        return {"true": True, "false": False, "null": None}.get(node.value, node.value) if node.plain else node.value
    if re.fullmatch(r"[-+]?[0-9]+", node.value):
        return int(node.value)
    return float(node.value) if re.fullmatch(r"[-+]?[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?", node.value) else node.value


def complaints(text: str) -> list[str]:
    document = read(text.encode(), "x.test.yaml")
    assert document.root is not None, document.problems
    return [each.message for each in VALIDATOR.iter_errors(as_editor(document.root))]
