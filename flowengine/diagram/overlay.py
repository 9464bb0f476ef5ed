"""What was tried of a flow, as a picture shows it over the flow itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

TESTED_BY = "×"
UNTESTED = "○"
"""Stands before what was never tried, in cells and at the heads of edges."""
NOT_TESTED = "not tested"


@dataclass(frozen=True, slots=True)
class Tries:
    """How often a way was taken from its state; ``missing`` where it is to be tried and nobody did."""

    times: int
    missing: bool


@dataclass(frozen=True, slots=True)
class Overlay:
    """``states`` are entered so often. ``ways`` go by state, event and number of the branch, from 1.

    A way that is not there need not be tried. ``legend`` is the sentence below the picture.
    """

    states: Mapping[str, int] = field(default_factory=dict)
    ways: Mapping[tuple[str, str, int], Tries] = field(default_factory=dict)
    legend: str = ""


def shown(times: int) -> str:
    """``×3``, or nothing."""
    return f"{TESTED_BY}{times}" if times else ""
