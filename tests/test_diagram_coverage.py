"""What scenarios tried, over the picture of a flow. `UPDATE_GOLDEN=1` writes the golden file anew."""

from __future__ import annotations

import os
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence

import pytest
import test_diagram
from test_diagram_drawing import SVG, contrast

from flowengine.diagram import dot, mermaid, picture
from flowengine.diagram.overlay import Overlay, Tries
from flowengine.diagram.palette import DARK, LIGHT, Palette
from flowengine.diagram.scene import Scene, compose
from flowengine.engine.trail import Entered, Happened, Step, Took
from flowengine.graph import Book
from flowengine.scenarios.overlay import overlay
from flowengine.scenarios.survey import survey

folder = test_diagram.folder

TRAIL: Sequence[Step] = [
    Entered("desk", "greet"),
    Happened("desk", "greet", "next", "next"),
    Took("desk", "greet", "next", 13, "opening"),
    Entered("desk", "opening"),
    Happened("desk", "opening", "open", "on"),
    Took("desk", "opening", "open", 14, "main"),
    Entered("desk", "main"),
    Happened("desk", "main", "service", "on"),
    Took("desk", "main", "service", 19, "look_up"),
    Entered("desk", "look_up"),
    Happened("desk", "look_up", "ok", "on"),
    Took("desk", "look_up", "ok", 20, "main"),
    Happened("desk", "main", "timeout", "else"),
    Took("desk", "main", "timeout", 19, "goodbye"),
    Entered("desk", "goodbye"),
    Happened("desk", "goodbye", "next", "next"),
    Took("desk", "goodbye", "next", 23, "end"),
]


def overlaid(name: str, *trails: Sequence[Step]) -> tuple[Overlay, Book]:
    flows = test_diagram.book()
    coverage = survey(flows, [name])
    for trail in trails:
        coverage.add(trail)
    return overlay(coverage, flows.flows[name], flows), flows


def scene(name: str, *trails: Sequence[Step]) -> Scene:
    over, flows = overlaid(name, *trails)
    return compose(flows.flows[name], flows, overlay=over)


def desk(form: str, theme: str = "light") -> str:
    over, flows = overlaid("desk", TRAIL, TRAIL[:5])
    return {
        "dot": lambda: dot(flows.flows["desk"], flows, overlay=over, theme=theme),  # type: ignore[arg-type]
        "mmd": lambda: mermaid(flows.flows["desk"], flows, overlay=over),
        "svg": lambda: picture(flows.flows["desk"], flows, (), "svg", overlay=over).decode(),
    }[form]()


def test_dot_is_as_before() -> None:
    golden = test_diagram.GOLDEN / "covered.dot"
    drawn = desk("dot")
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(drawn, "utf-8")
    assert drawn == golden.read_text("utf-8")


def test_without_an_overlay_nothing_of_it_is_drawn() -> None:
    flows = test_diagram.book()
    plain = dot(flows.flows["desk"], flows)
    assert not re.search("○|×|not tested|legend|odot", plain)


def test_ways_say_how_often_they_were_taken_or_that_they_never_were() -> None:
    cards = scene("desk", TRAIL, TRAIL[:5]).cards
    tried = {(name, each.event): (each.times, each.untested) for name, card in cards.items() for each in card.exits}
    assert tried["greet", "next"] == (2, False)
    assert tried["opening", "open"] == (1, False)
    assert tried["opening", "closed"] == (0, True)
    assert tried["main", "service"] == (1, False)
    assert tried["main", "desk"] == (0, True)
    assert tried["main", "timeout"] == (1, False)
    assert tried["main", "invalidinput"] == (0, True)
    assert (cards["opening"].tested, cards["leave"].tested) == ("×2", "not tested")
    assert [name for name, card in cards.items() if card.untested] == ["desk", "leave", "sorry"]


def test_what_need_not_be_tested_is_as_it_was() -> None:
    cards = scene("desk").cards
    silent = [("main", "repeat"), ("desk", "answered"), ("desk", "disconnected"), ("leave", "hangup")]
    for name, event in silent:
        (cell,) = [each for each in cards[name].exits if each.event == event]
        assert (cell.times, cell.untested) == (0, False), (name, event)


