"""A call or a chat on a running server: its callbacks and webhooks go over HTTP, signed, and time is real.

It acts as :class:`~flowengine.stage.Stage` does, as far as that can be done from outside. What the server's worker
sends to Sinch is taken by a fake Sinch in this process, if there is one.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from secrets import randbits, token_hex
from typing import Any

import orjson

from flowengine.callbacks import Callback, call_key
from flowengine.linking import Program
from flowengine.posting import CALLBACK_REFUSED, WEBHOOK_REFUSED, Unreached, send, signed_callback, signed_webhook
from flowengine.simulator import CALLS, CannotAct, Chat, Phone, Seen, newest
from flowengine.sinch.credentials import Credentials, Misconfigured
from flowengine.sinch.fake import Account, Callout, FakeSinch, Patch, Problem, Record
from flowengine.stage import APP, CALLER, Trouble
from flowengine.webhooks import talk_key

QUIET = 0.3
"""Seconds without anything from the worker after which nothing more is waited for."""
PATIENCE = 3.0
"""Seconds in which the worker should have sent a reply to a message."""
FAREWELL = 1.0
"""Seconds in which it should have done what follows a call."""

Replies = Callable[[], list[dict[str, Any]]]
"""The bodies of the messages that an act put into the outbox."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where the server is, and the environment with the keys that sign what is posted to it."""

    voice: str
    conversation: str
    root: str
    env: Mapping[str, str] = field(repr=False)


def account_of(env: Mapping[str, str]) -> Account:
    """The account whose keys the environment holds; what is not set is made up."""
    usual = Account()
    names = {
        "project": "PROJECT_ID",
        "key_id": "PROJECT_ID_API_KEY",
        "key_secret": "PROJECT_ID_API_SECRET",
        "app": "CONVERSATION_APP_ID",
        "webhook_secret": "CONVERSATION_WEBHOOK_SECRET",
        "voice_key": "VOICE_APPLICATION_KEY",
        "voice_secret": "VOICE_APPLICATION_SECRET",
    }
    given = {each: env.get(name, "").partition(",")[0].strip() or getattr(usual, each) for each, name in names.items()}
    return Account(**given)


