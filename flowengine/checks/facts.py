"""What a name in an expression means: its type, or why there is no such name."""

from __future__ import annotations

from collections.abc import Mapping

from flowengine.checks.base import View
from flowengine.grammar import Path
from flowengine.problems import did_you_mean, listed

CALL = {
    "id": "text", "language": "text", "cli": "phone", "cli_known": "boolean", "to": "phone", "domain": "text",
    "answered": "boolean", "result": "text", "reason": "text", "duration": "number", "custom": "text",
    "headers": "record",
}  # fmt: skip
MENU = {"id": "text", "value": "text", "input": "text"}
AMD = {"status": "text", "reason": "text"}
CONTACT = {
    "identity": "text", "number": "phone", "name": "text", "language": "text", "timezone": "text", "tags": "list",
}  # fmt: skip
MESSAGE = {
    "text": "text", "kind": "text", "choice": "text", "media": "text", "location": "record", "channel": "text",
    "link": "text", "metadata": "text", "time": "time",
}  # fmt: skip
OPEN = ("response", "result", "event")
"""What a server, a function, another flow or the platform sent: any field, of any type."""

MOMENTS = ("now", "today")
SPACES = ("call", "menu", "amd", "contact", *OPEN, "visits", "env", "secret")
CALLS_ONLY = ("call", "menu", "amd")
MESSAGES_ONLY = ("message", "item")
HAVE_FIELDS = ("list", "record", "any")


def spaces(view: View) -> tuple[str, ...]:
    """The groups of facts that a flow of this channel has."""
    if view.flow.channel == "voice":
        return SPACES
    return ("message", *(each for each in SPACES if each not in CALLS_ONLY))


def members(view: View, space: str) -> Mapping[str, str] | None:
    """The fields of a namespace and their types; None where any field may stand."""
    fixed: dict[str, Mapping[str, str]] = {"call": CALL, "menu": MENU, "amd": AMD, "message": MESSAGE}
    if space == "contact":
        return {**CONTACT, **{name: each.type for name, each in view.flow.contact_fields().items()}}
    if space == "visits":
        return _visits(view)
    if space == "env":
        return dict.fromkeys(view.flow.project.env, "text")
    return fixed.get(space)


def _visits(view: View) -> Mapping[str, str]:
    if "visits" not in view.cache:
        view.cache["visits"] = dict.fromkeys(view.flow.states, "number")
    found: Mapping[str, str] = view.cache["visits"]
    return found


def type_of(view: View, path: Path) -> str:
    """The type of a path: one of the variable types, ``any``, or empty when there is no such name."""
    root, *rest = path
    if root == "item" and view.flow.channel == "message":
        return "any"
    if root in spaces(view):
        return _fact_type(view, root, rest)
    if root in MOMENTS:
        return "" if rest else "time"
    variable = view.flow.variables.get(root) or view.flow.inputs.get(root)
    if variable is None:
        return "text" if root in view.flow.project.constants and not rest else ""
    if rest:
        return "any" if variable.type in HAVE_FIELDS else ""
    return variable.type


def _fact_type(view: View, root: str, rest: list[str]) -> str:
    if root in OPEN:
        return "any"
    known = members(view, root)
    if not rest:
        return ""
    found = "text" if known is None else known.get(rest[0], "")
    if len(rest) == 1 or not found:
        return found
    return "any" if found in HAVE_FIELDS else ""


def complaint(view: View, path: Path) -> tuple[str, str]:
    """Why there is no such name, and the mend; both empty when there is."""
    root, *rest = path
    if root in OPEN or type_of(view, path):
        return "", ""
    if root in spaces(view):
        return _of_space(view, root, rest)
    if root in CALLS_ONLY:
        return f'"{root}" belongs to calls; a message flow has none', "use message or contact"
    if root in MESSAGES_ONLY:
        return f'"{root}" belongs to message flows; a call has none', "use what menu or collect heard"
    if root in MOMENTS or root in view.flow.variables or root in view.flow.inputs:
        return f'"{root}" has no field "{rest[0]}"', "a variable of type record or list has fields"
    if root in view.flow.project.constants:
        return f'the constant "{root}" has no field "{rest[0]}"', ""
    known = [*view.flow.variables, *view.flow.inputs, *view.flow.project.constants, *spaces(view), *MOMENTS]
    fix = "declare it in variables:, or quote it if it is text"
    return f'there is no variable "{root}"{did_you_mean(root, known)}', fix


def _of_space(view: View, root: str, rest: list[str]) -> tuple[str, str]:
    known = members(view, root) or {}
    if not rest:
        shown = f"{root}.{next(iter(known), 'NAME')}"
        return f'"{root}" is a group of facts, not a value', f"name one, such as {shown}"
    if rest[0] in known:
        return f'"{root}.{rest[0]}" has no field "{rest[1]}"', ""
    hint = did_you_mean(rest[0], known)
    if root == "visits":
        return f'visits counts no state "{rest[0]}"{hint}', "" if hint else "name a state of this flow"
    if root == "env":
        fix = f"add {rest[0]} to env: in flowengine.yaml"
        return f'the flow may not read the environment variable "{rest[0]}"{hint}', "" if hint else fix
    if root == "contact":
        return f'a contact has no "{rest[0]}"{hint}', "" if hint else "declare it in contact:"
    return f'there is no fact "{root}.{rest[0]}"{hint}', "" if hint else f"{root} has {listed(list(known), 'and')}"
