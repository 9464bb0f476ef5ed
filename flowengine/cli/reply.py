"""A webhook that is posted by hand: who writes what in it, and what the flow put into the outbox to be sent."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from secrets import token_hex
from time import monotonic, sleep
from typing import Any

from flowengine.cli import Sentence
from flowengine.cli.finding import note

PATIENCE = 12.0
"""Seconds in which a worker should have asked the server that a reply depends on."""
PAUSE = 0.1
_NOTHING = (
    "200: accepted. Nothing waits to be sent: no flow answers this, it was posted before (--text writes anew), "
    "or a worker has sent the reply already"
)


def webhook_in(body: bytes) -> dict[str, Any] | None:
    """The webhook of the Conversation API that a body is, else None: a callback of a call, or no JSON."""
    try:
        found = json.loads(body)
    except ValueError:
        return None
    known = isinstance(found, dict) and "callid" not in found and ("app_id" in found or "project_id" in found)
    return found if known else None


def of_this_app(webhook: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
    """The webhook as if it came to the app of the environment, which its reply will be sent from."""
    app = os.environ.get("CONVERSATION_APP_ID", "").strip()
    if not app or webhook.get("app_id") == app:
        return webhook, body
    changed = {**webhook, "app_id": app}
    return changed, json.dumps(changed).encode()


def written(webhook: Mapping[str, Any], text: str) -> bytes:
    """Another message of the same contact, accepted now."""
    message = webhook.get("message")
    if not isinstance(message, Mapping):
        raise Sentence("the file is no message of a contact, so --text has nowhere to go")
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    content = {"contact_message": {"text_message": {"text": text}}, "id": token_hex(13).upper(), "accept_time": now}
    return json.dumps({**webhook, "accepted_time": now, "message": {**message, **content}}).encode()


def signed(body: bytes) -> dict[str, str]:
    """The headers of a webhook, signed where there is a secret for it."""
    from flowengine.posting import signed_webhook

    return signed_webhook(os.environ, body)


class Outbox:
    """What waits to be sent since now, where the store of the environment is a file that can be read."""

    def __init__(self) -> None:
        from flowengine.settings import DEFAULT_STORE
        from flowengine.stores.peek import waiting

        url = os.environ.get("FLOWENGINE_STORE") or DEFAULT_STORE
        self._waiting = partial(waiting, url)
        before = self._waiting()
        self._before = None if before is None else {each.id for each in before}

    @property
    def known(self) -> bool:
        """Whether the store can be looked into."""
        return self._before is not None

    def show(self) -> Iterator[str]:
        """The messages as the contact reads them; what is to be known about them goes to standard error."""
        if not self.known:
            note("200: accepted. The store is not a file in this folder, so that the reply cannot be shown here")
            return
        sends = self.sends()
        if not sends:
            note(_NOTHING)
            return
        note(f"200: accepted. The contact reads, by {sends[0]['channels'][0]}:")
        yield from (readable(each) for each in sends)
        self._unsent()

    def sends(self) -> list[dict[str, Any]]:
        """The bodies of the newest rows that are messages; while a worker has the turn, they are waited for."""
        from flowengine.messages.envelope import envelope

        until = monotonic() + PATIENCE
        while True:
            rows = [each for each in self._waiting() or () if each.id not in (self._before or ())]
            left = [each for each in rows if each.kind == "turn" and not json.loads(each.payload).get("later")]
            if not left or monotonic() > until:
                break
            sleep(PAUSE)
        if left:
            note("a worker has to ask a server first, and none has done it: is flowengine worker running?")
        payloads = [(each.id, json.loads(each.payload)) for each in rows if each.kind == "send"]
        return [{**envelope(payload, id), "channels": payload["channels"]} for id, payload in payloads]

    def _unsent(self) -> None:
        from flowengine.sinch.credentials import missing_for_messages

        if missing_for_messages(os.environ):
            note("It waits in the outbox: there are no credentials here to send messages with.")


def readable(body: Mapping[str, Any]) -> str:
    """A message as text: what is written, then its buttons in brackets."""
    from flowengine.messages.readable import buttons, kind_of, texts

    message, channel = body["message"], (body.get("channels") or [""])[0]
    lines = list(texts(message, channel)) or [f"({kind_of(message)})"]
    labels = " ".join(f"[{each.label}]" for each in buttons(message, channel))
    return "\n".join([*lines, labels] if labels else lines)