def test_the_flows_own_handler_counts_where_it_was_taken_and_is_tested_everywhere() -> None:
    error: list[Step] = [Happened("desk", "desk", "error", "flow"), Took("desk", "desk", "error", 10, "sorry")]
    before = {each.event: each for each in scene("desk").cards["desk"].exits}["error"]
    after = {each.event: each for each in scene("desk", error).cards["desk"].exits}["error"]
    assert (before.times, before.untested) == (0, True)
    assert (after.times, after.untested) == (1, False)


def test_every_branch_has_its_own_mark() -> None:
    trail: list[Step] = [
        Entered("decide", "pick"),
        Happened("decide", "pick", "route", "route"),
        Took("decide", "pick", "route", 15, "split"),
        Happened("decide", "pin", "invalidinput", "on"),
        Took("decide", "pin", "invalidinput", 27, "again"),
    ]
    cards = scene("decide", trail).cards
    assert [(each.name, each.times, each.untested) for each in cards["pick"].exits] == [
        ("route", 1, False),
        ("route--2", 0, True),
        ("route--3", 0, True),
        ("visits", 0, True),
    ]
    retried = {each.event: each for each in cards["pin"].exits}["invalidinput"]
    assert (retried.times, retried.untested) == (0, True)  # the edge is the way after the last try


def test_the_legend_counts_the_outcomes_of_this_flow() -> None:
    over, flows = overlaid("desk", TRAIL)
    tested, most = survey(flows, ["desk"]).share("outcome", "desk")
    assert over.legend.startswith(f"6 of {most} outcomes tested")
    assert tested == 0
    assert over.legend in desk("dot")
    assert over.legend in desk("mmd")


def test_what_is_not_tested_is_told_in_words_and_in_shapes() -> None:
    lines = desk("dot").splitlines()
    (edge,) = [each for each in lines if 'id="edge-opening-closed"' in each]
    assert "arrowhead=odot" in edge
    assert "style=dashed" in edge
    (edge,) = [each for each in lines if 'id="edge-opening-open"' in each]
    assert "odot" not in edge
    (cell,) = re.findall(r'<td port="closed".*?</table></td>', "\n".join(lines))
    assert "○ closed" in cell
    assert "not tested" in cell
    assert 'style="rounded,dashed"' in cell


def test_a_problem_stays_red() -> None:
    flows = test_diagram.book()
    flow = flows.flows["wrong"]
    over = Overlay({}, {("main", "one", 1): Tries(0, True), ("loop", "next", 1): Tries(0, True)}, "nothing tested")
    text = dot(flow, flows, test_diagram.found(flow), overlay=over)
    (cell,) = re.findall(r'<td port="one".*?</td>', text)
    assert LIGHT.problem in cell
    assert "no state ons" in cell


def test_one_svg_for_both_themes() -> None:
    root = ElementTree.fromstring(desk("svg"))
    used = {each.get(part) for each in root.iter() for part in ("fill", "stroke")} - {None, "none", "transparent"}
    assert used <= {each.lower() for each in LIGHT.colours()}
    words = {(each.text or "").strip() for each in root.iter(f"{SVG}text")}
    assert {"not tested", "×1"} <= words
    classes = {each.get("id"): each.get("class") for each in root.iter() if each.get("class")}
    assert str(classes["state-leave"]).endswith("untested")
    assert not str(classes["state-main"]).endswith("untested")


def test_dark_uses_only_dark_colours() -> None:
    used = set(re.findall("#[0-9A-F]{6}", desk("dot", "dark")))
    assert used <= set(DARK.colours())


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_hollow_cards_can_be_read(palette: Palette) -> None:
    for line in (*palette.lines.values(), palette.quiet, palette.ink, palette.problem):
        assert contrast(line, palette.background) >= 4.5


def test_mermaid_marks_them_too() -> None:
    text = desk("mmd")
    assert 's_opening -.-o|"○ closed · not tested"|' in text
    assert 's_opening -->|"open · ×1"| s_main' in text
    assert re.search(r's_leave\["[^"]*not tested[^"]*"\]:::untested', text)
    assert "classDef untested" in text


def test_a_part_of_the_picture_has_marks_too() -> None:
    over, flows = overlaid("desk", TRAIL)
    flow = flows.flows["desk"]
    near = compose(flow, flows, around="look_up", overlay=over)
    assert {each.event: each.times for each in near.cards["main"].exits}["service"] == 1
    names = compose(flow, flows, detail="names", overlay=over)
    assert names.cards["leave"].untested
