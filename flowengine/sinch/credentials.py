"""From the environment: the keys of Voice application and project, regions, and whether callbacks must be signed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, cast

from flowengine.problems import did_you_mean, listed
from flowengine.sinch.signing import Verifier, decode_secret

KEY = "VOICE_APPLICATION_KEY"
SECRET = "VOICE_APPLICATION_SECRET"
NO_KEYS = f"{KEY} and {SECRET} are not set"
REGION = "SINCH_VOICE_REGION"
PROTECTION = "WEBHOOK_PROTECTION"
OLD_PROTECTION = "PROTECT_VOICE_CALLBACKS"

PROJECT = "PROJECT_ID"
PROJECT_KEY = "PROJECT_ID_API_KEY"
PROJECT_SECRET = "PROJECT_ID_API_SECRET"
APP = "CONVERSATION_APP_ID"
CONVERSATION_REGION = "CONVERSATION_REGION"
CONVERSATION_AUTH = "CONVERSATION_AUTH"
MESSAGES = (PROJECT, PROJECT_KEY, PROJECT_SECRET, APP)
"""What must be set before messages can be sent."""

HOSTS = {
    "global": "https://calling.api.sinch.com",
    "use1": "https://calling-use1.api.sinch.com",
    "euc1": "https://calling-euc1.api.sinch.com",
    "sae1": "https://calling-sae1.api.sinch.com",
    "apse1": "https://calling-apse1.api.sinch.com",
    "apse2": "https://calling-apse2.api.sinch.com",
}
CONVERSATION_HOSTS = {region: f"https://{region}.conversation.api.sinch.com" for region in ("us", "eu", "br")}
Protection = Literal["never", "deploy", "always"]
MODES = ("never", "deploy", "always")


class Misconfigured(Exception):
    """The environment cannot work: one sentence that names the variable and what to do, never its value."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Application keys with their secrets: the first pair signs, every pair verifies. Its repr hides them."""

    keys: tuple[tuple[str, bytes], ...] = field(repr=False)
    region: str = "global"
    password: str = field(default="", repr=False)
    """The first secret as it was given, which Basic authentication sends as it stands."""

    @property
    def host(self) -> str:
        """The base URL of the region's voice API."""
        return HOSTS[self.region]

    @property
    def verifier(self) -> Verifier:
        return Verifier(self.keys)

    @staticmethod
    def from_env(env: Mapping[str, str]) -> Credentials | None:
        """What the environment holds, None where it holds neither key nor secret; :class:`Misconfigured`.

        Key and secret may hold several values with commas between them while keys rotate: as many secrets as
        keys, or several secrets of one key.
        """
        region = _region(env)
        keys, secrets = _values(env, KEY), _values(env, SECRET)
        if not keys and not secrets:
            return None
        pairs = _pairs(keys, secrets)
        return Credentials(tuple(pairs), region, secrets[0])


@dataclass(frozen=True, slots=True)
class ProjectKeys:
    """The access key of a project, and the Conversation app that messages are sent by. Its repr hides the key.

    ``basic`` sends key and secret themselves instead of a token: heavily limited, for trying things out.
    """

    project: str
    app: str
    key_id: str = field(repr=False)
    secret: str = field(repr=False)
    region: str = "us"
    basic: bool = False

    @property
    def host(self) -> str:
        """The base URL of the region's Conversation API."""
        return CONVERSATION_HOSTS[self.region]

    @staticmethod
    def from_env(env: Mapping[str, str]) -> ProjectKeys | None:
        """What the environment holds, None where CONVERSATION_APP_ID is not set; :class:`Misconfigured`."""
        if not env.get(APP, "").strip():
            return None
        if lacking := missing_for_messages(env):
            raise Misconfigured(lacking)
        project, key_id, secret, app = (_visible(env, name) for name in MESSAGES)
        for name, text in ((PROJECT, project), (APP, app)):
            if not re.fullmatch(r"[A-Za-z0-9_-]{1,128}", text):
                raise Misconfigured(f"{name} is not an id of letters, digits and hyphens: copy it from the dashboard.")
        if ":" in key_id:
            raise Misconfigured(f"{PROJECT_KEY} holds a colon, which no key has: copy it again.")
        return ProjectKeys(project, app, key_id, secret, _conversation_region(env), _basic(env))


def missing_for_messages(env: Mapping[str, str]) -> str:
    """One sentence that names what is not set and must be for messages to be sent, else nothing."""
    lacking = [name for name in MESSAGES if not env.get(name, "").strip()]
    if not lacking:
        return ""
    verb = "is" if len(lacking) == 1 else "are"
    return f"Messages cannot be sent: {listed(lacking, 'and')} {verb} not set; copy from the Sinch dashboard."


