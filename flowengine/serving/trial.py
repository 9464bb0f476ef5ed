"""Whether an artefact can be served here: it is opened as a serving process opens it, but for the store."""

from __future__ import annotations

from collections.abc import Mapping
from traceback import extract_tb

from flowengine.build import BadArtefact, read_artefact
from flowengine.engine.fallback import fallbacks
from flowengine.engine.library import Library, open_library
from flowengine.settings import Refusal, journal_key, webhook_checks

FUNCTIONS = "functions.py"
_TOLD = (ImportError, NameError, AttributeError, SyntaxError)
"""Errors whose words name code only; those of others may hold what must not be shown."""


def usable(data: bytes, env: Mapping[str, str]) -> Library:
    """The flows, ready to serve. Raises :class:`Refusal` with one sentence."""
    try:
        artefact, revision = read_artefact(data)
        library = open_library(artefact, revision, env, journal_key(env))
        fallbacks(library)
        webhook_checks(library, env)
    except BadArtefact as error:
        raise Refusal(str(error)) from None
    except Refusal:
        raise
    except (Exception, SystemExit) as error:  # functions.py may do anything as it is loaded
        raise Refusal(_told(error)) from None
    return library


def _told(error: BaseException) -> str:
    what = f"{type(error).__name__}: {error}" if isinstance(error, _TOLD) else type(error).__name__
    line = next((each.lineno for each in reversed(extract_tb(error.__traceback__)) if each.filename == FUNCTIONS), 0)
    if isinstance(error, SyntaxError) and error.filename == FUNCTIONS:
        line, what = error.lineno or 0, f"SyntaxError: {error.msg}"
    if not line:
        return f"the compiled flows cannot be opened: {what}"
    return f"{FUNCTIONS}:{line}:1: it cannot be loaded: {what}"
