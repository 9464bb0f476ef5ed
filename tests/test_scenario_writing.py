"""What is written reads the same again, and nothing else in a file changes."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scenario_texts import WHOLE, complaints, suite, told

from flowengine.model import CHANNELS
from flowengine.project import UsageError
from flowengine.scenarios.lines import said
from flowengine.scenarios.model import ACTS, NEGATED, NOW, OBSERVATIONS, WORDS, Answer, Scenario, Server, Step, Suite
from flowengine.scenarios.updating import NotAlone, replaced
from flowengine.scenarios.values import CALLEE, NOTICES
from flowengine.scenarios.writing import (
    appended,
    duration,
    insert_scenario,
    same_steps,
    scenario_text,
    step_text,
    suite_text,
)
from flowengine.units import seconds

# --- writing ----------------------------------------------------------------------------------------------

AWKWARD = [
    "", " ", "a", "true", "null", "~", "no", "12", "0123", "1.50", "1e5", "-1", "+12025550142", "2026-11-24", "10:00",
    "a: b", "a:b", "a #b", "a#b", "#", "- a", "-", "?", "? a", "[a]", "{a}", "a, b", "a]", "'a'", '"a"', "*a", "&a",
    "!a", "%a", "@a", "`a`", "|", ">", "a\nb", "a\n b\n", "\na", "a\n\n\nb", "a\n\n", " a\nb", "a\tb", "\t", "\u2028",
    "\x85", "\ufeff", "\u202e", "\U0001f600 hello", "ünï çødé", "---", "...", "<<", "=", "a\\b", "\x00", "\r\n", "/a/",
    "https://a.example/x?y=1&z=[2]", "*#", "a ", "key:", "{{ x }}", "a:\nb", "x\n# no comment\ny", "\xa0x",
]  # fmt: skip
text = st.one_of(st.sampled_from(AWKWARD), st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
expected = text.filter(lambda each: bool(each.strip()) and not (len(each) > 2 and each[0] == each[-1] == "/"))
keys = st.text("0123456789*#", min_size=1, max_size=12)
number = st.sampled_from(["+12025550142", "+12025550100", "+46701234567"])
name = st.from_regex(r"[a-z][a-z0-9_]{0,10}", fullmatch=True)
scalar = (
    st.none()
    | st.booleans()
    | text
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
)
data = st.recursive(
    scalar, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3), max_leaves=8
)
values = st.dictionaries(
    name, st.none() | text | st.lists(data, max_size=2) | st.dictionaries(text, data, max_size=2), max_size=3
)
channel = st.sampled_from(CHANNELS)
several = st.lists(expected, min_size=1, max_size=3).map(tuple)


def some(*required: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Mappings with the required fields and some of the others, at least one."""
    needed = {each: fields[each] for each in required}
    rest = {each: fields[each] for each in fields if each not in required}
    return st.fixed_dictionaries(needed, optional=rest).filter(bool)


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "caller dials": st.none()
    | st.fixed_dictionaries(
        {},
        optional={
            "to": number,
            "from": number | st.just("withheld"),
            "custom": text,
            "headers": st.dictionaries(st.from_regex("[A-Za-z][A-Za-z0-9-]{0,9}", fullmatch=True), text, max_size=2),
        },
    ).filter(bool),
    "flow starts": st.none() | values,
    "presses": keys,
    "speaks": st.sampled_from("0123456789"),
    "callee": st.sampled_from(CALLEE),
    "notify": st.builds(
        lambda kind, more: {**more, "type": kind}, st.sampled_from(NOTICES), st.dictionaries(text, data, max_size=2)
    ),
    "writes": some("text", text=text, channel=channel, **{"from": number}),
    "taps": expected,
    "shares": st.sampled_from(["photo", "location"])
    | some("media", media=expected, text=text)
    | st.fixed_dictionaries(
        {"latitude": st.floats(-90, 90), "longitude": st.floats(-180, 180)}, optional={"title": text}
    ).map(lambda place: {"location": place}),
    "follows link": expected,
    "receipt": st.sampled_from(["delivered", "failed"]),
    "event": some("name", name=name, data=data.filter(lambda each: each is not None)),
    "time passes": st.builds(
        lambda count, unit: seconds(f"{count / 1000:.3f}{unit}"),
        st.integers(0, 600_000) | st.integers(0, 600).map(lambda each: each * 1000),
        st.sampled_from(["ms", "s", "m", "h"]),
    ),
    "hears": expected,
    "reads": some(text=expected, choices=several),
    "asks": some(text=expected, choices=several, keys=st.lists(st.sampled_from("0123456789*#"), min_size=1).map(tuple)),
    "connects to": expected,
    "rings": expected,
    "joins": expected,
    "sends": some(to=number, text=expected, channel=channel),
    "requests": some("url", url=expected, method=st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE"]), json=data),
    "state": name,
    "variables": values,
    "contact": values,
    "svaml": st.dictionaries(text, data, max_size=3),
}


