"""Rules about what a flow reaches: servers, people, files."""

from __future__ import annotations

import pytest
from telling import messages, told, underlined

from flowengine.checks.unknown_function import names


@pytest.mark.parametrize(
    "url",
    [
        "https://crm.example.com/{{ call.id }}?x={{ call.cli }}",
        "https://{{ env.CRM_HOST }}/callers",
        "{{ env.CRM_HOST }}/callers",
        "https://{{ crm }}/callers",
        "{{ secret.CRM }}",
        "https://crm.example.com/{{ secret.PATH }}",
    ],
)
def test_hosts_that_are_fixed(url: str) -> None:
    assert messages("http-host", _http(f'get: "{url}"')) == []


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://{{ call.custom }}/x", 'the host depends on "call.custom"'),
        ("https://a.{{ call.custom }}.example.com/x", 'the host depends on "call.custom"'),
        ("https://crm.example.com{{ call.custom }}", 'the host depends on "call.custom"'),
        ("{{ call.custom }}", 'the host depends on "call.custom"'),
        ("https://{{ secret.HOST }}/x", 'the host is only partly "secret.HOST"'),
        ("https://{{ secret.USER }}@crm.example.com/x", 'the host is only partly "secret.USER"'),
        ("https://127.0.0.1/x", "the host is an IP address; name the host"),
        ("https:///x", "the address has no host"),
        ("crm.example.com/x", "an http step needs an address that begins with https:// or http://"),
    ],
)
def test_hosts_that_are_not(url: str, said: str) -> None:
    assert messages("http-host", _http(f'get: "{url}"')) == [said]


def _http(request: str) -> str:
    return f"start: a\nstates: {{ a: {{ http: {{ {request}, timeout: 1s }}, on: {{ ok: end, error: end }} }} }}\n"


def test_places_for_secrets() -> None:
    everywhere = (
        'post: "{{ secret.A }}", headers: { X: "{{ secret.B }}" }, query: { q: "{{ secret.C }}" },'
        ' json: { a: [ "{{ secret.D }}" ] }, save: { t: "{{ response.t }}" }'
    )
    text = "variables: { t: { type: text, default: x } }\n" + _http(everywhere)
    assert messages("secret-place", text) == []
    assert messages("secret-place", text.replace("response.t", "secret.E")) == ['"secret.E" cannot stand here']
    assert underlined(
        "secret-place", 'start: a\nstates: { a: { do: [ { log: "x {{ secret.A }}" } ], next: end } }\n'
    ) == ["secret.A"]


@pytest.mark.parametrize(
    ("credentials", "fine"),
    [("{{ secret.R }}", True), ("{{secret.R}}", True), ("key:word:eu", False), ("x{{ secret.R }}", False),
     ("{{ env.R }}", False), ("{{ secret.R }}{{ secret.S }}", False)],
)  # fmt: skip
def test_credentials_are_one_whole_secret(credentials: str, fine: bool) -> None:
    shared = (
        f'start: a\nrecordings: {{ to: "s3://a/b", credentials: "{credentials}" }}\n'
        f"states: {{ a: {{ say: Hi., next: end }} }}\n"
    )
    assert (messages("secret-place", shared) == []) == fine
    own = (
        f"start: a\n"
        f'states: {{ a: {{ do: [ {{ record: {{ to: "s3://a/b", credentials: "{credentials}" }} }} ], next: end }} }}\n'
    )
    assert (messages("secret-place", own) == []) == fine
    assert messages("recording-storage", own) == []


DIAL = """\
start: a
may_dial:
  sales: { number: "+12025550111" }
  any: { number: "{{ call.custom }}", countries: [SE] }
  desk: { sip: desk@voip.example.com }
  ann: { user: ann }
  audio: { stream: "wss://audio.example.com/x" }
states: { a: %s }
"""


@pytest.mark.parametrize(
    ("number", "fine"),
    [("+12025550111", True), ("+46701234567", True), ("+12025550199", False), ("{{ call.custom }}", True)],
)
def test_raw_destinations(number: str, fine: bool) -> None:
    state = f'{{ svaml: {{ action: {{ name: connectPstn, number: "{number}" }} }}, on: {{ disconnected: end }} }}'
    assert (messages("may-dial", DIAL % state) == []) == fine


