"""A scene as a Mermaid flowchart; Mermaid has no ports, so outcomes stand on the edges."""

from __future__ import annotations

from flowengine.diagram.exits import Exit
from flowengine.diagram.overlay import NOT_TESTED, UNTESTED, shown
from flowengine.diagram.palette import LIGHT
from flowengine.diagram.scene import Card, Edge, Scene
from flowengine.diagram.words import clean

ARROWS = {"chosen": "-->", "failure": "-.->", "silence": "-.->", "problem": "-.->"}


def write(scene: Scene) -> str:
    """The flowchart as text."""
    lines = ["---", f"title: {scene.name}", "---", "flowchart TD"]
    if scene.start:
        lines += ['  start(("&nbsp;"))', f"  start --> {_id(scene.start)}"]
    lines += [line for group in _groups(scene) for line in group]
    keys = {key: f"e{number}" for number, key in enumerate(scene.pills, 1)}
    lines += [f"  {keys[pill.key]}([{_quoted(pill.label)}]):::ending" for pill in scene.pills.values()]
    lines += [_edge(edge, keys.get(edge.head) or _id(edge.head)) for edge in scene.edges]
    lines += [f"  legend[{_quoted(scene.legend)}]:::untested"] if scene.legend else []
    return "\n".join([*lines, *_classes(bool(scene.legend))]) + "\n"


def _groups(scene: Scene) -> list[list[str]]:
    groups: dict[str, list[str]] = {}
    for card in scene.cards.values():
        groups.setdefault(card.group, []).append(_node(card))
    return [
        [f"  subgraph g{number}[{_quoted(group)}]", *nodes, "  end"] if group else nodes
        for number, (group, nodes) in enumerate(groups.items())
    ]


def _id(name: str) -> str:
    return f"s_{name}"


def _quoted(words: str) -> str:
    escaped = clean(words)
    for sign, code in (("#", "#35;"), ('"', "#quot;"), ("<", "#lt;"), (">", "#gt;"), ("`", "#96;")):
        escaped = escaped.replace(sign, code)
    return f'"{escaped}"'


def _node(card: Card) -> str:
    tags = " · ".join(filter(None, (card.entry, card.tag, card.tested, *card.alarms)))
    problems = [f"{each.label}: {each.alarm}" for each in card.exits if each.alarm]
    untested = [f"{UNTESTED} {each.label}: {NOT_TESTED}" for each in card.exits if each.untested and not each.target]
    lines = [f"{card.glyph} {card.name} · {tags}", *card.body, *problems, *([] if card.untested else untested)]
    words = "<br>".join(_quoted(line)[1:-1] for line in lines)
    look = "problem" if card.problem else "untested" if card.untested else card.family
    return f'  {_id(card.name)}["{words}"]:::{look}'


def _edge(edge: Edge, head: str) -> str:
    label = _label(edge.exit)
    arrow = "-.-o" if edge.exit.untested else ARROWS["problem" if edge.dead else edge.exit.stroke]
    return f"  {_id(edge.source)} {arrow}{f'|{label}|' if label else ''} {head}"


def _label(exit: Exit) -> str:
    tries = NOT_TESTED if exit.untested else shown(exit.times)
    if exit.event == "next":
        return _quoted(f"{UNTESTED} {tries}") if exit.untested else ""
    mark = f"{UNTESTED} " if exit.untested else ""
    return _quoted(mark + " · ".join(filter(None, (exit.label, exit.note, tries))))


def _classes(overlaid: bool) -> list[str]:
    pairs = {name: (LIGHT.fills[name], LIGHT.lines[name]) for name in LIGHT.lines}
    drawn = [f"  classDef {name} fill:{fill},stroke:{line},color:{LIGHT.ink}" for name, (fill, line) in pairs.items()]
    wrong = f"fill:{LIGHT.problem_fill},stroke:{LIGHT.problem},color:{LIGHT.ink},stroke-dasharray:4"
    ending = f"fill:{LIGHT.pill},stroke:{LIGHT.pill},color:{LIGHT.pill_text}"
    hollow = f"fill:{LIGHT.background},stroke:{LIGHT.quiet},color:{LIGHT.ink},stroke-dasharray:4"
    untested = [f"  classDef untested {hollow}"] if overlaid else []
    return [*drawn, f"  classDef problem {wrong}", f"  classDef ending {ending}", *untested]
