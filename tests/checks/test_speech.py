"""Rules about what a caller hears."""

from __future__ import annotations

import pytest
from telling import flow_of, messages, told

from flowengine.checks import check_flows
from flowengine.checks.unlistened_key import named_keys
from flowengine.graph import Book


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        ("For sales press 1, for service press 2.", "12"),
        ("Press 1 or 2.", "12"),
        ("Press 1, 2 or 3 now.", "123"),
        ("Press the hash key to end, or star to begin.", "#"),
        ("then press #.", "#"),
        ("Press one for sales.", "1"),
        ("För sälj tryck 1, för att höra igen tryck på stjärna.", "1*"),
        ("Para ventas, marque 1; pulse la tecla 2.", "12"),
        ("Pour les ventes, tapez 3 ou appuyez sur la touche 4.", "34"),
        ("Für Deutsch drücken Sie 5.", "5"),
        ("Press 4 digits.", ""),
        ("Press 10 to win.", ""),
        ("Press 2 times.", ""),
        ("Press on, we open at 9.", ""),
        ("You have 3 messages in the press room.", ""),
        ("Press 1, 24 hours a day.", "1"),
        ("Express 3 is late.", ""),
        ("Press any key.", ""),
    ],
)
def test_the_keys_that_words_name(words: str, keys: str) -> None:
    assert "".join(key for key, _, _ in named_keys(words)) == keys


def test_keys_in_a_repeat_prompt_and_in_the_words_before() -> None:
    text = """\
        start: main
        states:
          main:
            say: Press 7 for nothing.
            menu: { prompt: Press 1., repeat_prompt: "Sorry, press 1 or 3.", choices: { bye: 1 } }
            on: { timeout: bye, invalidinput: bye }
          bye: { say: Press 5 next time., next: end }
        """
    found = told("unlistened-key", text)
    assert [each.message[:26] for each in found] == ["the prompt names the key 7", "the prompt names the key 3"]


def test_any_key_ends_a_voicemail_unless_it_says_otherwise() -> None:
    text = """\
        start: closed
        recordings: { to: "s3://a/b", credentials: "{{ secret.R }}" }
        states:
          closed: { say: Then press the hash key., voicemail: { max: 60s%s }, on: { recorded: end } }
        """
    assert messages("unlistened-key", text % "") == []
    assert messages("unlistened-key", text % ", keys: '#'") == []
    assert len(messages("unlistened-key", text % ", keys: 1")) == 1


@pytest.mark.parametrize(
    ("prompt", "count"),
    [
        ("Please wait [or not].", 1),
        ("Listen to #href[x", 1),
        ("{{ order.lines[0] }} of {{ order['a]'] }}", 0),
        ("A; B", 0),
        ("Room #5", 0),
    ],
)
def test_words_that_would_leave_their_prompt(prompt: str, count: int) -> None:
    text = (
        f'start: a\nvariables: {{ order: {{ type: record, default: "{{}}" }} }}\n'
        f'states: {{ a: {{ say: "{prompt}", next: end }} }}\n'
    )
    assert len(messages("prompt-escape", text)) == count


def test_raw_prompts_with_values() -> None:
    text = """\
        start: a
        variables: { name: { type: text, default: x } }
        states:
          a: { svaml: { action: { name: park, holdPrompt: "#tts[{{ name }}%s" } }, on: { disconnected: end } }
        """
    assert messages("prompt-escape", text % "]") == []
    assert messages("prompt-escape", text % "] and more") == ["this is not a list of prompts"]
    assert messages("raw-svaml", text % "]") == []


@pytest.mark.parametrize(
    ("markup", "fine"),
    [
        ("One <break time='1s'/> two", True),
        ("<speak>One {{ name }}</speak>", True),
        ("<p title='{{ name }}'>å</p>", True),
        ("Tom & Jerry", False),
        ("<b>One</i>", False),
        ("<!DOCTYPE x [ <!ENTITY a 'b'> ]>", False),
        ("<![CDATA[x]]>", False),
        ("a < b", False),
    ],
)
def test_markup(markup: str, fine: bool) -> None:
    text = (
        f"start: a\nvariables: {{ name: {{ type: text, default: x }} }}\n"
        f'states: {{ a: {{ say: {{ ssml: "{markup}" }}, next: end }} }}\n'
    )
    assert (messages("ssml", text) == []) == fine


def test_speech_is_summed_over_the_longest_run() -> None:
    half = "word " * 110
    text = f"""\
        start: a
        states:
          a: {{ say: "{half}", next: b }}
          b: {{ hours: office, on: {{ open: c, closed: d }} }}
          c: {{ say: "{half}", next: end }}
          d: {{ menu: {{ prompt: "{half}", choices: {{ bye: 1 }} }}, on: {{ else: bye }} }}
          bye: {{ say: "{half}", next: end }}
        calendars: {{ office: {{ timezone: UTC, open: {{ mon: 09:00-17:00 }} }} }}
        """
    found = told("speech-length", text)
    assert [each.state for each in found] == ["a"]
    assert found[0].severity == "warning"
    assert "on the run a > b > " in found[0].message


def test_a_handler_counts_with_the_run_that_it_begins() -> None:
    half = "word " * 110
    text = f"""\
        start: a
        states:
          a: {{ menu: {{ prompt: Press 1., choices: {{ b: 1 }} }}, on: {{ b: {{ say: "{half}", to: b }}, else: end }} }}
          b: {{ say: "{half}", next: end }}
        """
    assert len(told("speech-length", text)) == 1


def test_more_prompts_than_the_platform_takes() -> None:
    files = ", ".join(f"f{number}.wav" for number in range(40))
    text = f"start: a\nstates:\n  a: {{ play: [{files}], next: b }}\n  b: {{ play: [{files}], next: end }}\n"
    assert [(each.severity, each.state) for each in told("speech-length", text)] == [("error", "a")]