class Remote:
    """One call or chat on ``server``. ``number`` is whose chat it is.

    ``sinch`` catches what the server's worker sends; without it ``outbox`` may look for the replies of a chat: called
    before an act, it gives what finds them behind it.
    """

    def __init__(
        self,
        program: Program,
        server: Server,
        number: str = CALLER,
        sinch: FakeSinch | None = None,
        outbox: Callable[[], Replies | None] | None = None,
    ) -> None:
        self.program, self.server, self.sinch, self._outbox = program, server, sinch, outbox
        self.refusing = False
        self.seen: list[Seen] = []
        self.posted: list[tuple[bytes, bytes | None]] = []
        self.phones: dict[str, Phone] = {}
        self.named: Callable[[str], None] = lambda call_id: None
        """Told the id of every call as it begins."""
        self.began = 0
        """Calls that the worker placed so far."""
        self._before: list[tuple[bytes, bytes | None]] = []
        self._came: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._replies: Replies | None = None
        self._idle_since = time.time()
        app = sinch.account.app if sinch is not None else server.env.get("CONVERSATION_APP_ID", "").strip()
        self._app = app or APP
        self.chat = self._open_chat(number)
        if sinch is not None:
            sinch.listen(self._came.put)

    def _open_chat(self, number: str) -> Chat:
        image = self.program.image
        business = next((str(value) for kind, value, _ in image["triggers"] if kind == "number"), "12025550199")
        return Chat(
            self._deliver,
            time.time,
            self._saw,
            self._app,
            str((image.get("channels") or ["SMS"])[0]),
            number.removeprefix("+"),
            business.removeprefix("+"),
            seed=randbits(64),
        )

    def _saw(self, seen: Seen) -> None:
        self.seen.append(seen)

    # --- over HTTP -----------------------------------------------------------------------------------------

    def _post(self, body: bytes) -> bytes:
        answer = self._callback(body)
        self.posted.append((body, answer))
        return answer

    def _callback(self, body: bytes) -> bytes:
        url = self.server.voice
        return self._sent(url, body, lambda: signed_callback(self.server.env, url, body), CALLBACK_REFUSED)

    def _deliver(self, body: bytes) -> None:
        self.posted.append((body, None))
        self._webhook(body)

    def _webhook(self, body: bytes) -> None:
        self._sent(self.server.conversation, body, lambda: signed_webhook(self.server.env, body), WEBHOOK_REFUSED)

    def _sent(self, url: str, body: bytes, sign: Callable[[], dict[str, str]], meaning: Mapping[int, str]) -> bytes:
        try:
            status, answer = send(url, body, sign())
        except (Unreached, Misconfigured) as failed:
            raise Trouble(str(failed)) from None
        if status != 200:
            raise Trouble(f"{status}: {meaning.get(status) or 'the server answered that alone'}")
        return answer

    def _asked(self, path: str, data: Any) -> tuple[int, Any]:
        """What the API of the server says."""
        token = self.server.env.get("FLOWENGINE_TOKEN", "")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            status, answer = send(f"{self.server.root}{path}", orjson.dumps(data), headers)
        except Unreached as failed:
            raise Trouble(str(failed)) from None
        with suppress(orjson.JSONDecodeError):
            return status, orjson.loads(answer)
        return status, {}

    # --- acts ----------------------------------------------------------------------------------------------

    def begin_act(self) -> None:
        """While nothing was typed nothing timed out: whoever types needs longer than a caller."""
        self.meanwhile()
        idle = time.time() - self._idle_since
        for phone in self.phones.values():
            if phone.due is not None:
                phone.due += idle
        self._before, self.posted = self.posted, []
        self.seen = []
        self._replies = self._outbox() if self._outbox is not None else None

    def take_back(self) -> None:
        if not self.posted and not self.seen:
            self.posted, self._before = self._before, []
        self._idle_since = time.time()

    def end_act(self) -> None:
        """What the worker does now comes too."""
        if self.sinch is not None:
            self._settle()
        elif self._replies is not None and any(answer is None for _, answer in self.posted):
            for body in self._replies():
                self.chat.receive(body, False)
        self._idle_since = time.time()

    def _settle(self) -> None:
        over = bool(self.phones) and all(each.stands == "over" for each in self.phones.values())
        chats = self.program.channel == "message"
        wait = PATIENCE if chats and self.posted else FAREWELL if over else QUIET
        while self._next(wait):
            wait = QUIET

    def meanwhile(self) -> bool:
        """Whatever came since; whether anything did."""
        before = len(self.seen)
        while self._next(0.0):
            pass
        return len(self.seen) > before

    def _next(self, wait: float) -> bool:
        """The next thing that the worker sent, played; False where nothing came in time."""
        try:
            found = self._came.get(timeout=wait) if wait else self._came.get_nowait()
        except queue.Empty:
            return False
        if isinstance(found, Record):
            self._read(found)
        elif isinstance(found, Callout):
            self._called(found)
        elif isinstance(found, Patch):
            self._changed(found)
        elif isinstance(found, Problem):
            raise Trouble(f"Sinch would refuse the worker's request ({found.request}): {found.sentence}")
        return True

    def _read(self, record: Record) -> None:
        """Whether a message waits for an answer only its buttons say here."""
        if self.program.channel == "message":
            self.chat.take(record, False)
        else:
            self.chat.receive_elsewhere(record.body)

    def _called(self, callout: Callout) -> None:
        custom = str(callout.body.get("customCallout", {}).get("custom", ""))
        phone = self.phones[callout.call_id] = self._phone(callout.call_id, custom, outbound=True)
        self.began += 1
        if callout.svaml:
            phone.play(orjson.dumps(callout.svaml))

    def _changed(self, patch: Patch) -> None:
        phone = self.phones.get(patch.call_id) or self.phones.get(patch.call_id.removeprefix(CALLS))
        if phone is not None and phone.stands != "over":
            phone.play(orjson.dumps(patch.svaml))

    def _phone(self, call_id: str, custom: str, outbound: bool = False) -> Phone:
        self.named(call_id)
        return Phone(self._post, time.time, self._saw, call_id, custom, outbound)

    @property
    def phone(self) -> Phone:
        """The newest call that is not over, else the newest. Raises :class:`CannotAct` where there is none."""
        phone = newest(self.phones)
        if phone is None:
            raise CannotAct("there is no call")
        return phone

    def dial(self, to: str, cli: str, custom: str, headers: Mapping[str, str] | None) -> None:
        dialled = to or next((str(value) for kind, value, _ in self.program.image["triggers"] if kind == "to"), "")
        call_id = f"terminal-{token_hex(8)}"
        phone = self.phones[call_id] = self._phone(call_id, custom)
        phone.dial(dialled or "+12025550100", cli, headers)

    def start(self, inputs: Mapping[str, Any]) -> None:
        """Through the server's API."""
        data: dict[str, Any] = {"inputs": dict(inputs)}
        if self.program.channel == "message":
            data |= {"to": f"+{self.chat.identity}", "channel": self.chat.channel}
        status, said = self._asked(f"/flows/{self.program.name}/start", data)
        if status == 401:
            raise CannotAct("the server starts nothing without its token: set FLOWENGINE_TOKEN as it has it")
        if status >= 300:
            raise CannotAct(f"{status}: {said.get('error') or 'the server did not start the flow'}")

    def event(self, name: str, data: Any) -> None:
        """Through the server's API."""
        for key in self._keys():
            status, said = self._asked(f"/sessions/{key}/events/{name}", data if data is not None else {})
            if status < 300:
                return
        raise CannotAct(f"{status}: {said.get('error') or 'the server did not take the event'}")

    def _keys(self) -> list[str]:
        """What the session may be called; that of a call depends on whether the server checks signatures."""
        if self.program.channel == "message":
            return [talk_key(self._app, self.chat.channel, self.chat.identity)]
        call = Callback(call_id=self.phone.call_id)
        known = Credentials.from_env(self.server.env)
        return [*([call_key(call, known.keys[0][0])] if known is not None else []), call_key(call)]

    def silence(self) -> None:
        """Nobody says anything until the question that stands gives up; nobody has to wait for it."""
        phone = self.phone
        if phone.stands != "menu":
            raise CannotAct(f"nothing is asked: {phone.situation}")
        heard = phone.heard
        while phone.heard == heard and phone.due is not None:
            phone.expire()

    def wait(self, seconds: float) -> None:
        """Real time passes, and whatever becomes due happens."""
        until = time.time() + seconds
        while (left := until - time.time()) > 0:
            for phone in list(self.phones.values()):
                if phone.due is not None and phone.due <= time.time():
                    phone.expire()
            self._next(min(left, QUIET))

    def again(self) -> None:
        """The callbacks or webhooks of the last act are posted a second time. Raises :class:`Trouble`."""
        if not self._before:
            raise CannotAct("the last act posted no callback that could come again")
        for body, answer in self._before:
            if answer is None:
                self._webhook(body)
            elif self._callback(body) != answer:
                raise Trouble("the second copy of the callback got another answer than the first")
        self.posted = self._before
