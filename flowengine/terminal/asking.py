"""Servers that nobody declared: the person at the terminal says what they answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import orjson

from flowengine.fetch import Request, Response
from flowengine.scenarios.model import Answer, Server
from flowengine.terminal.keyboard import Keyboard

NEVER = ("never", "timeout")
EXAMPLE = '200 {"tier": "gold"}, 500 or never'


class NoAnswer(ValueError):
    """Text that says no answer: one sentence."""


def answer_of(text: str) -> Answer:
    """``200 {"tier": "gold"}``, a body alone, a status alone, or ``never``. Raises :class:`NoAnswer`."""
    said = text.strip()
    if said.lower() in NEVER:
        return Answer(failure="timeout")
    head, _, rest = said.partition(" ")
    if head.isascii() and head.isdigit() and 100 <= int(head) <= 599:
        return Answer(int(head), _data(rest.strip()) if rest.strip() else None)
    if said[:1] in ("{", "["):
        return Answer(200, _data(said))
    raise NoAnswer(f'found "{text}"; expected what the server answers: {EXAMPLE}')


def _data(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if text[0] in "{[":
            raise NoAnswer(f"the body is not JSON: {error}") from None
    return text


class Servers:
    """Answers requests as the person says, and remembers what they said.

    ``tell`` shows a request and ``say`` a sentence. Of a pipe, a line that is no answer is left to be played: then
    the server never answers.
    """

    def __init__(self, keyboard: Keyboard, tell: Callable[[Request], None], say: Callable[[str], None]) -> None:
        self._keyboard, self._tell, self._say = keyboard, tell, say
        self.answers: dict[tuple[str, str], list[Answer]] = {}
        """By method and URL, in turn."""
        self.asked: list[Request] = []

    def __call__(self, request: Request) -> Response:
        self._tell(request)
        self.asked.append(request)
        known = self.answers.setdefault((request.method.upper(), request.url.partition("?")[0]), [])
        answer = self._answer(known[-1] if known else None)
        known.append(answer)
        return Response(0 if answer.failure else answer.status, answer.data, answer.failure)

    def _answer(self, before: Answer | None) -> Answer:
        again = " (Enter: as before)" if before else ""
        while True:
            line = self._keyboard.line(f"  answers{again}: ")
            if line is None:
                self._say(f"no line says what the server answers, so it never does; expected {EXAMPLE}")
                return Answer(failure="timeout")
            if before is not None and not line.strip():
                return before
            try:
                return answer_of(line)
            except NoAnswer as error:
                if not self._keyboard.live:
                    self._keyboard.hold(line)
                    self._say(f"{error}; so it never does")
                    return Answer(failure="timeout")
                self._say(str(error))

    def declared(self) -> tuple[Server, ...]:
        """The servers as a scenario declares them."""
        return tuple(Server(method, url, tuple(_shortest(each))) for (method, url), each in self.answers.items())


def _shortest(answers: Iterable[Answer]) -> list[Answer]:
    """Without those at the end that only say the same again: the last one stays."""
    found = list(answers)
    while len(found) > 1 and found[-1] == found[-2]:
        found.pop()
    return found
