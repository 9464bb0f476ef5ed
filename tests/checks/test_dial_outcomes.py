from __future__ import annotations

from collections.abc import Callable

import pytest

Told = Callable[..., list[str]]


@pytest.mark.parametrize(
    ("amd", "on", "left"),
    [
        ("", "disconnected: end", "answered"),
        (", amd: sync", "notsure: end", "human or machine"),
        (", amd: async", "machine: end", "answered or human"),
        (", amd: async", "else: end", ""),
        (", suppress_callbacks: true", "error: end", ""),
    ],
)
def test_what_must_not_be_left_open(told: Told, amd: str, on: str, left: str) -> None:
    text = f"""\
        triggers: [ {{ start: api }} ]
        cli: "+12025550100"
        may_dial: {{ patient: {{ number: "+12025550111" }} }}
        start: a
        states:
          a: {{ dial: {{ to: patient{amd} }}, on: {{ {on} }} }}
        """
    found = [f'8: dial "a" can end in {left}, but nothing says where that goes'] if left else []
    assert told("dial-outcomes", text) == found
    assert told("no-way-on", text) == []
