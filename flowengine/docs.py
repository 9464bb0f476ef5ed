"""The generated parts of ``docs/``: ``python -m flowengine.docs`` writes them, a test notices when they lag.

``docs/rules.md`` and ``docs/cli.md`` are generated whole; in the other pages what stands between
``<!-- generated: NAME -->`` and ``<!-- end -->``.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flowengine.fields import Duration, Field, ListOf, MapOf, OneOf, Record, Type
from flowengine.instructions import INSTRUCTIONS, Instruct
from flowengine.problems import listed
from flowengine.properties.base import Described, Property
from flowengine.schema import EVENTS, documentation, example, is_open, kind_outcomes, prose
from flowengine.states import KINDS, Kind
from flowengine.states.base import Outcome
from flowengine.units import spoken

if TYPE_CHECKING:
    from flowengine.scenarios.steps import Word

_MARKED = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_NAMED_BLOCK = re.compile(r"```yaml (wrong|right)\n")
_NAMES = " (a-z, 0-9 and _, beginning with a letter)"
WIDTH = 100

DEFAULTS = {
    "goodbye": "says “We did not get an answer. Goodbye.” and hangs up",
    "apology": "says “Something went wrong. Please call again later.” and hangs up",
    "recorded": "says “Thank you. Goodbye.” and hangs up",
    "continue": "the two are connected",
    "human": "as `human`",
    "ignore": "nothing",
    "none": "nothing",
    "end": "the session is closed",
    "pardon": "sends “Sorry, I did not understand that.” and closes the session",
    "stored": "it is kept for the next question",
    "": "none: it must be handled",
}

FACTS: dict[str, dict[str, str]] = {
    "call": {
        "id": "the platform's id of the call",
        "language": "the language that is spoken now, one of `languages`; may be set",
        "cli": "the caller's number, empty when it is withheld",
        "cli_known": "whether there is one",
        "to": "the number that was dialled",
        "domain": "where the call came from: `pstn`, `mxp` or `sip`",
        "answered": "whether somebody picked up at the current `connect` or `dial`",
        "result": "how the call ended: `ANSWERED`, `BUSY`, `NOANSWER`, `FAILED` or `N/A`",
        "reason": "why it ended, such as `CALLERHANGUP` or `TIMEOUT`",
        "duration": "how long it lasted, in seconds",
        "custom": "what an app, or whoever placed the call, sent along",
        "headers": "headers of a call from SIP or an app, by name",
    },
    "menu": {
        "id": "the menu that was answered",
        "value": "the choice or the digits",
        "input": "`dtmf` or `voice`",
    },
    "amd": {
        "status": "`human`, `machine`, `notsure` or `hangup`",
        "reason": "what the verdict rests on",
    },
    "message": {
        "text": "what was written, empty when it is no text",
        "kind": "`text`, `choice`, `media`, `location` …",
        "choice": "the value of the button that was tapped",
        "media": "the URL of a picture, video or file",
        "location": "`latitude` and `longitude` of a place",
        "channel": "the channel it came through",
        "link": "what the link or referral that led here carries",
        "metadata": "what the platform sent along",
        "time": "when it was accepted",
    },
    "contact": {
        "identity": "who it is",
        "number": "their number",
        "name": "their name",
        "language": "their language",
        "timezone": "their time zone",
        "tags": "what `tag` has marked them with",
    },
}
OTHER_FACTS = {
    "response.": "what the server of the `http` step just run replied, and `response.status`",
    "result.": "what the `function` or `subflow` just run gave back",
    "event.": "the raw fields of the callback, such as `event.destination` of a recording",
    "item.": "an element of the list, in `choices: { each: … }`",
    "visits.STATE": "how often that state was entered in this session",
    "env.NAME": "an environment variable that `flowengine.yaml` lists in `env`",
    "secret.NAME": "a secret; only in `credentials`, headers and addresses of `http`",
    "now, today": "the moment and the day",
}


# --- tables ----------------------------------------------------------------------------------------------


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    titles = list(head)
    lines = [titles, ["---"] * len(titles), *(list(row) for row in rows)]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def keys(record: Record) -> str:
    """The keys of a mapping: what they are, what they take, what holds without them."""
    return table(("Key", "Takes", "Default", ""), [_key(each) for each in record.fields])


def _key(field: Field) -> tuple[str, str, str, str]:
    name = f"`{field.name}`" if field.name != "NAME" else "*a name*"
    default = "**required**" if field.required else _code(field.default_text())
    only = f" *({'calls' if field.serves('voice') else 'messages'})*" if field.channels else ""
    return name, phrase(field.type), default, field.doc + only


def _code(text: str) -> str:
    return f"`{text}`" if re.fullmatch(r"[\w\[\]-]+", text) else text


def phrase(taken: Type) -> str:
    """What a field takes, in a few words."""
    if isinstance(taken, ListOf):
        return f"{phrase(taken.of)}, or a list" if taken.lone else f"a list: {phrase(taken.of)}"
    if isinstance(taken, MapOf):
        return f"a mapping from {taken.what} to {phrase(taken.of)}"
    if isinstance(taken, Record):
        return "a mapping of " + ", ".join(f"`{each.name}`" for each in taken.fields)
    if isinstance(taken, OneOf):
        return listed([f"`{each}`" for each in taken.values])
    if isinstance(taken, Duration):
        return f"{spoken(taken.low)} to {spoken(taken.high)}"
    return taken.phrase().replace(_NAMES, "")


def events(kind: Kind) -> str:
    """The events of a kind and what happens when nobody handles them."""
    rows = [_event(each) for each in kind_outcomes(kind)]
    if is_open(kind):
        rows.insert(0, (_own(kind), "", _own_default(kind)))
    if not rows:
        return "It raises no events of its own."
    return table(("Event", "When", "Without a handler"), rows)


def _event(outcome: Outcome) -> tuple[str, str, str]:
    return f"`{outcome.name}`", EVENTS.get(outcome.name, ""), DEFAULTS[outcome.default]


def _own(kind: Kind) -> str:
    named = kind.fields.named()
    own = {"random": "each name", "svaml": "each `return(x)`"}
    own |= dict.fromkeys(("subflow", "call"), "each of the flow's `outcomes`")
    found = [own[kind.name]] if kind.name in own else []
    found += ["each choice"] if "choices" in named else []
    found += ["each name in `until`"] if "until" in named else []
    return ", ".join(found)


def _own_default(kind: Kind) -> str:
    chosen = "choices" in kind.fields.named() or kind.name in ("random", "svaml")
    return "the state of that name, or else it must be handled" if chosen else "none: it must be handled"


# --- docs/language.md ------------------------------------------------------------------------------------


def kinds() -> str:
    return "\n\n".join(_kind(each) for each in KINDS.values())


def _kind(kind: Kind) -> str:
    parts = [f"### `{kind.name}`", _unwrapped(prose(kind)), f"```yaml\n{example(kind)}```"]
    if kind.name != "route":
        parts.append(keys(kind.fields))
        parts += _inner(kind.fields)
    parts.append(events(kind))
    return "\n\n".join(parts)


def _inner(record: Record) -> list[str]:
    """Tables of the mappings inside a mapping."""
    return [f"Keys of `{each.name}`:\n\n{keys(each.type)}" for each in record.fields if isinstance(each.type, Record)]


def instructions() -> str:
    seen: dict[str, list[Instruct]] = {}
    for each in INSTRUCTIONS.values():
        seen.setdefault(documentation(each), []).append(each)
    return "\n\n".join(_instruction(group) for group in seen.values())


def _instruction(group: list[Instruct]) -> str:
    first = group[0]
    names = ", ".join(f"`{each.name}`" for each in group)
    parts = [f"### {names}", _unwrapped(prose(first)), f"```yaml\n{example(first)}```"]
    record = _record_of(first)
    return "\n\n".join([*parts, keys(record), *_inner(record)] if record else parts)


def _record_of(each: Instruct) -> Record | None:
    if isinstance(each.type, Record):
        return each.type
    options = getattr(sys.modules[type(each).__module__], "OPTIONS", None)
    return options if isinstance(options, Record) else None


def flow_keys() -> str:
    from flowengine.choosing import CHOICE, EACH
    from flowengine.loader import DEFAULTS, FLOW, MESSAGE_DEFAULTS, STATE_KEYS
    from flowengine.sections import ADDRESS, QUIET, RECORDINGS, SESSION, VARIABLE
    from flowengine.triggers import MESSAGE_TRIGGER

    state = table(("Key of a state", ""), [(f"`{name}`", doc) for name, doc in STATE_KEYS.items()])
    inner = {
        "An address in `may_dial`": ADDRESS,
        "A variable, input or contact field": VARIABLE,
        "`recordings`": RECORDINGS,
        "`defaults` of a voice flow": DEFAULTS,
        "`defaults` of a message flow": MESSAGE_DEFAULTS,
        "A trigger of a message flow": MESSAGE_TRIGGER,
        "`session`": SESSION,
        "`quiet`": QUIET,
        "A choice of an ask": CHOICE,
        "Choices of a list": EACH,
    }
    parts = [keys(FLOW), state]
    parts += [f"{title}:\n\n{keys(record)}" for title, record in inner.items()]
    return "\n\n".join(parts)


def project_keys() -> str:
    from flowengine.project import PROJECT

    return keys(PROJECT)


def facts() -> str:
    from flowengine.checks import facts as known

    types = {"call": known.CALL, "menu": known.MENU, "amd": known.AMD}
    types |= {"message": known.MESSAGE, "contact": known.CONTACT}
    rows = [
        (f"`{space}.{name}`", kind, FACTS[space].get(name, ""))
        for space, members in types.items()
        for name, kind in members.items()
    ]
    rows += [(", ".join(f"`{part}`" for part in name.split(", ")), "", doc) for name, doc in OTHER_FACTS.items()]
    return table(("Fact", "Type", ""), rows)


def filters() -> str:
    from flowengine.filters import FILTERS

    return table(("Filter", ""), [(f"`{name}`", _first_line(each)) for name, each in FILTERS.items()])


def _first_line(thing: Callable[..., object]) -> str:
    return re.sub(r"``(\w+)``", r"`\1`", (thing.__doc__ or "").strip().split("\n")[0])


def defaults() -> str:
    found: dict[tuple[str, str], list[str]] = {}
    for kind in KINDS.values():
        for each in kind_outcomes(kind):
            if each.name == "chosen":
                continue
            found.setdefault((each.name, DEFAULTS[each.default]), []).append(kind.name)
    rows = [(f"`{event}`", ", ".join(f"`{each}`" for each in at), text) for (event, text), at in found.items()]
    return table(("Event", "Of", "Without a handler"), rows)


def templates() -> str:
    from flowengine.states.menu_templates import TEMPLATES, fixed, wanted

    rows = []
    for name in TEMPLATES:
        if name == "language":
            rows.append((f"`{name}`", "", "one choice per language of the flow, each in its own words"))
            continue
        wording, chosen = fixed(name, {each: f"*{each}*" for each in wanted(name)})
        takes = ", ".join(f"`{each}`" for each in wanted(name))
        rows.append((f"`{name}`", takes, f"“{wording}” ({', '.join(f'`{each}`' for each in chosen)})"))
    return table(("Template", "Takes", "Says, and its choices"), rows)


def properties() -> str:
    from flowengine.properties import KINDS, described

    return "\n".join(_property(kind, described(kind)) for kind in KINDS.values())


def _property(kind: type[Property], about: Described) -> str:
    only = f" *({'calls' if 'voice' in kind.channels else 'messages'})*" if kind.channels else ""
    told = about.told.strip()
    return f"- **`{about.example.strip()}`**{only}: {about.prose} Takes {phrase(kind.type)}. Told as: “{told}”."


def steps(words: Mapping[str, Word]) -> str:
    """The words of scenarios: each with what it takes, what it means, and an example."""
    rows = [(f"`{word.example}`", _taken(word), word.doc) for word in words.values()]
    return table(("Step", "Takes", "Means"), rows)


def _taken(word: Word) -> str:
    if word.type is None:
        return ""
    return f"{phrase(word.type)}{', or nothing' if word.bare else ''}"


def acts() -> str:
    from flowengine.scenarios.steps import ACTS

    return steps(ACTS)


def observations() -> str:
    from flowengine.scenarios.steps import OBSERVATIONS

    return steps(OBSERVATIONS)


GENERATORS: dict[str, Callable[[], str]] = {
    "kinds": kinds,
    "instructions": instructions,
    "flow_keys": flow_keys,
    "project_keys": project_keys,
    "properties": properties,
    "acts": acts,
    "observations": observations,
    "facts": facts,
    "filters": filters,
    "defaults": defaults,
    "templates": templates,
}


def filled(text: str) -> str:
    """A page with its generated parts made new. KeyError for a part that nothing generates."""
    return _MARKED.sub(lambda match: f"{match[1]}{GENERATORS[match[2]]()}\n{match[3]}", text)


def _unwrapped(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


# --- docs/rules.md and docs/cli.md -----------------------------------------------------------------------


def rules_page() -> str:
    from flowengine.shape_rules import explained

    known = explained()
    rows = [(f"[`{name}`](#{name})", each.severity, each.summary) for name, each in known.items()]
    parts = [
        "# Rules",
        "Every problem that `flowengine validate` can tell, by its name. `flowengine explain NAME` shows the same in a "
        "terminal. An error keeps a flow from being served; warnings let it pass, unless `--strict` is given.",
        table(("Rule", "", ""), rows),
    ]
    for name, each in known.items():
        doc = _NAMED_BLOCK.sub(lambda match: f"{match[1].capitalize()}:\n\n```yaml\n", each.doc)
        parts += [f"## {name}", f"*{each.severity}*", re.sub(r"```\n(?=\w)", "```\n\n", doc).strip()]
    return "\n\n".join(parts) + "\n"


def cli_page() -> str:
    from flowengine.cli import COMMANDS, main

    parts = [
        "# The command line",
        "Exit codes: 0 clean, 1 problems were found, 2 wrong usage, 3 the tool itself failed (please report it; "
        "`FLOWENGINE_DEBUG=1` shows where). Results go to standard output, progress and notes to standard error. "
        "`NO_COLOR` and `FORCE_COLOR` are respected. In a shell, "
        '`eval "$(_FLOWENGINE_COMPLETE=bash_source flowengine)"` completes flows, states and rules.',
        _help(main, "flowengine"),
    ]
    context = click.Context(main, info_name="flowengine")
    for name in COMMANDS:
        command = main.get_command(context, name)
        assert command is not None
        parts += [f"## flowengine {name}", _help(command, name, context)]
    return "\n\n".join(parts) + "\n"


def _help(command: click.Command, name: str, parent: click.Context | None = None) -> str:
    context = click.Context(command, info_name=name, parent=parent, terminal_width=WIDTH, max_content_width=WIDTH)
    context.help_option_names = ["-h", "--help"]
    return f"```text\n{command.get_help(context).strip()}\n```"


def pages(folder: Path) -> dict[Path, str]:
    """Every page that is generated, whole or in part, as it should be."""
    found = {folder / "rules.md": rules_page(), folder / "cli.md": cli_page()}
    for page in sorted(folder.glob("*.md")):
        text = page.read_text("utf-8")
        if page not in found and _MARKED.search(text):
            found[page] = filled(text)
    return found


def write(folder: Path) -> list[str]:
    """Write what lags; the names of the pages that changed."""
    changed = []
    for page, text in pages(folder).items():
        if not page.exists() or page.read_text("utf-8") != text:
            page.write_text(text, "utf-8")
            changed.append(page.name)
    return changed


if __name__ == "__main__":
    print(", ".join(write(Path(sys.argv[1] if sys.argv[1:] else "docs"))) or "nothing changed")