def step_named(word: str) -> st.SearchStrategy[Step]:
    if word == "not":
        return st.sampled_from(list(NEGATED)).flatmap(behind_not)
    return VALUES.get(word, st.none()).map(lambda value: Step(word, value))


def behind_not(word: str) -> st.SearchStrategy[Step]:
    inner = step_named(word)
    if OBSERVATIONS[word].any:
        inner = inner | st.just(Step(word))
    return inner.map(lambda step: Step("not", step))


steps = st.sampled_from(list(WORDS)).flatmap(step_named)


def reread(text: str) -> Step:
    read = suite(f"scenarios:\n  one:\n    steps:\n      - hangs up\n{text}\n")
    assert told(read.problems) == [], text
    first, found = read.scenarios[0].steps
    assert first.word == "hangs up" and found.end == 4 + text.count("\n") + 1, text
    return found


@settings(max_examples=400, deadline=None)
@given(steps)
@example(Step("hears", "a" * 400))
@example(Step("svaml", {"a" * 130: {"b": ["c" * 130, {"d": "e" * 130, "f": []}, ["g" * 130]]}}))
@example(Step("svaml", {"a" * 130: [], "b" * 130: {}}))
def test_a_step_reads_as_it_was_written(step: Step) -> None:
    text = step_text(step, 6)
    found = reread(text)
    assert found.same(step), text


@pytest.mark.parametrize("value", AWKWARD)
def test_awkward_texts_survive_everywhere(value: str) -> None:
    for step in (
        Step("writes", {"text": value}),
        Step("writes", {"text": value, "channel": "SMS"}),
        Step("svaml", {value: value, "list": [value, [value]], "deep": {value: [value]}}),
        Step("variables", {"v": value, "w": [value]}),
    ):
        assert reread(step_text(step, 6)).same(step), step_text(step, 6)


@pytest.mark.parametrize(
    ("step", "text"),
    [
        (Step("caller dials"), "- caller dials"),
        (Step("caller dials", {"to": "+12025550100"}), '- caller dials: "+12025550100"'),
        (Step("caller dials", {"from": "withheld"}), "- caller dials: { from: withheld }"),
        (Step("presses", "2"), "- presses: 2"),
        (Step("presses", "1234"), '- presses: "1234"'),
        (Step("presses", "#"), '- presses: "#"'),
        (Step("hears", "Thank you for calling Acme Corp."), "- hears: Thank you for calling Acme Corp."),
        (Step("hears", "Sales: press 1"), '- hears: "Sales: press 1"'),
        (
            Step("asks", {"text": "Coming?", "choices": ("Yes, please", "No")}),
            '- asks: { text: Coming?, choices: ["Yes, please", "No"] }',
        ),
        (
            Step("reads", {"text": "Which one?\n1. Anna\n2. Ben"}),
            "- reads: |-\n    Which one?\n    1. Anna\n    2. Ben",
        ),
        (
            Step("reads", {"text": "Which one?\n1. Anna", "choices": ("Anna",)}),
            "- reads:\n    text: |-\n      Which one?\n      1. Anna\n    choices: [Anna]",
        ),
        (Step("time passes", 259200.0), "- time passes: 3d"),
        (Step("time passes", 5400.0), "- time passes: 90m"),
        (Step("time passes", 0.8), "- time passes: 800ms"),
        (
            Step("requests", {"method": "POST", "url": "https://a.example/x", "json": {"n": 1, "t": "1"}}),
            '- requests: { post: https://a.example/x, json: { n: 1, t: "1" } }',
        ),
        (Step("requests", {"url": "https://a.example/x"}), "- requests: https://a.example/x"),
        (Step("notify", {"type": "recording_available"}), "- notify: recording_available"),
        (
            Step("variables", {"seats": "4", "tier": "gold", "pin": "0123", "left": None, "word": "null"}),
            '- variables: { seats: 4, tier: gold, pin: "0123", left: null, word: "null" }',
        ),
        (Step("not", Step("hears")), "- not: hears"),
        (Step("not", Step("hears", "Goodbye")), "- not: { hears: Goodbye }"),
        (Step("callee", "no answer"), "- callee: no answer"),
    ],
)
def test_steps_are_written_plainly(step: Step, text: str) -> None:
    assert step_text(step) == text


