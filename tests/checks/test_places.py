from __future__ import annotations

import pytest
from telling import told, underlined

from flowengine.checks.base import View
from flowengine.checks.places import inside, setting
from flowengine.graph import Book

SCALARS = [
    "greet: { say: Hello {{ nobody }}., next: end }",
    'greet: { say: "Hello {{ nobody }}.", next: end }',
    "greet: { say: 'It''s {{ nobody }}.', next: end }",
    'greet: { say: "\\u00e5\\"\\\\ {{ nobody }}.", next: end }',
    "greet:\n    say: |\n      One.\n\n        Two {{ nobody }}.\n    next: end",
    "greet:\n    say: >-\n      One\n      two\n\n      three {{ nobody }}.\n    next: end",
    'greet:\n    say: "One\n      two \\\n      three {{ nobody }}."\n    next: end',
    "greet:\n    say: One\n      two\n      three {{ nobody }}.\n    next: end",
]


@pytest.mark.parametrize("written", SCALARS)
def test_a_name_is_found_in_every_style_of_yaml(written: str) -> None:
    if "say: Hello" in written:
        written = written.replace(
            "{ say: Hello {{ nobody }}., next: end }", "\n    say: Hello {{ nobody }}.\n    next: end"
        )
    assert underlined("unknown-variable", f"start: greet\nstates:\n  {written}\n") == ["nobody"]


def test_the_end_of_a_text_is_a_place_too() -> None:
    found = told("expression", "start: greet\nstates:\n  greet:\n    say: |\n      Hello {{ name\n    next: end\n")
    assert [str(each.mark) for each in found] == ["line.yaml:7:13"]


def test_a_setting_is_sought_in_its_own_state() -> None:
    from telling import flow_of

    text = """\
        start: one
        variables: { pin: { type: digits } }
        states:
          one: { collect: { prompt: Code?, digits: 4, into: pin }, on: { digits: two, else: two } }
          two:
            collect:
              prompt: Code?
              digits: 4
              into: pin
            on: { digits: end, else: end }
        """
    flow = flow_of(text)
    view = View(flow, Book({"line": flow}))
    assert str(setting(view, flow.states["one"], "into", "pin")) == "line.yaml:6:53"
    assert str(setting(view, flow.states["two"], "into", "pin")) == "line.yaml:11:13"
    assert setting(view, flow.states["one"], "moh", "x") == flow.states["one"].kind_mark


def test_a_text_of_another_file_keeps_its_mark() -> None:
    from telling import flow_of

    from flowengine.model import Source
    from flowengine.problems import Mark

    flow = flow_of("start: one\nstates:\n  one: { say: Hello., next: end }\n")
    view = View(flow, Book({"line": flow}))
    mark = Mark("flowengine.yaml", 3, 9)
    assert inside(view, Source("{{ x }}", mark), 3) == mark
