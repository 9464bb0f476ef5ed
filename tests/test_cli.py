"""The command line as a person or a pipeline meets it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from click.testing import CliRunner, Result

from flowengine import __version__
from flowengine.banner import banner
from flowengine.build import build, read_artefact, write_artefact
from flowengine.cli import COMMANDS, main
from flowengine.cli.reply import readable, webhook_in
from flowengine.inshort import in_short
from flowengine.settings import Refusal, Settings
from flowengine.sinch.fake import FakeSinch
from flowengine.sinch.signing import Verifier, decode_secret
from flowengine.stores import peek

ROOT = Path(__file__).parent.parent
GOOD = "flow: good\nchannel: voice\nstart: bye\nstates:\n  bye: { say: Goodbye., next: end }\n"
WRONG = "flow: wrong\nchannel: voice\nstart: bye\nstates:\n  bye: { say: Goodbye., next: ende }\n"
WARNED = GOOD + "  lost: { say: Nobody hears this., next: end }\n"
HEAVY = ("networkx", "jsonschema", "flask", "yaml", "jinja2", "httpx", "re2", "phonenumbers", "gunicorn")


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("FLOWENGINE_FLOWS", "FORCE_COLOR", "FLOWENGINE_DEBUG", "PORT"):
        monkeypatch.delenv(name, raising=False)
    for name in list(os.environ):
        if name.startswith(("VOICE_", "CONVERSATION_", "PROJECT_ID")):
            monkeypatch.delenv(name)


def run(*words: str, given: str | None = None) -> Result:
    return CliRunner().invoke(main, words, input=given)


def flows(folder: Path, **files: str) -> None:
    (folder / "flows").mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / "flows" / f"{name}.yaml").write_text(content, "utf-8")


# --- the group -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["validate", "--help"], ["graph", "--help"]])
def test_looking_around_loads_nothing_heavy(words: list[str]) -> None:
    code = (
        "import sys\nfrom flowengine.cli import main\n"
        f"try:\n    main({words!r}, prog_name='flowengine')\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stderr.strip() == "[]"
    assert done.stdout


def test_the_version() -> None:
    assert run("--version").output == f"flowengine {__version__}\n"


def test_help_begins_with_three_examples() -> None:
    lines = run("--help").output.splitlines()
    assert lines[0] == "Examples:"
    assert sum(line.startswith("  flowengine ") for line in lines[1:4]) == 3
    assert lines.index("") == 4
    assert all(f"  {name} " in run("--help").output for name in COMMANDS)


@pytest.mark.parametrize("name", ["validate", "explain", "graph", "compile", "post"])
def test_the_help_of_our_commands_begins_with_examples_too(name: str) -> None:
    result = run(name, "--help")
    assert result.exit_code == 0
    assert result.output.startswith("Examples:\n  flowengine ")


def test_every_command_can_be_loaded() -> None:
    for name in COMMANDS:
        assert run(name, "--help").exit_code == 0


def test_a_mistyped_command_is_usage() -> None:
    result = run("valdate")
    assert result.exit_code == 2
    assert 'there is no command "valdate"; did you mean "validate"?' in result.output


def test_an_unexpected_failure_is_one_sentence_and_exit_3(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    flows(tmp_path, good=GOOD)

    def broken(*_: Any, **__: Any) -> None:
        raise TypeError("no such\nthing")

    monkeypatch.setattr("flowengine.build.build", broken)
    result = run("validate")
    assert result.exit_code == 3
    assert result.output == (
        "flowengine failed: TypeError: no such thing; please report it (FLOWENGINE_DEBUG=1 shows where)\n"
    )
    monkeypatch.setenv("FLOWENGINE_DEBUG", "1")
    assert "Traceback" in run("validate").output


def test_a_closed_pipe_is_quiet() -> None:
    script = f"{sys.executable} -m flowengine explain | head -n 1"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, cwd=ROOT, timeout=30)
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 1


# --- validate --------------------------------------------------------------------------------------------


def test_a_clean_run(tmp_path: Path) -> None:
    flows(tmp_path, good=GOOD)
    result = run("validate")
    assert result.exit_code == 0
    assert result.stdout.startswith("no problems in 1 flow (1 state, ")
    assert result.stderr == ""


def test_errors_exit_1_and_show_the_place(tmp_path: Path) -> None:
    flows(tmp_path, good=GOOD, wrong=WRONG)
    result = run("validate")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0] == 'flows/wrong.yaml:5:31: error unknown-target: there is no state "ende"; did you mean "end"?'
    assert lines[3] == "  | " + " " * 30 + "^~~~"
    assert "1 error in 1 of 2 flows (2 states, " in result.stdout
    assert lines[-1].startswith("Why: flowengine explain unknown-target      On the picture: flowengine graph wrong")


def test_warnings_count_only_when_strict(tmp_path: Path) -> None:
    flows(tmp_path, warned=WARNED)
    assert run("validate").exit_code == 0
    assert run("validate", "--strict").exit_code == 1


def test_paths_and_the_environment_choose_the_flows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flows(tmp_path, good=GOOD, wrong=WRONG)
    assert run("validate", "flows/good.yaml").exit_code == 0
    monkeypatch.setenv("FLOWENGINE_FLOWS", "flows/good.yaml")
    assert run("validate").exit_code == 0


def test_no_flows_is_usage(tmp_path: Path) -> None:
    missing = run("validate", "nowhere")
    assert (missing.exit_code, missing.output) == (
        2,
        "flowengine: nowhere does not exist; name a flow file or a folder of flows\n",
    )
    flows(tmp_path)
    assert run("validate").exit_code == 2


def test_the_json_of_a_run(tmp_path: Path) -> None:
    flows(tmp_path, wrong=WRONG, warned=WARNED)
    result = run("validate", "--format", "json")
    assert result.exit_code == 1
    whole = json.loads(result.stdout)
    assert (whole["flows"], whole["errors"], whole["warnings"]) == (2, 1, 1)
    assert {each["flow"] for each in whole["problems"]} == {"wrong", "good"}


def test_annotations_for_github(tmp_path: Path) -> None:
    flows(tmp_path, wrong=WRONG)
    result = run("validate", "--format", "github")
    assert result.stdout.startswith(
        "::error file=flows/wrong.yaml,line=5,col=31,endColumn=35,title=unknown-target::there is no state"
    )


def test_verbose_names_the_files_on_standard_error(tmp_path: Path) -> None:
    flows(tmp_path, good=GOOD)
    assert run("validate", "-v").stderr == "flows/good.yaml: good, 1 state\n"


def test_colour_can_be_forced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flows(tmp_path, wrong=WRONG)
    assert "\x1b[" not in run("validate").stdout
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[1;31merror" in run("validate").stdout


def test_an_ascii_terminal_breaks_nothing(tmp_path: Path) -> None:
    flows(tmp_path, wrong=WRONG.replace("Goodbye.", "Adiós."))
    env = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-m", "flowengine", "validate"], capture_output=True, env=env, cwd=tmp_path)
    assert done.returncode == 1
    assert b"unknown-target" in done.stdout
    assert done.stderr == b""


# --- explain ---------------------------------------------------------------------------------------------


def test_explain_shows_wrong_and_right() -> None:
    result = run("explain", "unknown-target")
    assert result.exit_code == 0
    assert result.output.startswith("unknown-target (error)\n\nA handler, next,")
    assert "wrong:\n    flow: wrong\n" in result.output
    assert "right:\n    flow: right\n" in result.output
    assert "```" not in result.output


def test_explain_alone_lists_every_rule_on_a_line() -> None:
    from flowengine.checks import rules
    from flowengine.shape_rules import SHAPE_RULES

    lines = run("explain").output.splitlines()
    assert {line.split()[0] for line in lines} == {*rules(), *SHAPE_RULES}
    assert all(len(line.split()) > 3 for line in lines)


def test_explain_knows_what_was_meant() -> None:
    result = run("explain", "unknown-traget")
    assert result.exit_code == 2
    assert 'there is no rule "unknown-traget"; did you mean "unknown-target"?' in result.output


# --- compile and graph -----------------------------------------------------------------------------------


def test_compile_takes_a_name_or_a_path(tmp_path: Path) -> None:
    flows(tmp_path, good=GOOD)
    (tmp_path / "elsewhere.yaml").write_text(GOOD.replace("good", "elsewhere"))
    assert run("compile", "good").output == run("compile", "flows/good.yaml").output
    assert run("compile", "elsewhere.yaml").output.startswith("elsewhere: 1 block")
    unknown = run("compile", "god")
    assert (unknown.exit_code, unknown.output) == (2, 'flowengine: there is no flow "god"; did you mean "good"?\n')
    assert run("compile").exit_code == 2


def test_compile_of_a_wrong_flow_tells_its_errors(tmp_path: Path) -> None:
    flows(tmp_path, good=GOOD, wrong=WRONG, broken="flow: [\n")
    result = run("compile", "wrong")
    assert result.exit_code == 1
    assert "unknown-target" in result.stdout
    assert "nothing was compiled" in result.stderr
    assert run("compile", "good").exit_code == 0
    assert run("compile", "flows/broken.yaml").exit_code == 1


def test_compile_reads_the_flows_that_a_file_plays(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/outer.yaml").write_text(
        "flow: outer\nchannel: voice\nstart: play\nstates:\n  play: { subflow: inner, on: { done: end } }\n"
    )
    (tmp_path / "lib/inner.yaml").write_text(GOOD.replace("good", "inner"))
    assert run("compile", "lib/outer.yaml").exit_code == 0


def test_compile_writes_an_artefact_that_can_be_read(tmp_path: Path) -> None:
    flows(tmp_path, good=GOOD)
    result = run("compile", "-o", "all.artefact")
    assert result.exit_code == 0
    artefact, revision = read_artefact((tmp_path / "all.artefact").read_bytes())
    assert set(artefact["flows"]) == {"good"}
    assert f"revision {revision}" in result.stderr
    nowhere = run("compile", "-o", "nowhere/all.artefact")
    assert (nowhere.exit_code, nowhere.output) == (
        2,
        "flowengine: cannot write nowhere/all.artefact: No such file or directory\n",
    )
    flows(tmp_path, wrong=WRONG)
    assert run("compile", "-o", "none.artefact").exit_code == 1
    assert not (tmp_path / "none.artefact").exists()


def test_graph_knows_formats_and_states(tmp_path: Path) -> None:
    pytest.importorskip("flowengine.diagram")
    flows(tmp_path, wrong=WRONG)
    assert run("graph", "wrong", "-o", "x.svgg").exit_code == 2
    unknown = run("graph", "wrong", "--around", "bey")
    assert (unknown.exit_code, unknown.output) == (
        2,
        'flowengine: the flow "wrong" has no state "bey"; did you mean "bye"?\n',
    )
    assert "digraph" in run("graph", "wrong").stdout
    assert run("graph", "wrong", "-o", "x.svg").exit_code == 0
    assert (tmp_path / "x.svg").read_bytes().lstrip().startswith(b"<?xml") or b"<svg" in (
        tmp_path / "x.svg"
    ).read_bytes()


# --- post ------------------------------------------------------------------------------------------------

KEY, SECRET = "0d5e7b1a-3c44-4c0e-8f60-2b9f4a7712ee", "c2VjcmV0IHNlY3JldA=="
ANSWER = {"instructions": [{"name": "say", "text": "Hello."}], "action": {"name": "hangup"}}


class _Server(BaseHTTPRequestHandler):
    replies: ClassVar[list[tuple[int, bytes]]] = []
    seen: ClassVar[list[tuple[str, dict[str, str], bytes]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        status, reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        self.send_response(status)
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    _Server.replies, _Server.seen = [(200, json.dumps(ANSWER).encode())], []
    with HTTPServer(("127.0.0.1", 0), _Server) as listening:
        thread = threading.Thread(target=listening.serve_forever, daemon=True)
        thread.start()
        yield str(listening.server_port)
        listening.shutdown()


ICE = str(ROOT / "examples/callbacks/ice.json")


def test_post_shows_the_answer_and_says_it_in_short(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", server)
    result = run("post", ICE)
    assert result.exit_code == 0
    assert json.loads(result.stdout) == ANSWER
    assert result.stderr == "200: the caller hears “Hello.”, then the call ends\n"
    path, headers, body = _Server.seen[0]
    assert (path, headers["content-type"]) == ("/voice", "application/json")
    assert body == Path(ICE).read_bytes()
    assert "authorization" not in headers


def test_post_signs_when_it_can(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICE_APPLICATION_KEY", KEY)
    monkeypatch.setenv("VOICE_APPLICATION_SECRET", SECRET)
    assert run("post", "-", "--url", f"http://127.0.0.1:{server}/a/ice?x=1", given="{}").exit_code == 0
    path, headers, body = _Server.seen[0]
    verifier = Verifier(((KEY, decode_secret(SECRET)),))
    assert verifier.signer("POST", path.partition("?")[0], headers, body) == KEY


def test_post_again_compares_byte_for_byte(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", server)
    assert "the same answer, byte for byte" in run("post", ICE, "--again").stderr
    _Server.replies = [(200, b'{"action":{"name":"hangup"}}'), (200, b'{"action":{"name":"continue"}}')]
    differs = run("post", ICE, "--again")
    assert differs.exit_code == 1
    assert "ANOTHER answer" in differs.stderr


def test_post_can_be_another_call(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", server)
    run("post", ICE, "--call", "other")
    assert json.loads(_Server.seen[0][2])["callid"] == "other"


@pytest.mark.parametrize(
    ("status", "reply", "code", "said"),
    [
        (401, b"", 1, "401: the server wants a signature"),
        (404, b"handlers: /voice", 1, "404: the server has no such path"),
        (200, b"", 0, "200: an empty answer"),
    ],
)
def test_post_says_what_a_status_means(
    server: str, monkeypatch: pytest.MonkeyPatch, status: int, reply: bytes, code: int, said: str
) -> None:
    monkeypatch.setenv("PORT", server)
    _Server.replies = [(status, reply)]
    result = run("post", ICE)
    assert result.exit_code == code
    assert said in result.stderr


def test_post_says_when_nothing_listens() -> None:
    with HTTPServer(("127.0.0.1", 0), _Server) as listening:
        port = listening.server_port
    result = run("post", ICE, "--url", f"http://127.0.0.1:{port}/voice")
    assert result.exit_code == 1
    said = f"flowengine: nothing listens on http://127.0.0.1:{port}; start it with tools/start or flowengine serve\n"
    assert result.output == said


# --- post: messages --------------------------------------------------------------------------------------

TEXT = str(ROOT / "examples/webhooks/text.json")
TABLE = """
flow: table
channel: message
triggers: [ { keywords: [book a table] }, { start: api } ]
start: seats
states:
  seats:
    ask: { prompt: For how many?, choices: { two: For two, four: For four } }
    on: { two: bye, four: look, else: end }
  look:
    http: { get: https://tables.example.com/free, timeout: 1s }
    on: { ok: bye, error: sorry }
  bye: { say: See you., next: end }
  sorry: { send: { media: https://cdn.example.com/closed.jpg }, next: end }
"""


@pytest.fixture
def chats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """A server of messages with a store that is a file, and no worker."""
    from werkzeug.serving import make_server

    from flowengine.web import create_app

    flows(tmp_path, table=TABLE)
    (tmp_path / "flowengine.yaml").write_text("consent: { farewell: Goodbye. }\n")
    env = {"FLOWENGINE_STORE": f"sqlite:///{tmp_path}/x.db", "CONVERSATION_WEBHOOK_SECRET": "s3cret, with a comma"}
    voice = {"VOICE_APPLICATION_KEY": KEY, "VOICE_APPLICATION_SECRET": SECRET}
    listening = make_server("127.0.0.1", 0, create_app({**env, **voice, "WEBHOOK_PROTECTION": "always"}))
    for name, value in {**env, "PORT": str(listening.server_port)}.items():
        monkeypatch.setenv(name, value)
    thread = threading.Thread(target=listening.serve_forever, daemon=True)
    thread.start()
    yield {**env, **voice}
    listening.shutdown()
    thread.join()
    listening.server_close()


def test_post_of_a_message_shows_what_the_contact_reads(chats: dict[str, str]) -> None:
    result = run("post", TEXT)
    assert result.exit_code == 0
    assert result.stdout == "For how many?\n\n1. For two\n2. For four\n"
    assert result.stderr == (
        "200: accepted. The contact reads, by SMS:\n"
        "It waits in the outbox: there are no credentials here to send messages with.\n"
    )
    again = run("post", TEXT)
    assert (again.exit_code, again.stdout) == (0, "")
    assert "Nothing waits to be sent" in again.stderr
    assert run("post", TEXT, "--text", "1").stdout == "See you.\n"


def test_post_writes_to_the_app_that_can_answer(chats: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVERSATION_APP_ID", "01OURS")
    run("post", TEXT)
    run("post", TEXT, "--text", "1")
    rows = peek.waiting(chats["FLOWENGINE_STORE"]) or []
    assert [json.loads(each.payload)["app"] for each in rows] == ["01OURS", "01OURS"]


def test_post_shows_the_farewell_though_what_waited_was_dropped(chats: dict[str, str], tmp_path: Path) -> None:
    run("post", TEXT)
    assert run("post", TEXT, "--text", "STOP").stdout == "Goodbye.\n"


def test_post_twice_is_answered_once(chats: dict[str, str]) -> None:
    result = run("post", TEXT, "--again")
    assert result.stdout.count("For how many?") == 1
    assert result.stderr.count("200: accepted.") == 2


def test_post_waits_for_what_a_worker_has_to_ask(chats: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    from flowengine.settings import open_all
    from flowengine.worker import Worker

    run("post", TEXT)
    monkeypatch.setattr("flowengine.cli.reply.PATIENCE", 0.0)
    assert "is flowengine worker running?" in run("post", TEXT, "--text", "for four").stderr
    monkeypatch.setattr("flowengine.cli.reply.PATIENCE", 10.0)
    run("post", TEXT, "--text", "book a table")
    _, service = open_all({**chats, "WEBHOOK_PROTECTION": "never"})
    worker = Worker(service, None)
    threading.Timer(0.2, worker.step).start()
    assert "https://cdn.example.com/closed.jpg" in run("post", TEXT, "--text", "2").stdout


def test_post_of_a_message_without_its_secret_is_refused(
    chats: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CONVERSATION_WEBHOOK_SECRET")
    result = run("post", TEXT)
    assert result.exit_code == 1
    assert result.stderr == "401: the server wants a signature: set CONVERSATION_WEBHOOK_SECRET as it has it\n"


def test_post_says_when_the_store_is_elsewhere(chats: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWENGINE_STORE", "sqlite:///elsewhere.db")
    result = run("post", TEXT)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "the reply cannot be shown here" in result.stderr
    assert not Path("elsewhere.db").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((TEXT, "--call", "x"), "--call has nowhere to go; --text writes another message"),
        ((ICE, "--text", "x"), "the file is no message, so --text has nowhere to go"),
        ((str(ROOT / "examples/webhooks/delivered.json"), "--text", "x"), "the file is no message of a contact"),
    ],
)
def test_post_refuses_what_does_not_fit_the_file(words: tuple[str, ...], said: str) -> None:
    result = run("post", *words)
    assert result.exit_code == 2
    assert said in result.output


def test_every_example_is_known_as_a_callback_or_a_webhook() -> None:
    for path in sorted((ROOT / "examples").glob("*/*.json")):
        assert (webhook_in(path.read_bytes()) is not None) == (path.parent.name == "webhooks"), path


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ({"text_message": {"text": "Hello"}}, "Hello"),
        (
            {
                "choice_message": {
                    "text_message": {"text": "Which size?"},
                    "choices": [{"text_message": {"text": "S"}}, {"url_message": {"title": "Chart", "url": "u"}}],
                }
            },
            "Which size?\n[S] [Chart]",
        ),
        (
            {"card_message": {"title": "T", "description": "D", "media_message": {"url": "https://x"}}},
            "T\nD\nhttps://x",
        ),
        ({"location_message": {"coordinates": {}}}, "(location)"),
        (
            {"list_message": {"title": "T", "sections": [{"items": [{"choice": {"title": "One"}}]}]}},
            "T\n[One]",
        ),
    ],
)
def test_a_message_as_it_is_read(message: dict[str, Any], said: str) -> None:
    assert readable({"message": message}) == said


# --- start -----------------------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    flows(tmp_path, table=TABLE, good=GOOD)
    monkeypatch.setenv("FLOWENGINE_STORE", f"sqlite:///{tmp_path}/x.db")
    monkeypatch.setenv("WEBHOOK_PROTECTION", "never")
    return f"sqlite:///{tmp_path}/x.db"


def test_start_writes_to_somebody(store: str) -> None:
    result = run("start", "table", "--to", "+12025550150", "--id", "visit-1")
    assert result.exit_code == 0
    assert re.fullmatch(r"started \(session [0-9a-f]{32}\)\n", result.stdout)
    assert "waits in the outbox. Messages cannot be sent: PROJECT_ID, " in result.stderr
    (row,) = peek.waiting(store) or []
    assert json.loads(row.payload)["identity"] == "12025550150"
    assert "started before; nothing happened" in run("start", "table", "--to", "+12025550150", "--id", "visit-1").stdout
    assert "it begins later" in run("start", "flows/table.yaml", "--to", "+12025550150").stdout


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["tabel", "--to", "+12025550150"], 2, 'there is no flow "tabel"; did you mean "table"?'),
        (["table"], 2, '"to" is missing: the number or identity of the contact'),
        (["table", "--to", "5550150"], 2, '"to" is not a phone number in E.164'),
        (["table", "--to", "+12025550150", "--channel", "SMSS"], 2, 'there is no channel "SMSS"; did you mean "SMS"?'),
        (["table", "--to", "+12025550150", "--input", "x=1"], 2, 'the flow table has no input "x"'),
        (["table", "--to", "+12025550150", "--input", "x"], 2, 'found --input "x"; expected NAME=VALUE'),
        (["good"], 2, "the flow good has no dial state, so it cannot place a call"),
        (["good", "--to", "+12025550150"], 2, "the flow good places a call: give its number with --input, not --to"),
    ],
)
def test_start_says_what_is_wrong_in_a_sentence(store: str, words: list[str], code: int, said: str) -> None:
    result = run("start", *words)
    assert result.exit_code == code
    assert result.output.startswith(f"flowengine: {said}")
    assert len(result.output.splitlines()) == 1


RING = """
flow: ring
channel: voice
inputs: { to: { type: phone } }
cli: "+12025550100"
may_dial: { person: { number: "{{ to }}", countries: [US], per_hour: 3 } }
start: ring
states:
  ring: { dial: { to: person }, on: { answered: greet } }
  greet: { say: Hello., next: end }
"""


@pytest.mark.parametrize("command", ["start", "dial"])
def test_a_voice_flow_is_started_as_it_is_dialled(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    flows(tmp_path, ring=RING)
    with FakeSinch() as sinch:
        for name, value in sinch.env().items():
            monkeypatch.setenv(name, value)
        result = run(command, "ring", "--input", "to=+12025550150")
        assert result.output.startswith("calling (session ")
        assert sinch.callouts[0].svaml["action"]["number"] == "+12025550150"
        assert run(command, "ring", "--input", "to=+442079460000").exit_code == 1


def test_with_credentials_nothing_is_said_to_wait(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeSinch() as sinch:
        for name, value in sinch.env().items():
            monkeypatch.setenv(name, value)
        result = run("start", "table", "--to", "+12025550150")
    assert (result.exit_code, result.stderr) == (0, "")


def test_dial_of_a_flow_of_messages_names_the_command(store: str) -> None:
    result = run("dial", "table")
    assert result.exit_code == 2
    assert "flowengine start table --to +1202… begins it" in result.output


def test_who_has_opted_out_is_not_started(store: str, chats: dict[str, str]) -> None:
    run("post", TEXT, "--text", "STOP")
    app = json.loads(Path(TEXT).read_text())["app_id"]
    result = run("start", "table", "--to", "+12025550142", "--app", app)
    assert result.exit_code == 1
    assert result.output == "flowengine: the contact has opted out of messages; nothing was started\n"


# --- the banner ------------------------------------------------------------------------------------------


def told(folder: Path, *texts: str, **env: str) -> str:
    flows(folder, **{f"flow{number}": text for number, text in enumerate(texts)})
    data = write_artefact(build(["flows"]))
    (folder / "flows.artefact").write_bytes(data)
    given = {"FLOWENGINE_ENV": "development", **env}
    path = str(folder / "flows.artefact")
    return banner(path, Settings.read(given), "sqlite: kept", given, 0.1, "127.0.0.1", 8080, 2)


def test_the_banner_says_which_words_begin_which_flow(tmp_path: Path) -> None:
    doors = (ROOT / "examples/messages/doors.yaml").read_text()
    lines = told(tmp_path, doors, GOOD).splitlines()
    assert "messages  POST /conversation    also /webhook/conversation" in lines
    rows = [line.split() for line in lines]
    assert ["hello,", "hi", "doors", "flows/flow0.yaml:7"] in rows
    assert any(line.strip().startswith("news (SMS, WHATSAPP, to +12025550100)") for line in lines)
    assert any(line.strip().startswith("link spring*") for line in lines)
    assert "outbound  doors  flowengine start doors --to +1202…" in lines
    assert not any("begin nothing" in line for line in lines)


def test_the_banner_of_calls_alone_has_no_word_of_messages(tmp_path: Path) -> None:
    shown = told(tmp_path, GOOD)
    assert "/conversation" not in shown
    assert "examples/webhooks" not in shown
    assert "Messages" not in shown


def test_the_banner_of_messages_alone_has_no_word_of_calls(tmp_path: Path) -> None:
    shown = told(tmp_path, TABLE)
    assert "/voice" not in shown
    assert "other words begin nothing and are not answered" in shown
    assert "missing   Messages cannot be sent: PROJECT_ID, PROJECT_ID_API_KEY, " in shown
    known = {"PROJECT_ID": "p", "PROJECT_ID_API_KEY": "k", "PROJECT_ID_API_SECRET": "s", "CONVERSATION_APP_ID": "a"}
    assert "missing" not in told(tmp_path, TABLE, **known)


def test_the_banner_says_that_a_mode_is_unknown(tmp_path: Path) -> None:
    assert "WEBHOOK_PROTECTION is none of never, deploy or always" in told(tmp_path, GOOD, WEBHOOK_PROTECTION="nevr")


def test_messages_are_not_served_unchecked_by_accident(tmp_path: Path) -> None:
    env = {"FLOWENGINE_ENV": "production", "VOICE_APPLICATION_KEY": KEY, "VOICE_APPLICATION_SECRET": SECRET}
    with pytest.raises(Refusal, match="CONVERSATION_WEBHOOK_SECRET is not set"):
        told(tmp_path, TABLE, **env)


# --- post: calls -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("svaml", "said"),
    [
        (
            {
                "action": {
                    "name": "runMenu",
                    "menus": [
                        {
                            "id": "main",
                            "mainPrompt": "#tts[Press 1.]",
                            "options": [{"dtmf": "1", "action": "return(sales)"}],
                        }
                    ],
                }
            },
            "a menu: 1 sales “Press 1.”",
        ),
        ({"action": {"name": "connectPstn", "number": "+12025550111"}}, "the caller is connected to +12025550111"),
        ({"action": {"name": "park", "holdPrompt": "music.wav"}}, "the caller is parked: (file music.wav)"),
        (
            {"instructions": [{"name": "answer"}, {"name": "startRecording"}], "action": {"name": "continue"}},
            "the caller is recorded, then the call goes on",
        ),
    ],
)
def test_an_answer_in_one_sentence(svaml: dict[str, Any], said: str) -> None:
    assert in_short(svaml) == said


def test_the_example_callbacks_are_one_call() -> None:
    from flowengine.callbacks import read

    files = {path.stem: path for path in (ROOT / "examples/callbacks").glob("*.json")}
    assert set(files) == {"ice", "ace", "pie", "dice", "notify"}
    found = {name: read(path.read_bytes()) for name, path in files.items()}
    assert {name: each.event for name, each in found.items()} == {name: name for name in files}
    assert len({each.call_id for each in found.values()}) == 1


# --- completion ------------------------------------------------------------------------------------------


def test_a_shell_completes_flows_and_states(tmp_path: Path) -> None:
    import click

    from flowengine.cli.finding import complete_flow, complete_state

    flows(tmp_path, good=GOOD, wrong=WRONG)
    context = click.Context(click.Command("graph"))
    parameter = click.Option(["--around"])
    assert complete_flow(context, parameter, "g") == ["good"]
    context.params["flow"] = "wrong"
    assert complete_state(context, parameter, "") == ["bye"]
