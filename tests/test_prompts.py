"""Whatever a text holds, it becomes exactly one prompt."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from html import unescape

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flowengine import prompts

NASTY = st.text(
    alphabet=st.one_of(
        st.sampled_from("[];#{}<>&%\"'\\/ \n\x00\x1b\u202e\u2066\u200f\ue000\ue001\ud800\udfff"),
        st.sampled_from(["#tts[", "#href[", "]"]).map(lambda word: word[0]),
        st.characters(),
    ),
    max_size=60,
)
ATTACK = "x];#href[https://evil.example/a.wav];#tts["


def hostile() -> st.SearchStrategy[str]:
    openers = st.sampled_from([ATTACK, "#tts[", "];#href[https://e.example/x];", "#SSML [", "{{7*7}}", "]]>", ""])
    return st.lists(st.one_of(openers, NASTY), max_size=4).map("".join)


@settings(max_examples=3000, deadline=None)
@given(hostile())
@example(ATTACK)
def test_text_stays_one_spoken_prompt(text: str) -> None:
    (one,) = prompts.parse(prompts.tts(text))
    assert one == ("tts", prompts.plain(text))
    assert not prompts.opens_prompt(prompts.plain(text))
    one[1].encode()


@settings(max_examples=2000, deadline=None)
@given(hostile())
@example(ATTACK)
def test_a_value_stays_inside_its_markup(text: str) -> None:
    value = prompts.escape_xml(text)
    markup = f'<speak><sub alias="{value}">{value}</sub></speak>'
    ((kind, body),) = prompts.parse(prompts.ssml(markup))
    assert kind == "ssml"
    root = ElementTree.fromstring(body.encode("utf-8", "xmlcharrefreplace")) if legal_xml(body) else None
    if root is not None:
        assert [each.tag for each in root.iter()] == ["speak", "sub"]
        assert root[0].text == (prompts.plain(text) or None)
        assert root[0].attrib == {"alias": prompts.plain(text)}


def legal_xml(text: str) -> bool:
    return not any(ord(each) in (0xFFFE, 0xFFFF) for each in text)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(hostile().map(prompts.tts), st.sampled_from(["hold.wav", "#href[https://x.example/a.wav]"]))))
def test_prompts_in_a_row_keep_count_and_order(parts: list[str]) -> None:
    if not parts:
        return
    apart = [prompts.parse(part)[0] for part in parts]
    assert prompts.parse(prompts.joined(parts)) == apart


def test_clean() -> None:
    assert prompts.clean(" a\x00b\n\n c\t\u202ed\ue000\ud800 e\u200f ") == "ab c d e"
    assert prompts.clean("Åsa från Ōsaka 🎉") == "Åsa från Ōsaka 🎉"
    assert prompts.clean("plain ascii") == "plain ascii"


def test_tts_says_brackets_and_semicolons_in_other_words() -> None:
    assert prompts.tts("Press # [now]; or 1") == "#tts[Press # (now), or 1]"
    assert prompts.tts("") == "#tts[]"


def test_ssml_wraps_and_escapes_brackets() -> None:
    assert prompts.ssml("<p>Hi</p>") == "#ssml[<speak><p>Hi</p></speak>]"
    ((_, body),) = prompts.parse(prompts.ssml("<speak>a [b] &amp; c; d</speak>"))
    assert unescape(body) == "<speak>a [b] & c; d</speak>"


def test_escape_xml() -> None:
    assert prompts.escape_xml("<b> & \"c\" 'd' [e];") == "&lt;b&gt; &amp; &quot;c&quot; &apos;d&apos; (e),"


@pytest.mark.parametrize("url", ["https://sounds.example.com/a.wav", "http://sounds.example.com:8000/a?b=c&d=%20#e"])
def test_href(url: str) -> None:
    assert prompts.parse(prompts.href(url)) == [("href", url)]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "sounds.example.com/a.wav",
        "ftp://x.example/a",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https://",
        "https:///a.wav",
        "https://:80/a",
        "https://x.example/a].wav",
        "https://x.example/a;b",
        "https://x.example/[a",
        "https://x.example/a b",
        "https://x.example/a\n",
        "https://x.example/å",
        "https://good.example@evil.example/a",
        'https://x.example/"',
        "https://[::1]/a",
    ],
)
def test_href_refuses(url: str) -> None:
    with pytest.raises(ValueError):
        prompts.href(url)


def test_file() -> None:
    assert prompts.parse(prompts.file("my sound-1.wav")) == [("file", "my sound-1.wav")]


@pytest.mark.parametrize(
    "name", ["", " a", "a ", "a;b", "#a", "a[b", "a]", "a/b", "..\\a", "a\nb", "a\x00", "https://x"]
)
def test_file_refuses(name: str) -> None:
    with pytest.raises(ValueError):
        prompts.file(name)


def test_silence() -> None:
    assert prompts.silence(1.5) == '#ssml[<speak><break time="1500ms"/></speak>]'
    assert prompts.silence(25).count("<break") == 3
    assert prompts.silence(20).count("<break") == 2
    for seconds in (0, -1, 601, float("nan"), float("inf")):
        with pytest.raises(ValueError):
            prompts.silence(seconds)


def test_split_prefers_sentences_then_words() -> None:
    assert prompts.split("") == []
    assert prompts.split("Short.") == ["Short."]
    assert prompts.split("One two. Three four five", 12) == ["One two.", "Three four", "five"]
    assert prompts.split("Dr. A said: go. Now", 15) == ["Dr. A said: go.", "Now"]
    assert prompts.split("abcdefghij", 4) == ["abcd", "efgh", "ij"]
    assert prompts.split("你好。再见。", 3) == ["你好。", "再见。"]
    assert prompts.split("costs 3.50 now", 8) == ["costs", "3.50 now"]


@settings(max_examples=500, deadline=None)
@given(st.text(alphabet="ab .!?。\n", max_size=300), st.integers(1, 40))
def test_split_loses_nothing_but_white_space(text: str, limit: int) -> None:
    pieces = prompts.split(text, limit)
    assert all(0 < len(each) <= limit for each in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())


@pytest.mark.parametrize(
    "text",
    [
        "",
        ";",
        "a;",
        ";a",
        "a;;b",
        "#tts[a",
        "#tts[a]b",
        "a#tts[b]",
        "#TTS[a]",
        "#tts [a]",
        "#mp3[a]",
        "#tts[a[b]]",
        "#tts[a]];#tts[b]",
        "https://x.example/a.wav",
        "a\nb",
        "#",
        "]",
        "#tts[a] ;b",
    ],
)
def test_parse_refuses(text: str) -> None:
    with pytest.raises(ValueError):
        prompts.parse(text)


def test_parse_reads_every_kind() -> None:
    text = "#tts[Hi; there];#ssml[<speak>a&amp;b</speak>];#href[https://x.example/y.wav];bye now.wav"
    assert prompts.parse(text) == [
        ("tts", "Hi; there"),
        ("ssml", "<speak>a&amp;b</speak>"),
        ("href", "https://x.example/y.wav"),
        ("file", "bye now.wav"),
    ]


def test_author_escape() -> None:
    assert prompts.author_escape("Press # to finish, or 1; bye") is None
    assert prompts.author_escape("a [note") is None
    assert '"]"' in (prompts.author_escape("a] b") or "")
    for opener in ("#tts[", "#ssml[", "#href[", "#HREF ["):
        assert opener in (prompts.author_escape(f"now {opener}x") or "")


@pytest.mark.parametrize(
    ("string", "words"),
    [
        ("#tts[Hello there.]", "Hello there."),
        ("#tts[One.];#tts[Two.]", "One. Two."),
        ("#tts[One.];#href[https://example.com/a.wav];bye.wav", "One. https://example.com/a.wav bye.wav"),
        ('#ssml[<speak>Wait<break time="2s"/>here</speak>]', "Wait here"),
        ("#ssml[<speak><emphasis>Hello</emphasis>, <prosody rate='slow'>An</prosody>na.</speak>]", "Hello, Anna."),
        ('#ssml[<speak><break time="2s"/></speak>]', ""),
        (prompts.ssml(f"<p>{prompts.escape_xml('Tom & Jerry')}</p>"), "Tom & Jerry"),
        ("https://example.com/bare.wav", "https://example.com/bare.wav"),
        ("", ""),
    ],
)
def test_what_is_heard_of_prompts(string: str, words: str) -> None:
    assert prompts.spoken(string) == words


@given(NASTY)
def test_whatever_is_said_is_heard_again(text: str) -> None:
    assert prompts.spoken(prompts.tts(text)) == prompts.plain(text)
