"""Tells what was counted, as text for Prometheus, and puts the counting in."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from flowengine.metrics import FOLDER, folder
from flowengine.service import Service
from flowengine.shelf import Shelf

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def instrument(service: Service, env: Mapping[str, str]) -> Callable[[], None]:
    """From here on what the service does is counted; turns a little later, or when what is returned is called."""
    os.environ[FOLDER] = env[FOLDER]  # read from there by prometheus_client, as it is loaded
    path = Path(env[FOLDER])
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.put_together(path)
    from flowengine.metrics.meter import CountedStore, Counters, Meter

    meter = Meter()
    store, counters = CountedStore(service.store, meter), Counters(meter.counted)
    ask, call = meter.asking(service.ask, lambda: service.library), meter.calling(service.call)
    for each in (service, service.chats):
        each.store, each.counters, each.ask, each.call = store, counters, ask, call
    service.heeds(meter.turn)
    if isinstance(service.older, Shelf):
        functions = service.older.functions
        service.older.functions = lambda library: meter.calling(functions(library))
    return meter.count


def exposition(service: Service, url: str, env: Mapping[str, str]) -> Callable[[], bytes]:
    """What tells the figures of all processes. ``url`` is the store's."""
    from prometheus_client import CollectorRegistry, generate_latest, multiprocess

    from flowengine.metrics.standing import Standing

    path = Path(env[FOLDER])
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry, str(path))  # type: ignore[no-untyped-call]
    registry.register(Standing(service.store, url, lambda: service.library.revision))

    def told() -> bytes:
        with folder.held(path, alone=False):
            return bytes(generate_latest(registry))

    return told


def listen(port: int, told: Callable[[], bytes]) -> ThreadingHTTPServer:
    """Answers ``GET /metrics`` on this machine's own address. Raises OSError where the port is taken."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = told() if self.path.partition("?")[0] == "/metrics" else b""
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", CONTENT_TYPE)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: requests are not logged."""

    class Server(ThreadingHTTPServer):
        allow_reuse_port = True  # a worker that is exchanged listens beside the one that goes
        daemon_threads = True

    server = Server(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server
