"""Drawings, by what pip brings alone: a PATH without `dot`, and no fonts but the package's."""

from __future__ import annotations

import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from flowengine.diagram import DrawingFailed, Format, dot, draw, picture
from flowengine.diagram.palette import DARK, LIGHT, Palette
from flowengine.diagram.svg import style
from flowengine.graph import Book
from flowengine.model import Flow
from flowengine.project import read_project

XLINK = "{http://www.w3.org/1999/xlink}"
SVG = "{http://www.w3.org/2000/svg}"
MENU = """\
  s{0}: {{ menu: {{ prompt: Press 1 or 2., choices: {{ a: 1, b: 2 }} }}, on: {{ a: s{1}, b: s{2}, else: bye }} }}
"""
FLOW = """\
flow: small
channel: voice
languages: [en-US]
triggers: [{ to: "+12025550100" }]
start: main
states:
  main:
    menu: { prompt: 'Press 1 & "wait" \\d.', choices: { news: 1, repeat: 9 } }
    on: { else: bye }
  news: { say: There is none., next: bye }
  bye: { say: Bye., next: end }
"""


@pytest.fixture(autouse=True)
def no_dot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.setenv("PATH", str(empty))
    monkeypatch.chdir(tmp_path)


def read(text: str) -> tuple[Flow, Book]:
    Path("small.yaml").write_text(text)
    flows = read_project(["small.yaml"]).flows
    return next(iter(flows.values())), Book(flows)


def svg() -> ElementTree.Element:
    return ElementTree.fromstring(picture(*read(FLOW), (), "svg"))


@pytest.mark.parametrize(("form", "begins"), [("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF-")])
def test_drawn_with_pip_alone(form: Format, begins: bytes) -> None:
    drawn = picture(*read(FLOW), (), form)
    assert drawn.startswith(begins)
    assert len(drawn) > 3000


def test_pdf_and_png_hold_the_packages_font() -> None:
    pdf = picture(*read(FLOW), (), "pdf")
    assert b"LiberationSans" in pdf


def test_svg_has_ids_classes_links_and_tooltips() -> None:
    root = svg()
    by_id = {each.get("id"): each for each in root.iter() if each.get("id")}
    assert {"start", "state-main", "state-news", "state-bye", "state-bye--2", "edge-start"} <= set(by_id)
    assert {"edge-main-news", "edge-main-timeout", "edge-main-invalidinput", "edge-news-next"} <= set(by_id)
    assert by_id["state-main"].get("class") == "node state k-wait"
    link = by_id["state-main"].find(f".//{SVG}a")
    assert link is not None
    assert link.get(f"{XLINK}href") == "small.yaml#L7"
    assert link.get(f"{XLINK}title") == "main (menu), line 7"
    assert "1: news: news" in {each.get(f"{XLINK}title") for each in root.iter(f"{SVG}a")}


def test_svg_says_what_the_author_wrote() -> None:
    words = {each.text for each in svg().iter(f"{SVG}text")}
    assert '“Press 1 & "wait" \\d.”' in words


def test_every_colour_of_the_svg_has_a_dark_one() -> None:
    root = svg()
    used = {each.get(part) for each in root.iter() for part in ("fill", "stroke")} - {None, "none", "transparent"}
    assert used <= {each.lower() for each in LIGHT.colours()}
    css = root.find(f"{SVG}style")
    assert css is not None and css.text == style()
    assert '[fill="#e6f1fa"] { fill: #0b2a40 }' in style()


def test_a_colour_in_two_roles_has_the_same_dark_one() -> None:
    pairs: dict[str, set[str]] = {}
    for light, dark in zip(LIGHT.colours(), DARK.colours(), strict=True):
        pairs.setdefault(light, set()).add(dark)
    assert all(len(darks) == 1 for darks in pairs.values())


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_words_can_be_read(palette: Palette) -> None:
    for family, fill in palette.fills.items():
        assert contrast(palette.lines[family], fill) >= 4.5
        assert contrast(palette.ink, fill) >= 11.5
        assert contrast(palette.problem, fill) >= 4.5
    assert contrast(palette.problem, palette.problem_fill) >= 4.5
    assert contrast(palette.quiet, palette.background) >= 4.5
    assert contrast(palette.pill_text, palette.pill) >= 4.5


def test_the_same_svg_whatever_fonts_the_machine_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flow, book = read(FLOW)
    one = picture(flow, book, (), "svg")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("FONTCONFIG_PATH", str(tmp_path))
    assert picture(flow, book, (), "svg", theme="dark") == one


def test_warnings_of_the_library_stay_inside(capfd: pytest.CaptureFixture[str]) -> None:
    picture(*read(FLOW), (), "png")
    assert capfd.readouterr() == ("", "")


def test_what_cannot_be_drawn_says_so_in_one_sentence() -> None:
    with pytest.raises(DrawingFailed) as failed:
        draw("digraph {", "svg")
    assert str(failed.value).startswith("Graphviz could not draw the svg")
    assert "\n" not in str(failed.value)


def test_ninety_states_are_drawn_in_time() -> None:
    states = "".join(MENU.format(n, 2 * n + 1 if 2 * n + 1 < 89 else n // 2, (n + 7) % 89) for n in range(89))
    text = FLOW.partition("start:")[0] + f"start: s0\nstates:\n{states}  bye: {{ say: Bye., next: end }}\n"
    began = time.perf_counter()
    drawn = picture(*read(text), (), "svg")
    assert time.perf_counter() - began < 10
    assert drawn.count(b'class="node state ') == 90


def test_asking_for_text_loads_no_drawing() -> None:
    program = "import sys, flowengine.diagram; print('graphviz' in sys.modules or 'pygraphviz' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_dot_text_can_be_drawn_by_itself() -> None:
    assert b"state-main" in draw(dot(*read(FLOW)), "svg").replace(b"&#45;", b"-")