@given(st.integers(0, 10**10), st.sampled_from(["ms", "s", "m", "h", "d"]))
def test_durations_read_as_they_were_written(count: int, unit: str) -> None:
    value = seconds(f"{count % 10**9 / 1000:.3f}{unit}")
    assert seconds(duration(value)) == value


@pytest.mark.parametrize(("value", "text"), [(10_000_000.0, "166667m"), (0.0001234, "1ms"), (12345678.25, "205762m")])
def test_a_duration_that_cannot_be_written_is_rounded_up(value: float, text: str) -> None:
    assert duration(value) == text


scenarios = st.builds(
    lambda name, now, act, rest, about, env, contact, random, servers: Scenario(
        name,
        suite("scenarios: {}").flow_mark,
        "",
        "front_desk",
        now,
        (act, *rest),
        servers,
        {},
        random,
        contact,
        env,
        about,
    ),
    st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=40).filter(
        lambda name: bool(name.strip())
    ),
    st.integers(0, 4 * 10**9).map(float) | st.just(NOW),
    st.sampled_from(list(ACTS)).flatmap(step_named),
    st.lists(steps, max_size=4),
    text,
    st.dictionaries(st.from_regex("[A-Z][A-Z0-9_]{0,9}", fullmatch=True), text, max_size=2),
    values.filter(lambda each: not {"tags", "number"} & set(each)),
    st.dictionaries(name, name, max_size=2),
    st.lists(
        st.builds(
            Server,
            st.sampled_from(["GET", "POST"]),
            st.sampled_from(["https://a.example/x?y=1", "*", "https://*.example/{a}, b".replace(" ", "")]),
            st.lists(
                st.just(Answer(failure="timeout")) | st.builds(Answer, st.integers(100, 599), data),
                min_size=1,
                max_size=3,
            ).map(tuple),
        ),
        max_size=2,
    ).map(tuple),
)


def same_scenario(one: Scenario, other: Scenario) -> bool:
    blank: dict[str, Any] = {"steps": (), "mark": one.mark, "file": ""}
    return replace(one, **blank) == replace(other, **blank) and same_steps(one.steps, other.steps)


@settings(max_examples=60, deadline=None)
@given(st.lists(scenarios, min_size=1, max_size=3, unique_by=lambda each: each.name))
def test_a_file_reads_as_it_was_written(several: list[Scenario]) -> None:
    text = suite_text("front_desk", several)
    read = suite(text)
    assert told(read.problems) == [], text
    assert len(read.scenarios) == len(several)
    for one, other in zip(read.scenarios, several, strict=True):
        assert same_scenario(one, other), text


def test_a_scenario_is_written_as_people_write_it() -> None:
    gold = suite(WHOLE).scenarios[0]
    read = suite(WHOLE)
    assert scenario_text(gold, 2, read.now, read.servers).split("\n")[:14] == [
        "  gold customers skip the queue:",
        "    about: optional prose",
        "    servers:",
        "      - { post: https://crm.example.com/messages, status: 500 }",
        "      - { get: https://tables.example.com/*, never: true }",
        "      - { get: https://a.example.com/x, in turn: "
        '[{ answers: [1, "1", 1.5, true, "true", null] }, { status: 503 }] }',
        "    functions: { price: { answers: { p: 5 } }, stock: { fails: true } }",
        "    random: { split: b }",
        '    contact: { name: Ann, number: "+12025550142", tags: [vip], visits: 3, left: null }',
        "    env: { GREETING: Good morning }",
        "    steps:",
        "      - caller dials",
        "      - hears: Thank you for calling Acme Corp.",
        "      - asks: For sales press 1",
    ]


