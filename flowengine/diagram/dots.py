"""A scene as DOT: cards are tables whose bottom row holds the outcomes, each with a port of its own."""

from __future__ import annotations

import html
from collections.abc import Iterator

import graphviz

from flowengine.diagram.exits import Exit, Stroke
from flowengine.diagram.overlay import NOT_TESTED, UNTESTED, shown
from flowengine.diagram.palette import PALETTES, Palette, Theme
from flowengine.diagram.scene import Card, Edge, Pill, Scene
from flowengine.diagram.words import clean, first_of, wrapped

FONT = "Liberation Sans,Arial,Helvetica,sans-serif"
START = "(start)"
LEGEND = "(legend)"
GUARD_WIDTH = 18
FOOT = 'border="1" sides="T"'


def write(scene: Scene, theme: Theme = "light") -> str:
    """The DOT of a scene in the colours of a theme."""
    return str(_Writer(scene, PALETTES[theme]).graph.source)


def text(words: str) -> str:
    """Words as they stand in an HTML-like label; there too a backslash would begin an escape."""
    return html.escape(clean(words)).replace("\\", "\\\\")


def hint(words: str) -> str:
    """Words as they stand in an attribute where a backslash would begin an escape."""
    return str(graphviz.nohtml(graphviz.escape(clean(words))))


