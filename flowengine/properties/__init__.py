"""What must always hold in a flow, one property to a file; adding one is a file and a line here."""

from __future__ import annotations

from flowengine.document import Map, Node
from flowengine.fields import Custom, Field, Reader, Record
from flowengine.properties.base import Broken, Judge, Property, Watcher, described, judge
from flowengine.properties.dial_only import DialOnly
from flowengine.properties.max_menus import MaxMenus
from flowengine.properties.max_turns import MaxTurns
from flowengine.properties.never_says import NeverSays
from flowengine.properties.record_after import RecordAfter
from flowengine.properties.says_before_end import SaysBeforeEnd

KINDS: dict[str, type[Property]] = {
    each.name: each for each in (RecordAfter, MaxMenus, DialOnly, NeverSays, MaxTurns, SaysBeforeEnd)
}


def _field(kind: type[Property]) -> Field:
    about = described(kind)
    return Field(kind.name, kind.type, f"{about.prose}\n```yaml\n{about.example}```", channels=kind.channels)


RECORD = Record(tuple(_field(each) for each in KINDS.values()), "properties")


def read_properties(node: Node, reader: Reader) -> dict[str, Property] | None:
    """The properties by name, in the order they are written; those that cannot be read are told and left out."""
    if not isinstance(node, Map):
        reader.expected(node, "a mapping such as { max_menus: 3 }")
        return None
    read = RECORD.read(node, reader) or {}
    return {name: KINDS[name](read[name], node.keys[name].mark) for name in node.entries if read.get(name)}


PROPERTIES = Custom(read_properties, RECORD.schema(), "properties by name")

__all__ = [
    "KINDS",
    "PROPERTIES",
    "RECORD",
    "Broken",
    "Judge",
    "Property",
    "Watcher",
    "described",
    "judge",
    "read_properties",
]
