"""The flows to serve, or those that were served last: a broken edit must not take down what is started again.

For processes that compile as they start (``gunicorn flowengine.wsgi:app``, ``flowengine worker``). A master that is
told to reload has stopped its old workers when the new ones find out that the flows are broken.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime

from flowengine.engine.library import Library
from flowengine.logs import told
from flowengine.service import Service
from flowengine.serving.trial import usable
from flowengine.settings import Refusal, Settings, artefact_bytes, open_all, watch
from flowengine.stores.base import Revision, Store

LOG = logging.getLogger("flowengine")


def open_or_last(env: Mapping[str, str], workers: int = 1) -> tuple[Settings, Service]:
    """Ready to serve, if need be with the newest flows that the store kept. Raises :class:`Refusal`."""
    settings, service = open_all(env, workers, _flows)
    watch(service, env)
    return settings, service


def _flows(settings: Settings, env: Mapping[str, str], store: Store) -> tuple[Library, bytes]:
    try:
        data = _data(settings)
        return usable(data, env), data
    except Refusal as refusal:
        for each in sorted(store.revisions(), key=lambda each: each.kept, reverse=True):
            if (found := _kept(each, store, env)) is not None:
                served = f"revision {each.hash}, last served {_when(each.kept)}, is served in their place"
                sentence = f"{refusal}; {served} until that is mended and this process started again"
                LOG.error(sentence, extra=told("fallback", revision=each.hash))
                return found
        raise


def _data(settings: Settings) -> bytes:
    try:
        return artefact_bytes(settings)
    except OSError as error:
        raise Refusal(f"{settings.artefact}: {error.strerror}") from None


def _kept(revision: Revision, store: Store, env: Mapping[str, str]) -> tuple[Library, bytes] | None:
    data = store.artefact(revision.hash)
    if data is None:
        return None
    try:
        return usable(data, env), data
    except Refusal:
        return None


def _when(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
