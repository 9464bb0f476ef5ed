"""The colours of a picture, light and dark: a pair of line and fill for each family of kinds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Literal

from flowengine.states.base import Family

Theme = Literal["light", "dark"]


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours as ``#RRGGBB``. ``lines`` and ``fills`` go by family of kinds."""

    lines: Mapping[Family, str]
    fills: Mapping[Family, str]
    problem: str
    problem_fill: str
    ink: str
    quiet: str
    edge: str
    silence: str
    hairline: str
    cluster: str
    background: str
    pill: str
    pill_text: str
    current: str

    def colours(self) -> list[str]:
        """Every colour in a fixed order, the same in each palette."""
        named = [getattr(self, each.name) for each in fields(self) if each.name not in ("lines", "fills")]
        return [*self.lines.values(), *self.fills.values(), *named]


LIGHT = Palette(
    lines={
        "say": "#4B5563",
        "wait": "#0072B2",
        "decide": "#946200",
        "talk": "#00735A",
        "outside": "#9D2C8C",
    },
    fills={
        "say": "#F1F5F9",
        "wait": "#E6F1FA",
        "decide": "#FFF4D6",
        "talk": "#E2F5EF",
        "outside": "#FBEAF8",
    },
    problem="#B00020",
    problem_fill="#FDE7E9",
    ink="#1F2937",
    quiet="#5B6472",
    edge="#475569",
    silence="#64748B",
    hairline="#CBD5E1",
    cluster="#F8FAFC",
    background="#FFFFFF",
    pill="#334155",
    pill_text="#FFFFFE",
    current="#FFF3B0",
)
DARK = Palette(
    lines={
        "say": "#A8B0BC",
        "wait": "#4DA3FF",
        "decide": "#FACC15",
        "talk": "#34D399",
        "outside": "#F0ABFC",
    },
    fills={
        "say": "#1E293B",
        "wait": "#0B2A40",
        "decide": "#33280C",
        "talk": "#0B3028",
        "outside": "#381A30",
    },
    problem="#FF8A80",
    problem_fill="#44101A",
    ink="#E5E7EB",
    quiet="#94A3B8",
    edge="#94A3B8",
    silence="#94A3B8",
    hairline="#334155",
    cluster="#141C30",
    background="#0F172A",
    pill="#334155",
    pill_text="#FFFFFE",
    current="#4A3B00",
)
PALETTES: Mapping[Theme, Palette] = {"light": LIGHT, "dark": DARK}
