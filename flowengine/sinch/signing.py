"""Application signing: the signature on every callback from Sinch and on our own REST requests.

What is signed, joined by line feeds: the verb; base64(MD5(body)), empty where there is no body; the content
type exactly as in its header; ``x-timestamp:`` and that header's value; the path without host and query.
The signature is base64(HMAC-SHA256) under the base64-decoded application secret.
"""

from __future__ import annotations

import hmac
import re
from base64 import b64decode
from binascii import b2a_base64
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from hashlib import md5
from urllib.parse import unquote_to_bytes

_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/]")
_URL_SAFE = str.maketrans("-_", "+/")
_GUID = re.compile(r"[0-9a-f]{8}(-?)[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{12}")


def decode_secret(text: str) -> bytes:
    """The bytes of an application secret: base64, also with the URL-safe alphabet or without padding.

    ValueError names the first character that cannot be and where it stands, counted from 1; never the secret.
    """
    body = text.strip().translate(_URL_SAFE)
    bare = body.rstrip("=")
    if not bare:
        raise ValueError("it is empty")
    if wrong := _NOT_BASE64.search(bare):
        raise ValueError(f"character {wrong.start() + 1} is {wrong[0]!r}, which is not base64")
    if len(bare) % 4 == 1 or len(body) - len(bare) > -len(bare) % 4:
        raise ValueError(f"{len(body)} characters cannot be base64: some are missing or too many")
    return b64decode(bare + "=" * (-len(bare) % 4), validate=True)


def signature(secret: bytes, verb: str, path: str, content_type: str, timestamp: str, body: bytes) -> str:
    """The signature of one request, as base64 text."""
    texts = (verb, content_type, timestamp, path)
    return _sign(secret, body, *(text.encode() for text in texts)).decode()


def authorization(
    key: str,
    secret: bytes,
    verb: str,
    path: str,
    body: bytes = b"",
    content_type: str = "application/json",
    now: datetime | None = None,
) -> dict[str, str]:
    """The headers that sign an outgoing request. ``path`` is what goes over the wire, without the query."""
    timestamp = _timestamp(now or datetime.now(UTC))
    signed = signature(secret, verb.upper(), path, content_type, timestamp, body)
    return {
        "Authorization": f"application {key}:{signed}",
        "x-timestamp": timestamp,
        "Content-Type": content_type,
    }


class Verifier:
    """Tells authentic requests from all others. Several pairs may be active while keys rotate."""

    __slots__ = ("_exact", "_folded")

    def __init__(self, pairs: Iterable[tuple[str, bytes]]) -> None:
        self._exact: dict[str, list[bytes]] = {}
        self._folded: dict[str, str] = {}
        for key, secret in pairs:
            if not key or not secret:
                raise ValueError("a key and its secret must not be empty")
            known = self._folded.setdefault(_fold(key), key)
            self._exact.setdefault(known, []).append(secret)

    def __repr__(self) -> str:
        return f"Verifier({len(self._exact)} keys)"

    def accepts(self, verb: str, path: str, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether one active pair signed this request."""
        return self.signer(verb, path, headers, body) is not None

    def signer(self, verb: str, path: str, headers: Mapping[str, str], body: bytes) -> str | None:
        """The configured application key that signed this request, or None.

        ``headers`` has lower-case names. Their values, ``path`` (raw and public, without the query) and
        ``body`` are as received, each character of a text one byte, as WSGI gives them. A path signed
        percent-decoded passes too: some senders do that. Never raises.
        """
        given = _credential(headers.get("authorization", ""))
        content_type, timestamp = headers.get("content-type"), headers.get("x-timestamp")
        if given is None or not content_type or not timestamp:
            return None
        known, signed = self._known(given[0]), given[1]
        parts = (raw(verb), raw(content_type), raw(timestamp))
        for candidate in _paths(path):
            for secret in self._exact.get(known, ()):
                if hmac.compare_digest(_sign(secret, body, *parts, candidate), signed):
                    return known
        return None

    def _known(self, key: str) -> str:
        return key if key in self._exact else self._folded.get(_fold(key), "")


def _sign(secret: bytes, body: bytes, verb: bytes, content_type: bytes, timestamp: bytes, path: bytes) -> bytes:
    digest = b2a_base64(md5(body, usedforsecurity=False).digest(), newline=False) if body else b""
    text = b"%b\n%b\n%b\nx-timestamp:%b\n%b" % (verb, digest, content_type, timestamp, path)
    return b2a_base64(hmac.digest(secret, text, "sha256"), newline=False)


def _credential(header: str) -> tuple[str, bytes] | None:
    """The key and signature of ``Application key:signature``: one blank, one colon, ASCII, or None."""
    scheme, _, credential = header.partition(" ")
    key, colon, signed = credential.partition(":")
    if not colon or not header.isascii() or scheme.lower() != "application":
        return None
    if " " in credential or ":" in signed:
        return None
    return key, signed.encode()


def _paths(path: str) -> tuple[bytes, ...]:
    given = raw(path)
    return (given, unquote_to_bytes(given)) if b"%" in given else (given,)


def raw(text: str) -> bytes:
    """The bytes of a text whose characters are one byte each, as WSGI gives them, else its UTF-8. Never raises."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _fold(key: str) -> str:
    """GUIDs are compared as such, other keys exactly."""
    folded = key.lower()
    return folded.replace("-", "") if _GUID.fullmatch(folded) else key


def _timestamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
