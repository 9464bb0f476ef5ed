"""One SVG for light and dark pages: a style sheet that gives each colour of the light palette its dark one."""

from __future__ import annotations

import re
from html import escape

from flowengine.diagram.palette import DARK, LIGHT

OPENING = re.compile(rb"<svg\b[^>]*>", re.DOTALL)


def themed(drawing: bytes, name: str) -> bytes:
    """The drawing with the style sheet, and with a name for those who hear a page."""

    def opened(found: re.Match[bytes]) -> bytes:
        about = f' role="img" aria-label="{escape(name)}">\n<style>{style()}</style>'
        return found[0][:-1] + about.encode()

    return OPENING.sub(opened, drawing, count=1)


def style() -> str:
    """CSS that finds the colours as Graphviz writes them: in lower case."""
    pairs = dict(zip(LIGHT.colours(), DARK.colours(), strict=True))
    rules = [rule for light, dark in pairs.items() for rule in _rules(light.lower(), dark.lower())]
    return f"@media (prefers-color-scheme: dark) {{ {' '.join(rules)} }}"


def _rules(light: str, dark: str) -> list[str]:
    if light == dark:
        return []
    return [f'[{part}="{light}"] {{ {part}: {dark} }}' for part in ("fill", "stroke")]