@pytest.mark.parametrize(
    ("settings", "severities"),
    [
        ("to: sales, dial_timeout: 20s, amd: sync, indications: se", []),
        ("to: sales, call_headers: { X-A: b }", ["warning"]),
        ("to: sales, transport: TLS, moh: music1", ["warning", "warning"]),
        ("to: desk, transport: TLS, moh: music1, call_headers: { X-A: b }", []),
        ("to: desk, call_headers: { A: b }", ["warning"]),
        ("to: desk, dial_timeout: 20s", ["warning"]),
        ("to: ann, call_headers: { A: b }", []),
        ("to: ann, max_duration: 60s", ["warning"]),
        ("to: audio, streaming: { version: 1 }, max_duration: 60s", []),
        ("to: sales, amd: sync, suppress_callbacks: true", ["error"]),
        ("to: ann, call_headers: { A: '" + "x" * 1024 + "' }", ["error"]),
        ("to: nobody, transport: TLS", []),
    ],
)
def test_settings_and_destinations(settings: str, severities: list[str]) -> None:
    found = told("connect-settings", DIAL % f"{{ connect: {{ {settings} }} }}")
    assert [each.severity for each in found] == severities


def test_a_default_for_all_is_not_a_setting_of_one() -> None:
    text = "defaults: { dial_timeout: 20s }\n" + DIAL % "{ connect: { to: desk } }"
    assert messages("connect-settings", text) == []


def test_a_recording_earlier_in_the_run_is_ignored_too() -> None:
    text = """\
        start: a
        recordings: { to: "s3://a/b", credentials: "{{ secret.R }}" }
        may_dial: { ann: { user: ann } }
        states:
          a: { do: [ { record: start } ], next: b }
          b: { say: Hello., next: c }
          c: { connect: { to: ann } }
        """
    assert messages("record-ignored", text) == [
        'the recording that begins in "a" is ignored: this connects an app user'
    ]
    assert messages("record-ignored", text.replace("record: start", "record: stop")) == []


def test_cookies_of_one_key_replace_each_other() -> None:
    text = "start: a\nstates:\n  a: { do: [ { cookie: { key: k, value: '%s' } } ], next: b }\n" % ("x" * 700)
    text += "  b: { do: [ { cookie: { key: %s, value: '%s' } } ], next: end }\n"
    assert messages("cookie-size", text % ("k", "y" * 800)) == []
    assert messages("cookie-size", text % ("l", "y" * 800)) == [
        "with this the cookies of a call may have 1,502 bytes; 1,024 are allowed"
    ]


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ("{ name: connectConf, conferenceId: '{{ call.to }}' }", []),
        ("{ name: runMenu, menus: [ { id: main, options: [] } ] }", ["runMenu.menus.0.options"]),
        ("{ name: runMenu, enableVoice: true, menus: [ { id: main } ] }", ["runMenu"]),
        ("{ name: runMenu, menus: [ { id: main }, { id: main } ] }", ['two menus have the id "main"', "runMenu.menus"]),
        (
            "{ name: runMenu, menus: [ { id: main, options: [ { dtmf: 1, action: return(a) },"
            " { dtmf: 1, action: return(b) } ] } ] }",
            ["key 1 is there twice"],
        ),
    ],
)
def test_raw_actions(action: str, said: list[str]) -> None:
    text = f"start: a\nstates: {{ a: {{ svaml: {{ action: {action} }}, on: {{ else: end }} }} }}\n"
    found = sorted(messages("raw-svaml", text))
    assert [each.split(" is not what")[0] for each in found] == sorted(said)


def test_raw_speech_needs_a_language() -> None:
    text = (
        "start: a\n"
        "states: { a: { svaml: { instructions: [ { name: playFiles, ids: [ '#tts[{{ call.id }}]' ]%s } ],"
        " action: { name: hangup } } } }\n"
    )
    assert len(messages("raw-svaml", text % "")) == 1
    assert messages("raw-svaml", text % ", locale: en-US") == []


def test_clashes() -> None:
    other = (
        "triggers: [ { to: '+12025550100' }, { any: true }, { start: api } ]\nstart: a\n"
        "states: { a: { say: Hi., next: end } }\n"
    )
    mine = (
        "triggers: [ { to: '+12025550100' }, { any: true }, { start: api } ]\nstart: a\n"
        "states: { a: { say: Hi., next: end } }\n"
    )
    found = told("trigger-clash", mine, others={"a_line": other})
    assert [each.message.split(",")[0] for each in found] == [
        '"line" takes calls to +12025550100',
        '"line" takes all other calls',
    ]
    assert all('"a_line" takes them already, on line 3 of a_line.yaml' in each.message for each in found)
    assert told("trigger-clash", mine, others={"z_line": other}) == []


def test_one_flow_that_claims_a_number_twice() -> None:
    text = (
        "triggers: [ { to: '+12025550100' }, { to: '+12025550100' } ]\nstart: a\n"
        "states: { a: { say: Hi., next: end } }\n"
    )
    assert len(told("trigger-clash", text)) == 1


def test_functions_are_found_without_running_anything() -> None:
    text = """
import flowengine.functions as f
from flowengine.functions import function

@function
def one(): raise SystemExit

@f.function
def two(): ...

def three(): ...

raise SystemExit
"""
    assert names(text) == {"one", "two"}
    assert names("") == set()
    assert names("def (") is None
