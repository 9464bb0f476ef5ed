"""A scene as a Mermaid flowchart; Mermaid has no ports, so outcomes stand on the edges."""

from __future__ import annotations

from flowengine.diagram.exits import Exit
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
    return "\n".join([*lines, *_classes()]) + "\n"


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
    tags = " · ".join(filter(None, (card.entry, card.tag, *card.alarms)))
    problems = [f"{each.label}: {each.alarm}" for each in card.exits if each.alarm]
    lines = [f"{card.glyph} {card.name} · {tags}", *card.body, *problems]
    shown = "<br>".join(_quoted(line)[1:-1] for line in lines)
    return f'  {_id(card.name)}["{shown}"]:::{"problem" if card.problem else card.family}'


def _edge(edge: Edge, head: str) -> str:
    label = _label(edge.exit)
    arrow = ARROWS["problem" if edge.dead else edge.exit.stroke]
    return f"  {_id(edge.source)} {arrow}{f'|{label}|' if label else ''} {head}"


def _label(exit: Exit) -> str:
    if exit.event == "next":
        return ""
    return _quoted(f"{exit.label} · {exit.note}" if exit.note else exit.label)


def _classes() -> list[str]:
    pairs = {name: (LIGHT.fills[name], LIGHT.lines[name]) for name in LIGHT.lines}
    drawn = [f"  classDef {name} fill:{fill},stroke:{line},color:{LIGHT.ink}" for name, (fill, line) in pairs.items()]
    wrong = f"fill:{LIGHT.problem_fill},stroke:{LIGHT.problem},color:{LIGHT.ink},stroke-dasharray:4"
    ending = f"fill:{LIGHT.pill},stroke:{LIGHT.pill},color:{LIGHT.pill_text}"
    return [*drawn, f"  classDef problem {wrong}", f"  classDef ending {ending}"]