def protection(env: Mapping[str, str]) -> Protection:
    """When callbacks are checked: ``deploy``, also for an unknown mode, is everywhere but in development."""
    mode = _mode(env)[1]
    return cast(Protection, mode) if mode in MODES else "deploy"


def protection_note(env: Mapping[str, str]) -> str:
    """One sentence for the log if the mode is not one there is, else nothing."""
    name, mode = _mode(env)
    if mode in MODES:
        return ""
    return f"{name} is none of {listed(MODES)}; callbacks are checked as with deploy."


def must_check(env: Mapping[str, str]) -> bool:
    """Whether an unsigned callback is refused here."""
    mode = protection(env)
    return mode == "always" or (mode == "deploy" and env.get("FLOWENGINE_ENV", "").strip() != "development")


def unchecked(env: Mapping[str, str]) -> str:
    """The sentence of how to try things without secrets, with a blank before it; nothing where that is not allowed."""
    allowed = protection(env) == "deploy"
    return " To try it on this machine alone, set FLOWENGINE_ENV=development, as tools/start does." if allowed else ""


def verifier(env: Mapping[str, str]) -> Verifier | None:
    """What checks callbacks, None where they go unchecked; :class:`Misconfigured` without a usable secret."""
    if not must_check(env):
        return None
    credentials = Credentials.from_env(env)
    if credentials is None:
        raise Misconfigured(
            f"Callbacks are checked ({PROTECTION}={protection(env)}), but {NO_KEYS}: "
            f"set both to the Voice application's key and secret from the Sinch dashboard.{unchecked(env)}"
        )
    return credentials.verifier


def _mode(env: Mapping[str, str]) -> tuple[str, str]:
    for name in (PROTECTION, OLD_PROTECTION):
        if mode := env.get(name, "").strip().lower():
            return name, mode
    return PROTECTION, "deploy"


def _region(env: Mapping[str, str]) -> str:
    region = env.get(REGION, "").strip().lower() or "global"
    if region not in HOSTS:
        hint = did_you_mean(region, HOSTS)
        raise Misconfigured(f"{REGION} must be {listed(tuple(HOSTS))}{hint}")
    return region


def _conversation_region(env: Mapping[str, str]) -> str:
    region = env.get(CONVERSATION_REGION, "").strip().lower() or "us"
    if region not in CONVERSATION_HOSTS:
        raise Misconfigured(f"{CONVERSATION_REGION} must be {listed(tuple(CONVERSATION_HOSTS))}: the app's region.")
    return region


def _basic(env: Mapping[str, str]) -> bool:
    mode = env.get(CONVERSATION_AUTH, "").strip().lower() or "oauth"
    if mode not in ("oauth", "basic"):
        raise Misconfigured(f"{CONVERSATION_AUTH} must be oauth, or basic for trying things out.")
    return mode == "basic"


def _visible(env: Mapping[str, str], name: str) -> str:
    text = env[name].strip()
    if not text.isascii() or not text.isprintable() or " " in text:
        raise Misconfigured(f"{name} holds a blank or a character that it cannot have: copy it again.")
    return text


def _values(env: Mapping[str, str], name: str) -> list[str]:
    return [value.strip() for value in env.get(name, "").split(",") if value.strip()]


def _pairs(keys: list[str], secrets: list[str]) -> list[tuple[str, bytes]]:
    for name, other, values in ((KEY, SECRET, keys), (SECRET, KEY, secrets)):
        if not values:
            raise Misconfigured(f"{other} is set but {name} is not: set it to the Voice application's.")
    if len(keys) == 1:
        keys = keys * len(secrets)
    if len(keys) != len(secrets):
        raise Misconfigured(f"{KEY} holds {len(keys)} values and {SECRET} {len(secrets)}: give each key its secret.")
    return [(_key(key), _secret(secret, n)) for n, (key, secret) in enumerate(zip(keys, secrets, strict=True), 1)]


def _key(key: str) -> str:
    if not key.isascii() or not key.isprintable() or ":" in key or " " in key:
        raise Misconfigured(f"{KEY} holds a blank, a colon or a character that no key has: copy it again.")
    return key


def _secret(text: str, n: int) -> bytes:
    try:
        return decode_secret(text)
    except ValueError as error:
        which = SECRET if n == 1 else f"Value {n} of {SECRET}"
        raise Misconfigured(f"{which} is not base64 ({error}): copy it again from the Sinch dashboard.") from None