# --- inserting --------------------------------------------------------------------------------------------

NEW = Scenario("a new one", suite("scenarios: {}").flow_mark, "", "front_desk", steps=(Step("hangs up"),))


def test_a_scenario_is_appended_and_all_else_stays() -> None:
    result = appended(WHOLE, suite(WHOLE), replace(NEW, now=suite(WHOLE).now))
    assert result == WHOLE.replace("# the end", "\n  a new one:\n    steps:\n      - hangs up\n# the end")


@pytest.mark.parametrize("change", [
    lambda text: text.replace("\n", "\r\n"),
    lambda text: text.removesuffix("\n"),
    lambda text: text.removesuffix("# the end\n"),
    lambda text: text.removesuffix("# the end\n").removesuffix("\n"),
    lambda text: text + "\n\n\n",
    lambda text: "\ufeff" + text,
    lambda text: text.replace("flow: front_desk\n", "") + "flow: front_desk\n",
    lambda text: re.sub(r"^  ", "        ", text, flags=re.MULTILINE),
])  # fmt: skip
def test_other_layouts_take_a_scenario_too(change: Callable[[str], str]) -> None:
    old = change(WHOLE)
    before = suite(old)
    result = appended(old, before, NEW)
    after = suite(result)
    assert after.problems == [] and [each.name for each in after.scenarios][-1] == "a new one"
    assert same_scenario(after.scenarios[-1], replace(NEW, servers=before.servers))
    kept = iter(re.split("\r?\n", result))
    assert all(line in kept for line in re.split("\r?\n", old.rstrip("\r\n")))
    assert result.count("\r\n") in (0, result.count("\n"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("scenarios: { a: { steps: [hangs up] } }", "has its scenarios in { }; write each on lines of its own"),
        (
            "scenarios:\n  a new one: { steps: [hangs up] }\n",
            'front_desk.test.yaml:2 has a scenario "a new one" already',
        ),
        ("flow: other\nscenarios:\n  a: { steps: [hangs up] }\n", "plays the flow other, not front_desk"),
        ("scenarios:\n  a: { steps: [hang up] }\n", 'front_desk.test.yaml:2:16: there is no step "hang up"'),
        ("scenarios:\n  a: { steps: [hangs up] }\n...\n", "does not read as before with the scenario at its end"),
    ],
)
def test_a_file_that_cannot_take_a_scenario_is_told(text: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=re.escape(sentence)):
        appended(text, suite(text), NEW)


def test_a_file_is_made_where_there_is_none(tmp_path: Path) -> None:
    path = tmp_path / "front_desk.test.yaml"
    insert_scenario(path, NEW)
    head = "flow: front_desk\n\nscenarios:\n"
    assert path.read_text() == head + "  a new one:\n    steps:\n      - hangs up\n"
    insert_scenario(path, replace(NEW, name="another: one"))
    assert path.read_text().endswith('- hangs up\n\n  "another: one":\n    steps:\n      - hangs up\n')
    before = path.read_bytes()
    with pytest.raises(UsageError, match="already; give the new one another name"):
        insert_scenario(path, NEW)
    assert path.read_bytes() == before


def test_a_new_file_names_the_schema_only_where_it_lies(tmp_path: Path) -> None:
    (tmp_path / "schema").mkdir()
    (tmp_path / "schema/test.schema.json").touch()
    for folder, named in (("flows", True), ("flows/more", False)):
        (tmp_path / folder).mkdir()
        path = tmp_path / folder / "front_desk.test.yaml"
        insert_scenario(path, NEW)
        head = path.read_text().partition("flow:")[0]
        assert head == ("# yaml-language-server: $schema=../schema/test.schema.json\n" if named else "")


