"""Pictures of flows: a flow becomes a scene (plain data), a scene DOT or Mermaid text, DOT a drawing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from flowengine.diagram.overlay import Overlay
    from flowengine.diagram.palette import Theme
    from flowengine.diagram.scene import Detail
    from flowengine.graph import Book
    from flowengine.model import Flow
    from flowengine.problems import Problem

Format = Literal["svg", "png", "pdf", "dot", "mmd"]


class DrawingFailed(Exception):
    """No drawing came out; the message is one clear sentence."""


def dot(
    flow: Flow,
    book: Book,
    problems: Iterable[Problem] = (),
    *,
    detail: Detail = "full",
    around: str | None = None,
    theme: Theme = "light",
    overlay: Overlay | None = None,
) -> str:
    """The picture as DOT. ``around``: only this state and its neighbours (``LookupError`` if there is none)."""
    from flowengine.diagram.dots import write
    from flowengine.diagram.scene import compose

    return write(compose(flow, book, problems, detail, around, overlay), theme)


def mermaid(
    flow: Flow,
    book: Book,
    problems: Iterable[Problem] = (),
    *,
    around: str | None = None,
    overlay: Overlay | None = None,
) -> str:
    """The picture as a Mermaid flowchart, for pages that draw it themselves."""
    from flowengine.diagram.flowchart import write
    from flowengine.diagram.scene import compose

    return write(compose(flow, book, problems, "full", around, overlay))


def draw(dot_text: str, form: Literal["svg", "png", "pdf"]) -> bytes:
    """DOT drawn in a process of its own. Raises :class:`DrawingFailed`."""
    from flowengine.diagram.drawing import run

    return run(dot_text, form)


def picture(
    flow: Flow,
    book: Book,
    problems: Iterable[Problem],
    form: Format,
    *,
    detail: Detail = "full",
    around: str | None = None,
    theme: Theme = "light",
    overlay: Overlay | None = None,
) -> bytes:
    """A flow in one of the formats; an SVG serves light and dark pages alike, whatever the theme.

    Raises :class:`DrawingFailed`, and ``LookupError`` where there is no state ``around``.
    """
    if form == "mmd":
        return mermaid(flow, book, problems, around=around, overlay=overlay).encode()
    shown: Theme = "light" if form == "svg" else theme
    text = dot(flow, book, problems, detail=detail, around=around, theme=shown, overlay=overlay)
    if form == "dot":
        return text.encode()
    if form != "svg":
        return draw(text, form)
    from flowengine.diagram.svg import themed

    return themed(draw(text, form), flow.name)
