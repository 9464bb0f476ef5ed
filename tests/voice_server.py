"""A stand-in for the voice REST API: a real HTTP server that checks signatures and remembers what was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from flowengine.sinch.signing import Verifier, decode_secret

KEY, SECRET = "test-key", "dGVzdCBzZWNyZXQ="


@dataclass
class Asked:
    """``status`` is what the next requests get."""

    url: str = ""
    status: int = 200
    requests: list[tuple[str, str, Any]] = field(default_factory=list)


def _handler(asked: Asked) -> type[BaseHTTPRequestHandler]:
    verifier = Verifier([(KEY, decode_secret(SECRET))])

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            if not verifier.accepts(self.command, self.path, headers, body):
                self._send(401, {"errorCode": 40102, "message": "no"})
                return
            asked.requests.append((self.command, self.path, json.loads(body or b"null")))
            if asked.status >= 400:
                self._send(asked.status, {"errorCode": asked.status * 100 + 1, "message": "no"})
            else:
                self._send(asked.status, {"callId": f"call-{len(asked.requests)}"})

        def _send(self, status: int, data: Any) -> None:
            body = json.dumps(data).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_PATCH = do_GET = _answer

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler


@contextmanager
def voice_server() -> Iterator[Asked]:
    asked = Asked()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(asked))
    asked.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield asked
    finally:
        server.shutdown()
        server.server_close()
