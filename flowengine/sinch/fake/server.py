"""A whole fake Sinch for tests: started on a port of this machine, asked what it took, told what to answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import httpx
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from flowengine.sinch.fake import bodies
from flowengine.sinch.fake.app import create_app
from flowengine.sinch.fake.bodies import Bodies, Mode
from flowengine.sinch.fake.ids import Ids
from flowengine.sinch.fake.platform import Account, Platform
from flowengine.sinch.fake.posting import NoTarget, Poster, Target, Webhook
from flowengine.sinch.fake.records import Callout, Event, Json, Patch, Posted, Problem, Record
from flowengine.sinch.fake.script import Answer, Place, Step
from flowengine.sinch.oauth import forget_tokens

CONTACT = "12025550142"
BUSINESS = "12025550100"


@dataclass(frozen=True, slots=True)
class _Receipts:
    fail: str | Callable[[Record], str]
    read: bool
    after: float
    submit: bool
    deliver: bool


class FakeSinch:
    """Tokens, messages, events and voice callouts, as a context manager.

    ``seed`` makes ids the same in every run, ``clock`` gives Unix seconds, ``mode`` is that of the app (in
    ``DISPATCH`` webhooks have no contact ids), ``token_life`` is how long an access token is good for.
    ``channel`` is where contacts write who do not say.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        seed: int = 0,
        mode: Mode = "DISPATCH",
        token_life: float = 3600.0,
        clock: Callable[[], float] = time.time,
        account: Account | None = None,
        channel: str = "SMS",
    ) -> None:
        self.channel = channel
        self.account = account or Account()
        self._ids = Ids(seed)
        self._clock = clock
        self._platform = Platform(self.account, self._ids, clock, token_life)
        self._platform.listeners.append(self._follow_up)
        self.bodies = Bodies(self.account.app, self.account.project, self._ids, clock, mode)
        self._poster = Poster(self._ids, clock)
        self._poster.secret = self.account.webhook_secret
        self._receipts: _Receipts | None = None
        self._last: Webhook | None = None
        self._port = port
        self._server: BaseWSGIServer | None = None

    def __enter__(self) -> FakeSinch:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        app = create_app(self._platform)
        self._server = make_server("127.0.0.1", self._port, app, threaded=True, request_handler=_Quiet)
        self._port = self._server.server_port
        forget_tokens(self.url)  # those of an earlier one that had this port
        threading.Thread(target=self._server.serve_forever, args=(0.02,), name="fake-sinch", daemon=True).start()

    def stop(self) -> None:
        """Ends the server; requests that hang are let go."""
        self._platform.stopping.set()
        self._poster.stop()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    # --- where it is ---------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def env(self) -> dict[str, str]:
        """The environment that makes flowengine talk to this instead of Sinch."""
        account = self.account
        return {
            "PROJECT_ID": account.project,
            "PROJECT_ID_API_KEY": account.key_id,
            "PROJECT_ID_API_SECRET": account.key_secret,
            "CONVERSATION_APP_ID": account.app,
            "CONVERSATION_WEBHOOK_SECRET": account.webhook_secret,
            "VOICE_APPLICATION_KEY": account.voice_key,
            "VOICE_APPLICATION_SECRET": account.voice_secret,
            "FLOWENGINE_CONVERSATION_URL": self.url,
            "FLOWENGINE_AUTH_URL": self.url,
            "FLOWENGINE_VOICE_URL": self.url,
        }

    # --- what it took --------------------------------------------------------------------------------------

    @property
    def sent(self) -> list[Record]:
        """The accepted messages, in order."""
        return self._copy(self._platform.sent)

    @property
    def events(self) -> list[Event]:
        return self._copy(self._platform.events)

    @property
    def callouts(self) -> list[Callout]:
        return self._copy(self._platform.callouts)

    @property
    def patches(self) -> list[Patch]:
        return self._copy(self._platform.patches)

    @property
    def problems(self) -> list[Problem]:
        """Requests that Sinch would refuse; a test should end with none."""
        return self._copy(self._platform.problems)

    @property
    def posted(self) -> list[Posted]:
        """The receipts that were delivered, or given up."""
        return list(self._poster.posted)

    @property
    def token_requests(self) -> int:
        return self._platform.token_requests

    def wait(self, count: int, seconds: float = 10.0) -> list[Record]:
        """The accepted messages once there are ``count`` of them; AssertionError if that takes too long."""
        with self._platform.changed:
            there = self._platform.changed.wait_for(lambda: len(self._platform.sent) >= count, seconds)
        sent = self.sent
        assert there, f"expected {count} messages, {len(sent)} were sent in {seconds:g} s; problems: {self._told()}"
        return sent

    def listen(self, listener: Callable[[Any], None]) -> None:
        """Call this with each record, event, callout, patch and problem as it comes."""
        self._platform.listeners.append(listener)

    # --- what it answers -----------------------------------------------------------------------------------

    def script(self, steps: Iterable[Step], at: Place = "send") -> None:
        """Answer the next requests like this, then as usual again."""
        self._platform.script(steps, at)

    def flaky(self, share: float, step: Step | None = None, seed: int = 0) -> None:
        """Answer this share of the messages, 0 to 1, with ``step``, 503 if left out."""
        self._platform.flaky(share, step or Answer(503), seed)

    def expire_tokens(self) -> None:
        """Refuse all access tokens given so far."""
        self._platform.expire_tokens()

    # --- what it posts -------------------------------------------------------------------------------------

    def webhook(self, target: Target, secret: str | None = None) -> None:
        """Where webhooks go: an address, or a WSGI application that is called in this process.

        ``secret`` signs them, that of the account if left out; an empty one leaves them unsigned.
        """
        self._poster.target = target
        self._poster.secret = self.account.webhook_secret if secret is None else secret

    def receipts(
        self,
        target: Target = "",
        secret: str | None = None,
        *,
        fail: str | Callable[[Record], str] = "",
        read: bool = False,
        after: float = 0.0,
        submit: bool = True,
        deliver: bool = True,
    ) -> None:
        """Post receipts of every message from now on, ``after`` so many seconds; again until they get a 2xx.

        ``fail`` is the code of a reason, such as ``OUTSIDE_ALLOWED_SENDING_WINDOW``, or gives one for a record:
        then it is FAILED. ``read`` adds READ. Without ``submit`` and ``deliver`` that kind never comes.
        """
        if target:
            self.webhook(target, secret)
        self._receipts = _Receipts(fail, read, after, submit, deliver)

    def settle(self, seconds: float = 10.0) -> None:
        """Wait until all receipts are delivered; AssertionError if that takes too long."""
        assert self._poster.idle(seconds), f"receipts were still waiting after {seconds:g} s"

    def inbound(
        self,
        text: str | None = None,
        *,
        tap: str | None = None,
        media: str | None = None,
        caption: str = "",
        location: tuple[float, float] | None = None,
        form: Mapping[str, Any] | None = None,
        content: Json | None = None,
        identity: str = CONTACT,
        channel: str = "",
        sender: str = BUSINESS,
        on: Record | None = None,
        reply_to: str = "",
        message_id: str = "",
        metadata: str = "",
        accepted: float | None = None,
    ) -> httpx.Response:
        """A contact writes: exactly one of the first kinds, or ``content`` out of :mod:`bodies`.

        ``tap`` is what stands on a button, its postback data, or what comes before its ``#``: the newest message
        to this contact that shows it is tapped, or the message ``on``. Channel and metadata of a tap are those of
        that message, unless given.
        """
        kinds = {"text": text, "tap": tap, "media": media, "location": location, "form": form, "content": content}
        if sum(given is not None for given in kinds.values()) != 1:
            raise ValueError(f"give exactly one of {', '.join(kinds)}")
        found = content or {}
        if text is not None:
            found = bodies.text(text)
        elif tap is not None:
            record, postback = self._tapped(tap, identity, on)
            found = bodies.tap(record.message_id, postback)
            channel, metadata = channel or record.channel, metadata or record.metadata
        elif media is not None:
            found = bodies.media(media, caption)
        elif location is not None:
            found = bodies.location(*location)
        elif form is not None:
            found = bodies.form(form)
        more: dict[str, Any] = {
            "message_id": message_id,
            "reply_to": reply_to,
            "metadata": metadata,
            "accepted": accepted,
        }
        return self.post(self.bodies.inbound(found, channel or self.channel, identity, sender, **more))

    def happening(self, content: Json, identity: str = CONTACT, channel: str = "") -> httpx.Response:
        """An event of a contact: ``bodies.typing()``, ``bodies.reaction(id)``, ``bodies.link(ref)``."""
        return self.post(self.bodies.event(content, channel or self.channel, identity))

    def consent(self, out: bool, identity: str = CONTACT, channel: str = "") -> httpx.Response:
        """The platform itself took an opt-out, or an opt-in."""
        return self.post(self.bodies.consent(out, channel or self.channel, identity))

    def contact(
        self,
        what: Literal["create", "update", "delete"] = "create",
        name: str = "",
        identity: str = CONTACT,
        channel: str = "",
    ) -> httpx.Response:
        """A contact was made, changed or deleted."""
        return self.post(self.bodies.contact(what, name, channel or self.channel, identity))

    def post(self, body: Json) -> httpx.Response:
        """Any webhook, signed; the application's answer."""
        self._last = self._poster.write(body)
        return self._poster.post(self._last)

    def redeliver(self) -> httpx.Response:
        """The last webhook again, with the same bytes and the same signature."""
        if self._last is None:
            raise NoTarget("nothing was posted yet")
        return self._poster.post(self._last)

    # --- inside --------------------------------------------------------------------------------------------

    def _tapped(self, wanted: str, identity: str, on: Record | None) -> tuple[Record, str]:
        """The message that is tapped, and what it gives."""
        shown = [on] if on else [each for each in reversed(self.sent) if each.identity == identity.removeprefix("+")]
        for record in shown:
            for label, postback in record.options:
                if wanted in (label, postback, postback.partition("#")[0]):
                    return record, postback
        if on:
            return on, wanted
        raise ValueError(f"no message to this contact shows {wanted!r}")

    def _follow_up(self, new: Any) -> None:
        plan = self._receipts
        if plan is None or not isinstance(new, Record):
            return
        reason = plan.fail(new) if callable(plan.fail) else plan.fail
        told = [self.bodies.submitted(new)] if plan.submit else []
        if plan.deliver:
            told += [self.bodies.receipt(new, "FAILED" if reason else "DELIVERED", reason)]
            told += [self.bodies.receipt(new, "READ")] if plan.read and not reason else []
        for body in told:
            self._poster.queue(self._poster.write(body), plan.after)

    def _copy(self, found: list[Any]) -> list[Any]:
        with self._platform.changed:
            return list(found)

    def _told(self) -> str:
        return "; ".join(problem.sentence for problem in self.problems) or "none"


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        """Nothing: a request line may hold a number."""
