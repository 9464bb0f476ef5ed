"""Which addresses may be dialled: ``may_dial``, its bounds, and never a premium number."""

from __future__ import annotations

import re

from flowengine.linking import Address, Program
from flowengine.numbers import may_be_called
from flowengine.svaml import SIP_ENDPOINT, STREAM_ENDPOINT

_FORMS = {
    "sip": re.compile(SIP_ENDPOINT),
    "user": re.compile(r"[^\s]{1,128}"),
    "stream": re.compile(STREAM_ENDPOINT),
}


def within(entry: Address, address: str) -> bool:
    """Whether an address lies in the bounds of an entry whose address is a template."""
    if entry.matches is not None and not entry.matches.matches(address):
        return False
    if entry.kind != "number":
        return entry.matches is not None and bool(_FORMS[entry.kind].fullmatch(address))
    return may_be_called(address, entry.countries)


def allowed(program: Program, kind: str, address: str) -> bool:
    """The last word on every address in a final answer."""
    if (kind, address) in program.constants:
        return True
    return any(
        entry.kind == kind and type(entry.address) is not str and within(entry, address)
        for entry in program.may_dial.values()
    )