class _Writer:
    def __init__(self, scene: Scene, palette: Palette) -> None:
        self.scene = scene
        self.colour = palette
        self.graph = graphviz.Digraph(scene.name, graph_attr=self._frame())
        self.graph.attr("node", shape="plain", fontname=FONT, fontsize="11", fontcolor=palette.ink)
        self.graph.attr("edge", color=palette.edge, penwidth="1.3", arrowsize="0.65", fontname=FONT, fontsize="9")
        self._cards()
        if scene.legend:
            self._legend()
        self._pills()
        for edge in scene.edges:
            self._edge(edge)

    def _frame(self) -> dict[str, str]:
        return {
            "rankdir": "TB",
            "bgcolor": self.colour.background,
            "pad": "0.3",
            "nodesep": "0.3",
            "ranksep": "0.45",
            "splines": "spline",
            "outputorder": "edgesfirst",
            "compound": "true",
            "fontname": FONT,
            "fontsize": "13",
            "labelloc": "t",
            "labeljust": "l",
            "tooltip": hint(self.scene.name),
            "label": f"<{''.join(self._title())}>",
        }

    def _title(self) -> Iterator[str]:
        yield self._font(18, self.colour.ink, f"<b>{text(self.scene.name)}</b>")
        yield self._font(11, self.colour.quiet, f"   {text(self.scene.facts)}")
        yield '<br align="left"/>'
        if self.scene.handlers:
            yield self._font(11, self.colour.quiet, text(self.scene.handlers))
            yield self._font(17, self.colour.quiet, " ")
            yield '<br align="left"/>'

    @staticmethod
    def _font(size: int, colour: str, inner: str) -> str:
        return f'<font point-size="{size}" color="{colour}">{inner}</font>'

    def _cards(self) -> None:
        ink = self.colour.ink
        if self.scene.start:
            look = {"shape": "circle", "style": "filled", "fixedsize": "true", "width": "0.22", "label": ""}
            self.graph.node(START, id="start", **{"class": "start"}, fillcolor=ink, color=ink, **look)
        groups: dict[str, list[Card]] = {}
        for card in self.scene.cards.values():
            groups.setdefault(card.group, []).append(card)
        for number, (group, cards) in enumerate(groups.items()):
            if not group:
                self._nodes(self.graph, cards)
                continue
            with self.graph.subgraph(name=f"cluster_{number}", graph_attr=self._cluster(group)) as cluster:
                self._nodes(cluster, cards)
        if self.scene.start:
            self.graph.edge(START, f"{self.scene.start}:in:n", id="edge-start")

    def _cluster(self, group: str) -> dict[str, str]:
        return {
            "label": f"<{self._font(10, self.colour.quiet, f'<b>{text(group)}</b>')}>",
            "labeljust": "l",
            "style": "rounded,filled",
            "color": self.colour.hairline,
            "fillcolor": self.colour.cluster,
            "penwidth": "1",
            "margin": "12",
            "tooltip": hint(group),
        }

    def _nodes(self, graph: graphviz.Digraph, cards: list[Card]) -> None:
        for card in cards:
            more = (" problem" if card.problem else "") + (" untested" if card.untested else "")
            graph.node(
                card.name,
                label=f"<{self._table(card)}>",
                id=f"state-{card.name}",
                **{"class": f"state k-{card.family}{more}"},
                href=hint(card.href),
                tooltip=hint(card.hint),
            )

    def _table(self, card: Card) -> str:
        family = self.colour.problem if card.unreachable else self.colour.lines[card.family]
        hollow = self.colour.background if card.untested else self.colour.fills[card.family]
        fill = self.colour.problem_fill if card.unreachable else hollow
        line = self.colour.problem if card.alarms else self.colour.quiet if card.untested else family
        style = "rounded,dashed" if card.unreachable or card.untested else "rounded"
        border = "2.4" if card.alarms else "1.4"
        rows = "\n  ".join(self._rows(card, family))
        return (
            f'\n<table style="{style}" border="{border}" cellborder="0" cellspacing="0" cellpadding="6" '
            f'color="{line}" bgcolor="{fill}">\n  {rows}\n</table>'
        )

    def _rows(self, card: Card, line: str) -> Iterator[str]:
        span = f' colspan="{len(card.cells)}"' if len(card.cells) > 1 else ""
        yield f'<tr><td port="in"{span} cellpadding="5">{self._header(card, line)}</td></tr>'
        if card.body:
            lines = '<br align="left"/>'.join(text(each) for each in card.body)
            ending = '<br align="left"/>' if len(card.body) > 1 else ""
            words = f'<font point-size="10">{lines}{ending}</font>'
            yield f'<tr><td{span} align="left" balign="left">{words}</td></tr>'
        if card.cells:
            yield f"<tr>{''.join(self._cell(card, each) for each in card.cells)}</tr>"

    def _header(self, card: Card, line: str) -> str:
        glyph = self._font(13, line, f"<b>{card.glyph}</b>")
        name = f'{glyph}&#160; <font point-size="12"><b>{text(card.name)}</b></font>'
        told = self._font(9, line, f"   {' · '.join(self._tags(card))}")
        return (
            '<table border="0" cellborder="0" cellspacing="0" cellpadding="0"><tr>'
            f'<td align="left">{name}</td><td align="right">{told}</td></tr></table>'
        )

    def _tags(self, card: Card) -> Iterator[str]:
        if card.alarms:
            yield self._font(9, self.colour.problem, f"<b>{text(first_of(card.alarms))}</b>")
        if card.entry:
            yield f"<b>{text(card.entry)}</b>"
        if not card.unreachable and card.tag not in card.alarms:
            yield text(card.tag)
        if card.visits:
            yield f"≤ {card.visits} visits" if card.visits > 1 else "≤ 1 visit"
        if card.tested:
            yield f"<b>{UNTESTED} {card.tested}</b>" if card.untested else card.tested
        yield str(card.line)

    def _cell(self, card: Card, exit: Exit) -> str:
        alarm = bool(exit.alarm)
        fill = self.colour.problem_fill if alarm else self.colour.background
        sides = f'border="2" color="{self.colour.problem}"' if alarm else f'{FOOT} color="{self.colour.hairline}"'
        href = f"{card.href.partition('#')[0]}#L{exit.mark.line}"
        about = f'href="{text(href)}" title="{text(exit.hint)}"'
        framed = exit.untested and not card.untested and not alarm
        padding = 3 if alarm or framed else 4
        label = self._dashed(self._label(exit)) if framed else self._label(exit)
        return f'<td port="{_port(exit)}" {sides} bgcolor="{fill}" cellpadding="{padding}" {about}>{label}</td>'

    def _dashed(self, label: str) -> str:
        """What was never tested of a card that was; a card that never was is dashed itself."""
        words = f"{label}<br/>{self._font(8, self.colour.quiet, NOT_TESTED)}"
        look = 'border="1" cellborder="0" cellspacing="0" cellpadding="4" style="rounded,dashed"'
        return f'<table {look} color="{self.colour.quiet}"><tr><td>{words}</td></tr></table>'

    def _label(self, exit: Exit) -> str:
        quiet = self.colour.quiet
        colour = self.colour.problem if exit.alarm else quiet if exit.look == "quiet" else self.colour.ink
        label = f"{UNTESTED} {_lines(exit.label)}" if exit.untested else _lines(exit.label)
        strong = exit.look == "key" or exit.alarm
        words = self._font(11 if exit.look == "key" else 10, colour, f"<b>{label}</b>" if strong else label)
        words += self._font(8, quiet, f" {shown(exit.times)}") if exit.times else ""
        if exit.again:
            words += self._font(9, quiet, f" · {text(exit.note)}")
        elif exit.note:
            words += f"<br/>{self._font(8, quiet, _lines(exit.note))}"
        return f"{words}<br/>{self._font(8, colour, _lines(exit.alarm))}" if exit.alarm else words

    def _pills(self) -> None:
        if not self.scene.pills:
            return
        colour = self.colour
        look = {"shape": "box", "style": "rounded,filled", "margin": "0.10,0.03", "height": "0.24", "fontsize": "10"}
        self.graph.attr("node", **look, fontcolor=colour.pill_text, fillcolor=colour.pill, color=colour.pill)
        for pill in self.scene.pills.values():
            self.graph.node(pill.key, **self._pill(pill))

    def _pill(self, pill: Pill) -> dict[str, str]:
        shown = {"label": text(pill.label), "class": "end", "tooltip": hint(pill.hint)}
        if pill.number:
            return {**shown, "id": f"state-{pill.label}--{pill.number}", "href": hint(pill.href)}
        return shown

    def _edge(self, edge: Edge) -> None:
        card = self.scene.cards[edge.source]
        tail = f"{edge.source}:{_port(edge.exit)}:s" if card.cells else f"{edge.source}:s"
        stroke: Stroke = "problem" if edge.dead else edge.exit.stroke
        look = {"tooltip": hint(f"{edge.source}, {edge.exit.hint}"), **self._stroke(stroke)}
        if edge.exit.untested and stroke != "problem":
            look |= {"style": "dashed", "color": self.colour.quiet, "penwidth": "1", "arrowhead": "odot"}
            look["class"] = "untested"
        if edge.head not in self.scene.cards:
            self.graph.edge(tail, f"{edge.head}:n", id=edge.id, **look)
        elif edge.back:
            self.graph.edge(tail, f"{edge.head}:in:_", id=edge.id, **look)
        else:
            weight = {"weight": "2"} if stroke == "chosen" else {}
            self.graph.edge(tail, f"{edge.head}:in:n", id=edge.id, **weight, **look)

    def _stroke(self, stroke: Stroke) -> dict[str, str]:
        return {
            "chosen": {},
            "failure": {"style": "dashed"},
            "silence": {"style": "dotted", "color": self.colour.silence},
            "problem": {"style": "dashed", "color": self.colour.problem},
        }[stroke]

    def _legend(self) -> None:
        words = self._font(11, self.colour.ink, f"<b>{text(self.scene.legend)}</b>")
        marks = self._font(10, self.colour.quiet, f"     {shown(2)} taken twice     {UNTESTED} dashed: {NOT_TESTED}")
        with self.graph.subgraph(graph_attr={"rank": "sink"}) as below:
            below.node(LEGEND, id="legend", **{"class": "legend"}, label=f"<{words}{marks}>", shape="plain")


def _lines(words: str) -> str:
    return "<br/>".join(text(each) for each in wrapped(words, GUARD_WIDTH))


def _port(exit: Exit) -> str:
    return "in." if exit.name == "in" else exit.name
