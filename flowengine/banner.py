"""What ``flowengine serve`` prints before it listens: what is answered, where state is kept, what is missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from flowengine import __version__
from flowengine.build import BadArtefact, read_artefact
from flowengine.problems import listed
from flowengine.settings import Refusal, Settings
from flowengine.sinch.credentials import NO_KEYS, Misconfigured, missing_for_messages, protection_note
from flowengine.sinch.webhook_signing import webhook_verifier
from flowengine.states import KINDS
from flowengine.stores import shown

NOT_IN_USE = '"This number is not in use.", then hang up'


def banner(
    path: str,
    settings: Settings,
    durability: str,
    env: Mapping[str, str],
    seconds: float,
    host: str,
    port: int,
    workers: int,
    watching: str = "",
) -> str:
    """``watching`` is what is looked at for changes."""
    try:
        artefact, revision = read_artefact(Path(path).read_bytes())
    except (OSError, BadArtefact) as error:
        raise Refusal(f"{path}: {error}") from None
    flows: dict[str, Any] = artefact["flows"]
    states = sum(len(flow["states"]) for flow in flows.values())
    talks = {name: flow for name, flow in flows.items() if flow["channel"] == "message"}
    calls = {name: flow for name, flow in flows.items() if name not in talks}
    lines = [
        f"flowengine {__version__}: {len(flows)} flows, {states} states, no errors, "
        f"compiled in {seconds:.2f} s, revision {revision}",
        "",
        *(_calls(calls) if calls else ()),
        *(_messages(talks) if talks else ()),
        *_outbound(flows),
        f"state     {shown(settings.store)}",
        f"          {durability.split(': ', 1)[-1]}",
        f"checks    signatures: {_signatures(settings, env, bool(talks))}",
        *([f"          {note}"] if (note := protection_note(env)) else []),
        *(f"missing   {line}" for line in missing(artefact, env)),
        "",
        *([f"watch     {watching}: a good edit is served at once, a bad one is told here"] if watching else []),
        *_try(bool(calls), bool(talks)),
        "",
        f"Listening on http://{host}:{port} ({workers} workers). Ctrl-C stops; calls in flight finish first.",
    ]
    return "\n".join(lines)


def _calls(flows: Mapping[str, Any]) -> Iterator[str]:
    yield "calls     POST /voice    also /ice /ace /pie /dice /notify under any prefix"
    anyone = ""
    for name, flow in flows.items():
        for kind, value, line in flow["triggers"]:
            if kind == "to":
                yield f"          {value:<14} {name:<12}  {flow['file']}:{line}"
            anyone = name if kind == "any" else anyone
    yield f"          {'other numbers':<14} {anyone or NOT_IN_USE}"


def _messages(flows: Mapping[str, Any]) -> Iterator[str]:
    """What begins which flow; the rest of what is written is answered by none."""
    yield "messages  POST /conversation    also /webhook/conversation"
    entries = [
        (_entry(kind, value, more), name, f"{flow['file']}:{more['line']}")
        for name, flow in flows.items()
        for kind, value, more in flow["triggers"]
        if kind != "start"
    ]
    width = max((len(words) for words, _, _ in entries), default=0)
    yield from (f"          {words:<{width}}  {name:<12}  {place}" for words, name, place in entries)
    if not any(kind == "any" for flow in flows.values() for kind, _, _ in flow["triggers"]):
        yield "          other words begin nothing and are not answered"


def _entry(kind: str, value: str, more: Mapping[str, Any]) -> str:
    words = {
        "link": f"link {value}",
        "any": "other words",
        "date": f"on the date contact.{value}",
        "schedule": f"{value}, whoever is tagged {more.get('tag', '')}",
    }.get(kind, value)
    narrowed = [*more.get("channels", ()), *([f"to {more['to']}"] if more.get("to") else [])]
    return f"{words} ({', '.join(narrowed)})" if narrowed else words


def _outbound(flows: Mapping[str, Any]) -> Iterator[str]:
    """The flows that are begun from here, each with the command that begins it."""
    begun = [name for name, flow in flows.items() if flow["outbound"] or _starts(flow)]
    width = max(map(len, begun), default=0)
    for number, name in enumerate(begun):
        talks = flows[name]["channel"] == "message"
        how = f"start {name} --to +1202…" if talks else f"dial {name}"
        inputs = [f"--input {each}={'+1202…' if each == 'to' else '…'}" for each in flows[name]["inputs"]]
        yield f"{'' if number else 'outbound':<10}{name:<{width}}  flowengine {' '.join([how, *inputs])}"


def _starts(flow: Mapping[str, Any]) -> bool:
    return any(kind == "start" for kind, *_ in flow["triggers"])


def _try(calls: bool, talks: bool) -> Iterator[str]:
    shown = ("callbacks/ice.json", calls), ("webhooks/text.json", talks)
    for number, file in enumerate(file for file, wanted in shown if wanted):
        yield f"{'' if number else 'try':<10}.venv/bin/flowengine post examples/{file}"


def _signatures(settings: Settings, env: Mapping[str, str], talks: bool) -> str:
    """Raises :class:`Refusal` where webhooks are to be checked and nothing is set to check them by."""
    try:
        checked = talks and webhook_verifier(env) is not None
    except Misconfigured as error:
        raise Refusal(str(error)) from None
    if checked or settings.verifier is not None:
        return "asked for"
    why = "FLOWENGINE_ENV=development" if settings.development else "WEBHOOK_PROTECTION=never"
    return f"not asked for ({why})"


def missing(artefact: Mapping[str, Any], env: Mapping[str, str]) -> list[str]:
    """What the environment lacks for some flows to work, one sentence for each thing."""
    lacking: dict[str, list[str]] = {}
    credentials = env.get("VOICE_APPLICATION_KEY") and env.get("VOICE_APPLICATION_SECRET")
    for name, flow in artefact["flows"].items():
        needs = "" if credentials else needs_credentials(flow)
        if needs:
            lacking.setdefault(f"cannot {needs}: {NO_KEYS}", []).append(name)
        for secret in sorted(secrets(flow)):
            if not env.get(secret):
                lacking.setdefault(f"cannot read secret.{secret}: {secret} is not set", []).append(name)
    found = [f"{listed(names, 'and')} {what}" for what, names in lacking.items()]
    if any(sends(flow) for flow in artefact["flows"].values()) and (unsent := missing_for_messages(env)):
        found.append(unsent)
    return found


def sends(flow: Any) -> bool:
    """Whether a flow, or a part of its image, sends messages."""
    if isinstance(flow, Mapping):
        return flow.get("channel") == "message" or any(sends(each) for each in flow.values())
    return isinstance(flow, list) and (flow[:1] == ["send"] or any(sends(each) for each in flow))


def needs_credentials(flow: Mapping[str, Any]) -> str:
    """What a flow does that needs the REST API, or nothing."""
    for state in flow["states"].values():
        kind, op = state.get("kind", ""), state.get("op", {})
        if kind in ("dial", "call"):
            return "place calls"
        if (kind and KINDS[kind].needs_credentials) or op.get("until"):
            return "bring back callers it holds"
        if kind == "wait" and set(state["positions"]) & {"I", "K"} and not op.get("choices"):
            return "bring back callers it holds"
        if op.get("amd") == "async":
            return "act on late answering-machine verdicts"
    return ""


def secrets(value: Any) -> set[str]:
    """The environment names that ``secret.`` reads anywhere in an image."""
    import re

    if isinstance(value, str):
        return set(re.findall(r"\bsecret\.([A-Z][A-Z0-9_]*)", value))
    if isinstance(value, Mapping):
        return {name for each in value.values() for name in secrets(each)}
    if isinstance(value, list):
        return {name for each in value for name in secrets(each)}
    return set()