def test_a_new_file_finds_the_schema_where_its_flow_does(tmp_path: Path) -> None:
    base = tmp_path
    (base / "schema").mkdir()
    (base / "schema/test.schema.json").touch()
    tmp_path = base / "a/b"
    tmp_path.mkdir(parents=True)
    (tmp_path / "desk.yaml").write_text("# yaml-language-server: $schema=../../schema/flow.schema.json\nflow: desk\n")
    insert_scenario(tmp_path / "desk.test.yaml", replace(NEW, flow="desk"))
    assert (
        (tmp_path / "desk.test.yaml")
        .read_text()
        .startswith("# yaml-language-server: $schema=../../schema/test.schema.json\n")
    )


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot write .*: No such file or directory"):
        insert_scenario(tmp_path / "no/desk.test.yaml", NEW)


# --- replacing --------------------------------------------------------------------------------------------


def at_line(read: Suite, line: int) -> Step:
    return next(each for scenario in read.scenarios for each in scenario.steps if each.mark.line == line)


def test_steps_are_replaced_and_every_other_byte_stays() -> None:
    read = suite(WHOLE)
    changes = {
        at_line(read, 22): [Step("presses", "3")],
        at_line(read, 23): [Step("hears", "Sorry"), Step("asks", {"text": "Again\nplease"})],
        at_line(read, 30): [Step("presses", "99")],
        at_line(read, 35): [],
        at_line(read, 40): [Step("not", Step("ends"))],
    }
    lines = WHOLE.split("\n")
    wanted = [
        *lines[:21],
        "      - presses: 3",
        "      - hears: Sorry",
        "      - asks: |-",
        "          Again",
        "          please",
        *lines[27:29],
        '      - presses: "99"   # the code',
        *lines[30:34],
        *lines[37:39],
        "      - not: ends",
        *lines[40:],
    ]
    assert replaced(WHOLE, read, changes).split("\n") == wanted


def test_steps_in_brackets_are_not_replaced() -> None:
    read = suite(WHOLE)
    step = read.scenarios[1].steps[1]
    with pytest.raises(NotAlone, match="does not stand on lines of its own") as raised:
        replaced(WHOLE, read, {step: [Step("hears", "x")]})
    assert raised.value.step is step


def test_nothing_is_replaced_in_a_text_that_has_changed() -> None:
    with pytest.raises(ValueError, match="has changed since it was read"):
        replaced(WHOLE + "\n", suite(WHOLE), {})


LAYOUTS: list[Callable[[str], str]] = [
    lambda text: text,
    lambda text: text.replace("\n", "\r\n"),
    lambda text: text.removesuffix("\n"),
    lambda text: "\ufeff" + text,
]


@settings(max_examples=80, deadline=None)
@given(st.lists(steps, min_size=1, max_size=5), st.sampled_from(LAYOUTS), st.data())
def test_any_step_may_be_replaced_by_any_others(
    written: list[Step], layout: Callable[[str], str], drawn: st.DataObject
) -> None:
    body = "\n".join(step_text(each, 6) for each in written)
    text = layout(f"scenarios:\n  one:\n    steps:\n      - hangs up  # first\n{body}\n")
    read = suite(text)
    assert told(read.problems) == []
    old = read.scenarios[0].steps
    changed = drawn.draw(st.sets(st.sampled_from(old[1:])))
    changes = {each: drawn.draw(st.lists(steps, max_size=2)) for each in changed}
    result = replaced(text, read, changes)
    after = suite(result)
    assert told(after.problems) == []
    assert same_steps(after.scenarios[0].steps, [new for each in old for new in changes.get(each, [each])])
    if not changes:
        assert result == text


@pytest.mark.parametrize(
    ("lines", "meant"),
    [
        (["- hears: a"], {"hears": "a"}),
        (["- hears: 'a", "  b'"], {"hears": "a b"}),
        (["- a", "- b"], None),
        (["- hears: 'a"], None),
        (["a: b"], None),
    ],
)
def test_lines_say_what_they_say(lines: list[str], meant: object) -> None:
    assert said(lines) == meant


@settings(max_examples=200, deadline=None)
@given(steps)
def test_the_schema_takes_every_step_that_is_written(step: Step) -> None:
    text = f"scenarios:\n  one:\n    steps:\n      - hangs up\n{step_text(step, 6)}\n"
    assert complaints(text) == [], text
