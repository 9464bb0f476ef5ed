"""What ``flowengine serve`` prints before it listens: what is answered, where state is kept, what is missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from flowengine import __version__
from flowengine.build import BadArtefact, read_artefact
from flowengine.settings import Refusal, Settings
from flowengine.states import KINDS


def banner(
    path: str,
    settings: Settings,
    durability: str,
    env: Mapping[str, str],
    seconds: float,
    host: str,
    port: int,
    workers: int,
) -> str:
    try:
        artefact, revision = read_artefact(Path(path).read_bytes())
    except (OSError, BadArtefact) as error:
        raise Refusal(f"{path}: {error}") from None
    flows: dict[str, Any] = artefact["flows"]
    states = sum(len(flow["states"]) for flow in flows.values())
    lines = [
        f"flowengine {__version__}: {len(flows)} flows, {states} states, no errors, "
        f"compiled in {seconds:.2f} s, revision {revision}",
        "",
        "calls     POST /voice    also /ice /ace /pie /dice /notify under any prefix",
        *(f"          {line}" for line in _entries(flows)),
        *_outbound(flows),
        f"state     {settings.store}",
        f"          {durability.split(': ', 1)[-1]}",
        f"checks    signatures: {_signatures(settings, env)}",
        *(f"missing   {line}" for line in missing(artefact, env)),
        "",
        "try       .venv/bin/flowengine post examples/callbacks/ice.json",
        "",
        f"Listening on http://{host}:{port} ({workers} workers). Ctrl-C stops; calls in flight finish first.",
    ]
    return "\n".join(lines)


def _entries(flows: Mapping[str, Any]) -> Iterator[str]:
    anyone = ""
    for name, flow in flows.items():
        for kind, value, line in flow["triggers"]:
            if kind == "to":
                yield f"{value:<14} {name:<12}  {flow['file']}:{line}"
            anyone = name if kind == "any" else anyone
    yield f"{'other numbers':<14} {anyone}" if anyone else 'other numbers  "This number is not in use.", then hang up'


def _outbound(flows: Mapping[str, Any]) -> Iterator[str]:
    for name, flow in flows.items():
        if flow["outbound"]:
            inputs = " ".join(f"--input {each}={'+1202…' if each == 'to' else '…'}" for each in flow["inputs"])
            yield f"outbound  {name:<14} flowengine dial {name} {inputs}"


def _signatures(settings: Settings, env: Mapping[str, str]) -> str:
    if settings.verifier is not None:
        return "asked for"
    why = "FLOWENGINE_ENV=development" if settings.development else "WEBHOOK_PROTECTION=never"
    return f"not asked for ({why})"


def missing(artefact: Mapping[str, Any], env: Mapping[str, str]) -> list[str]:
    """What the environment lacks for some flow to work, one sentence each."""
    found = []
    credentials = env.get("VOICE_APPLICATION_KEY") and env.get("VOICE_APPLICATION_SECRET")
    for name, flow in artefact["flows"].items():
        needs = "" if credentials else needs_credentials(flow)
        if needs:
            found.append(f"{name} cannot {needs}: VOICE_APPLICATION_KEY and VOICE_APPLICATION_SECRET are not set")
        for secret in sorted(secrets(flow)):
            if not env.get(secret):
                found.append(f"{name} reads secret.{secret}, but {secret} is not set")
    return found


def needs_credentials(flow: Mapping[str, Any]) -> str:
    """What a flow does that needs the REST API, or nothing."""
    for state in flow["states"].values():
        kind, op = state.get("kind", ""), state.get("op", {})
        if kind == "dial":
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
