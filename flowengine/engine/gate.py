"""Which addresses may be dialled: ``may_dial``, its bounds, and never a premium number."""

from __future__ import annotations

from flowengine.linking import Address, Program
from flowengine.numbers import e164, is_premium, region


def within(entry: Address, address: str) -> bool:
    """Whether an address lies in the bounds of an entry whose address is a template."""
    if entry.matches is not None and not entry.matches.matches(address):
        return False
    if entry.kind != "number":
        return entry.matches is not None
    if e164(address) != address or is_premium(address):
        return False
    return not entry.countries or region(address) in entry.countries


def allowed(program: Program, kind: str, address: str) -> bool:
    """The last word on every address in a final answer."""
    if (kind, address) in program.constants:
        return True
    return any(
        entry.kind == kind and type(entry.address) is not str and within(entry, address)
        for entry in program.may_dial.values()
    )
