"""Template messages: approved texts of a channel, or those kept for all channels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flowengine.messages.numbering import Option, kind_of, label_of, postback


def template_message(template: Mapping[str, Any], options: Sequence[Option], channel: str, tag: str, room: int) -> Any:
    """The wire form of a ``template``: for all channels if it has a ``version``, else the channel's own."""
    filled = {"template_id": str(template.get("name") or ""), "language_code": str(template.get("language") or "")}
    filled = {key: value for key, value in filled.items() if value}
    parameters = dict(_parameters(template, options, tag, room))
    if template.get("version"):
        plain = {str(key): str(value) for key, value in (template.get("parameters") or {}).items()}
        omni = {**filled, "version": str(template["version"]), "parameters": {**parameters, **plain}}
        return {"template_message": {"omni_template": omni}}
    return {"template_message": {"channel_template": {channel: {**filled, "parameters": parameters}}}}


def _parameters(
    template: Mapping[str, Any], options: Sequence[Option], tag: str, room: int
) -> Iterator[tuple[str, str]]:
    """Named as the channel names them: texts count from 1, buttons from 0."""
    yield from _header(template.get("header"))
    for number, text in enumerate(template.get("body") or (), 1):
        yield f"body[{number}]text", str(text)
    for place, button in enumerate(_buttons(template, options)):
        if isinstance(button, Mapping) and "url" in button:
            yield f"button[{place}]url[1]text", str(button["url"])
        else:
            payload = str(button.get("payload") or "") if isinstance(button, Mapping) else str(button)
            yield f"button[{place}]quick_reply[1]payload", postback(payload, tag, room) if payload else ""


def _buttons(template: Mapping[str, Any], options: Sequence[Option]) -> Sequence[Any]:
    """As given; not given, the replies of the prompt in their order."""
    if template.get("buttons") is not None:
        return list(template["buttons"])
    return [str(option["value"]) for option in options if kind_of(option) == "reply" and label_of(option)]


def _header(header: Any) -> Iterator[tuple[str, str]]:
    if isinstance(header, Mapping):
        for kind in ("image", "video", "document"):
            if header.get(kind):
                yield f"header[1]{kind}.link", str(header[kind])
        if header.get("filename"):
            yield "header[1]document.filename", str(header["filename"])
    if text := header.get("text") if isinstance(header, Mapping) else header:
        yield "header[1]text", str(text)
