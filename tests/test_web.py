"""The application behind a real gunicorn, over real HTTP."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from serving import KEY, SECRET
from test_service import MENU
from test_worker import HOLD

from flowengine.serving.command import gunicorn
from flowengine.sinch.signing import authorization, decode_secret

TOKEN = "a-token"


@dataclass
class Served:
    port: int
    process: subprocess.Popen[bytes]

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)) as connection:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()

    def signed(self, body: bytes, path: str = "/voice", **changed: str) -> tuple[int, bytes]:
        kind = "application/json; charset=utf-8"
        headers = authorization(KEY, decode_secret(SECRET), "POST", path, body, kind)
        return self.ask("POST", path, body, {"Content-Type": kind, **headers, **changed})

    def call(self, event: str, call: str = "c1", path: str = "/voice", **fields: Any) -> Any:
        body = {"event": event, "callid": call, "version": 1, "timestamp": f"{time.time():.0f}", **fields}
        status, answer = self.signed(orjson.dumps(body), path)
        assert status == 200
        return orjson.loads(answer) if answer else None


def free_port() -> int:
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def serve(folder: Path, **env: str) -> Served:
    port = free_port()
    settings = {
        "FLOWENGINE_FLOWS": str(folder),
        "FLOWENGINE_STORE": f"sqlite:///{folder}/web.db",
        "FLOWENGINE_TOKEN": TOKEN,
        "VOICE_APPLICATION_KEY": KEY,
        "VOICE_APPLICATION_SECRET": SECRET,
        **env,
    }
    ours = ("FLOWENGINE", "VOICE", "WEBHOOK")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    process = subprocess.Popen(gunicorn("127.0.0.1", port, 2, 4), env={**clean, **settings}, stderr=subprocess.PIPE)
    served = Served(port, process)
    for _ in range(200):
        try:
            if served.ask("GET", "/health")[0] == 200:
                return served
        except OSError:
            time.sleep(0.1)
        if process.poll() is not None:
            raise RuntimeError(process.stderr.read().decode() if process.stderr else "")
    raise RuntimeError("the server did not start")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    (folder / "line.yaml").write_text(MENU)
    (folder / "hold.yaml").write_text(HOLD.replace("+12025550100", "+12025550101"))
    found = serve(folder)
    yield found
    found.process.terminate()
    found.process.wait(20)


DIALLED = {"type": "did", "endpoint": "+12025550100"}


def test_a_call_over_http_with_two_workers(served: Served) -> None:
    for number in range(20):
        call = f"two-{number}"
        assert served.call("ice", call, to=DIALLED)["action"]["name"] == "runMenu"
        result = {"menuId": "main", "type": "return", "value": "sales"}
        assert served.call("pie", call, menuResult=result)["action"]["number"] == "+12025550111"
        assert served.call("ace", call)["action"]["name"] == "continue"
        assert served.call("dice", call, result="ANSWERED") is None


@pytest.mark.parametrize("path", ["/ice", "/a/b/ice", "/voice", "/x/voice", "/%C3%A9/ice"])
def test_paths_that_answer(served: Served, path: str) -> None:
    assert served.call("ice", f"path{path}", path=path, to=DIALLED)["action"]["name"] == "runMenu"


def test_the_body_is_trusted_over_the_path(served: Served) -> None:
    assert served.call("ice", "other-path", path="/dice", to=DIALLED)["action"]["name"] == "runMenu"


def test_unknown_paths_list_the_handlers(served: Served) -> None:
    status, body = served.ask("POST", "/nothing/here")
    assert status == 404
    assert "POST /voice" in orjson.loads(body)["handlers"]
    assert served.ask("GET", "/nothing")[0] == 404
    assert served.ask("GET", "/ice")[0] == 405
    assert served.ask("PUT", "/voice")[0] == 405


@pytest.mark.parametrize(
    "changed",
    [
        {"Authorization": ""},
        {"Authorization": "Application nonsense"},
        {"Authorization": "Basic dGVzdDp0ZXN0"},
        {"Authorization": "Application test-key:\xff\xfe"},
        {"x-timestamp": ""},
        {"x-timestamp": "2020-01-01T00:00:00Z"},
        {"Content-Type": "application/json"},
    ],
)
def test_requests_that_are_not_authentic(served: Served, changed: dict[str, str]) -> None:
    body = orjson.dumps({"event": "ice", "callid": "forged", "to": DIALLED})
    assert served.signed(body, **changed) == (401, b"")


def test_deep_json_is_not_parsed_before_it_is_authentic(served: Served) -> None:
    assert served.ask("POST", "/voice", b"[" * 60_000)[0] == 401
    status, body = served.signed(b"[" * 60_000)
    assert status == 200
    assert orjson.loads(body)["action"]["name"] == "hangup"


def test_bodies_that_are_too_large(served: Served) -> None:
    assert served.ask("POST", "/voice", b"x" * 70_000)[0] == 413
    with closing(http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)) as connection:
        chunks = iter([b"x" * 10_000] * 10)
        connection.request("POST", "/voice", chunks, {"Transfer-Encoding": "chunked"}, encode_chunked=True)
        assert connection.getresponse().status == 413
    assert served.ask("GET", "/health")[0] == 200


def test_a_half_sent_body_holds_up_nobody(served: Served) -> None:
    with closing(socket.create_connection(("127.0.0.1", served.port))) as half:
        half.sendall(b"POST /voice HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
        assert served.call("ice", "beside-half", to=DIALLED)["action"]["name"] == "runMenu"


@pytest.mark.parametrize(
    "sent", [b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", b"Transfer-Encoding: chunked\r\n\r\n5\r\nab"]
)
def test_a_body_that_cannot_be_read_is_refused(served: Served, sent: bytes) -> None:
    with closing(socket.create_connection(("127.0.0.1", served.port), timeout=5)) as connection:
        connection.sendall(b"POST /voice HTTP/1.1\r\nHost: x\r\n" + sent)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100).startswith(b"HTTP/1.1 400 ")


def test_health_and_ready(served: Served) -> None:
    status, body = served.ask("GET", "/health")
    assert status == 200
    assert orjson.loads(body)["flows"] == 2
    assert served.ask("GET", "/ready")[0] == 200


def test_outside_events(served: Served) -> None:
    from flowengine.callbacks import Callback, call_key

    served.call("ice", "parked", to={"type": "did", "endpoint": "+12025550101"})
    key = call_key(Callback(call_id="parked"), KEY)
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    assert served.ask("POST", f"/sessions/{key}/events/agent_ready")[0] == 401
    assert served.ask("POST", f"/sessions/{key}/events/agent_ready", b"", {"Authorization": "Bearer no"})[0] == 401
    assert served.ask("POST", "/sessions/nobody/events/agent_ready", b"", bearer)[0] == 404
    assert served.ask("POST", f"/sessions/{key}/events/no_such", b"", bearer)[0] == 409
    assert served.ask("POST", f"/sessions/{key}/events/agent_ready", b"{", bearer)[0] == 400
    assert served.ask("POST", f"/sessions/{key}/events/agent_ready", b'{"a":1}', bearer)[0] == 202
    assert served.ask("POST", f"/sessions/{key}/events/agent_ready", b"", bearer)[0] == 409


def test_a_killed_worker_loses_no_call(served: Served) -> None:
    for number in range(10):
        served.call("ice", f"kill-{number}", to=DIALLED)
    children = subprocess.run(["pgrep", "-P", str(served.process.pid)], capture_output=True, check=False)
    pids = [int(pid) for pid in children.stdout.split()]
    if not pids:
        pids = _children(served.process.pid)
    os.kill(pids[0], signal.SIGKILL)
    result = {"menuId": "main", "type": "return", "value": "sales"}
    for number in range(10):
        for _ in range(50):
            try:
                answer = served.call("pie", f"kill-{number}", menuResult=result)
                break
            except (OSError, http.client.HTTPException):
                time.sleep(0.1)
        assert answer["action"]["number"] == "+12025550111"


def _children(parent: int) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        fields = entry.read_text().rsplit(")", 1)[1].split()
        if int(fields[1]) == parent:
            found.append(int(entry.parent.name))
    return found


@pytest.mark.parametrize(
    ("env", "told"),
    [
        ({"VOICE_APPLICATION_SECRET": "", "VOICE_APPLICATION_KEY": ""}, "VOICE_APPLICATION_KEY"),
        ({"VOICE_APPLICATION_SECRET": "not base64!"}, "VOICE_APPLICATION_SECRET"),
        ({"FLOWENGINE_STORE": "memory:", "WEB_CONCURRENCY": "2"}, "memory"),
        ({"FLOWENGINE_STORE": "mysql://x"}, "mysql"),
        ({"FLOWENGINE_STOER": "x"}, "FLOWENGINE_STORE"),
        ({"FLOWENGINE_FLOWS": "/nowhere"}, "/nowhere"),
    ],
)
def test_it_refuses_to_start_and_says_why(tmp_path: Path, env: dict[str, str], told: str) -> None:
    (tmp_path / "line.yaml").write_text(MENU)
    settings = {
        "PATH": os.environ["PATH"],
        "FLOWENGINE_FLOWS": str(tmp_path),
        "FLOWENGINE_STORE": f"sqlite:///{tmp_path}/x.db",
        "VOICE_APPLICATION_KEY": KEY,
        "VOICE_APPLICATION_SECRET": SECRET,
        **env,
    }
    command = [sys.executable, "-c", "import flowengine.wsgi"]
    done = subprocess.run(command, env=settings, capture_output=True, check=False)
    assert done.returncode == 2
    message = done.stderr.decode()
    assert told in message
    assert "Traceback" not in message


def test_a_serving_process_loads_no_checker(tmp_path: Path) -> None:
    (tmp_path / "line.yaml").write_text(MENU)
    settings = {
        "PATH": os.environ["PATH"],
        "FLOWENGINE_FLOWS": str(tmp_path),
        "FLOWENGINE_STORE": f"sqlite:///{tmp_path}/x.db",
        "WEBHOOK_PROTECTION": "never",
    }
    code = "import flowengine.wsgi, sys; print([m for m in ('networkx', 'jsonschema', 'yaml') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], env=settings, capture_output=True, check=True)
    assert b"networkx" not in done.stdout
    assert b"jsonschema" not in done.stdout
