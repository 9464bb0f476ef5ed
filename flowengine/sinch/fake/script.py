"""What the fake platform answers next, where that is not the usual."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Shape = Literal["wrapped", "flat", "problem", "text"]

STATUS_TEXTS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    402: "BILLING_CREDIT_LIMIT_BREACHED",
    403: "UNAUTHORIZED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
}


@dataclass(frozen=True, slots=True)
class Accept:
    """The usual answer; for the places in a script between others."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Refuses with this status. ``shape`` is how the error body looks: in ``error``, flat, problem+json or HTML.

    ``retry_after`` is a number of seconds or a date as text. ``accepted``: the message is taken all the same.
    """

    status: int
    retry_after: float | str | None = None
    code: str = ""
    shape: Shape = "wrapped"
    accepted: bool = False

    def body(self) -> Any:
        """JSON as data, or a text that is none."""
        code, sentence = self.code or STATUS_TEXTS.get(self.status, ""), "as the script says"
        flat = {"code": self.status, "message": sentence, "status": code, "details": []}
        problem = {"type": "about:blank", "title": sentence, "status": self.status, "detail": sentence}
        bodies: dict[Shape, Any] = {
            "wrapped": {"error": flat},
            "flat": flat,
            "problem": problem,
            "text": "<html>as the script says</html>",
        }
        return bodies[self.shape]


@dataclass(frozen=True, slots=True)
class Slow:
    """Accepts, so many seconds late."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Hang:
    """Reads the request and never answers; ``accepted``: having taken it."""

    accepted: bool = False


@dataclass(frozen=True, slots=True)
class Drop:
    """Closes the connection without an answer; nothing was taken."""


@dataclass(frozen=True, slots=True)
class AcceptThenDrop:
    """Takes the message and closes the connection without an answer: the sender cannot know."""


Step = Accept | Answer | Slow | Hang | Drop | AcceptThenDrop
Place = Literal["send", "event", "token", "callout", "patch"]