def test_one_prompt_of_a_menu_is_too_long() -> None:
    text = "start: a\nstates: { a: { menu: { prompt: '%s', choices: { end1: 1 } }, on: { end1: end, else: end } } }\n"
    assert messages("speech-length", text % ("x" * 600)) == []
    assert messages("speech-length", text % ("x" * 601)) == ["this prompt has 601 characters; one may have 600"]


def test_a_handlers_prompt_before_a_request() -> None:
    text = """\
        start: a
        states:
          a: { menu: { prompt: Press 1., choices: { b: 1 } }, on: { b: { %s to: b }, else: end } }
          b: { http: { get: https://x.example.com, timeout: 1s%s }, on: { ok: end, error: end } }
        """
    assert len(messages("prompt-order", text % ("say: One moment.,", ""))) == 1
    assert messages("prompt-order", text % ("say: One moment.,", ", wait: false")) == []
    assert messages("prompt-order", text % ("", "")) == []


def test_the_same_deadlines_in_two_turns_are_fine() -> None:
    text = """\
        start: a
        states:
          a: { http: { get: https://x.example.com, timeout: 1s }, on: { ok: b, error: b } }
          b: { menu: { prompt: Press 1., choices: { c: 1 } }, on: { else: end } }
          c: { http: { get: https://x.example.com, timeout: 1s }, on: { ok: end, error: end } }
        """
    assert messages("http-budget", text) == []
    assert len(messages("http-budget", text.replace("timeout: 1s", "timeout: 2s"))) == 2


@pytest.mark.parametrize(
    ("first", "fine"),
    [
        ("[ { pause: 1s }, { pause: 1s }, Hi. ]", True),
        ("[ { pause: 1s }, Hi. ]", False),
        ("{ ssml: \"<break time='2500ms'/>Hi.\" }", True),
        ("{ ssml: \"<break time='1s'/>Hi.\" }", False),
        ("{ play: hi.wav }", False),
    ],
)
def test_silence_before_a_message_for_a_machine(first: str, fine: bool) -> None:
    text = f"""\
        start: ring
        cli: "+12025550100"
        triggers: [ {{ start: api }} ]
        may_dial: {{ you: {{ number: "+12025550111" }} }}
        states:
          ring: {{ dial: {{ to: you, amd: sync }}, on: {{ human: end, machine: pick, disconnected: end }} }}
          pick: {{ random: {{ x: 1, y: 1 }}, on: {{ x: leave, y: end }} }}
          leave: {{ say: {first}, next: end }}
        """
    assert (messages("amd-greeting", text) == []) == fine


@pytest.mark.parametrize(
    ("words", "fine"),
    [("Call [name] back", False), ("TODO", False), ("lorem ipsum dolor", False), ("xxx", True), ("Todos bien", True),
     ("5 < 6 > 4", True), ("<your company>", False), ("{{ '<b>' }}", True)],
)  # fmt: skip
def test_placeholders(words: str, fine: bool) -> None:
    text = f'start: a\nstates: {{ a: {{ say: "{words}", next: end }} }}\n'
    assert (messages("placeholder", text) == []) == fine


@pytest.mark.parametrize(
    ("file", "severities"),
    [
        ("hello.wav", []),
        ("https://cdn.example.com/a.mp3", []),
        ("https://cdn.example.com/{{ call.language }}.mp3", []),
        ("{{ call.custom }}", []),
        ("welcome", []),
        ("http://cdn.example.com/a.mp3", ["warning"]),
        ("https://cdn.example.com/a b.mp3", ["error"]),
        ("a;b.wav", ["error"]),
        ("../a.wav", ["error"]),
        ("musik", ["warning"]),
    ],
)
def test_files(file: str, severities: list[str]) -> None:
    text = f'start: a\nsounds: {{ music: hold.wav }}\nstates: {{ a: {{ play: ["{file}", music], next: end }} }}\n'
    assert [each.severity for each in told("sounds", text)] == severities


def test_wordings() -> None:
    text = (
        "start: a\nlanguages: [en-US, es-ES]\n"
        "states: { a: { say: { en-US: Hi., es-ES: Hola., sv-SE: Hej. }, next: end } }\n"
    )
    assert messages("missing-wording", text) == ["nobody hears the words in sv-SE: the flow does not list the language"]
    assert messages("missing-wording", text.replace("en-US: Hi., es-ES: Hola., sv-SE: Hej.", "say: Hi.")) == []


def test_a_language_menu_offers_what_the_flow_speaks() -> None:
    text = """\
        start: a
        languages: [en-US, es-ES]
        states:
          a: { menu: { template: language%s }, on: { chosen: end, timeout: end, invalidinput: end } }
        """
    assert messages("language", text % "") == []
    found = told("language", text % ", languages: [en-US, sv-SE]")
    assert [each.message for each in found] == ['"sv-SE" is none of the flow\'s languages']


def test_an_answer_that_is_read_as_a_fact_is_not_dropped() -> None:
    text = """\
        start: a
        states:
          a: { collect: { prompt: Code?, digits: 4 }, on: { digits: b, else: end } }
          b: { route: [ { when: menu.value == "1234", to: end }, { else: a } ] }
        """
    assert messages("dropped-answer", text) == []


def test_a_menu_template_is_told_once() -> None:
    text = (
        "start: a\n"
        'states: { a: { menu: { template: business, company: "{{ nobody }}" }, on: { chosen: end, else: end } } }\n'
    )
    assert len(told("unknown-variable", text)) == 1
    flow = flow_of(text)
    assert [each for each in check_flows(Book({"line": flow})) if each.rule == "unlistened-key"] == []
