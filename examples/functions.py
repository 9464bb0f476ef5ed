"""What `function` states may call: plain functions, marked."""

from __future__ import annotations

from flowengine.functions import function


@function
def price(seats: str) -> dict[str, int]:
    """What so many seats cost."""
    return {"total": 12 * int(seats)}
