"""What random flows are played on: a generated project, served from memory."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from generate import Generated
from hypothesis import HealthCheck, Phase, settings

from flowengine import turns
from flowengine.build import Built, build
from flowengine.engine.library import open_library
from flowengine.engine.session import Session, load
from flowengine.fetch import Request, Response
from flowengine.positions import Pair, analyse
from flowengine.service import Service
from flowengine.stores import open_store
from flowengine.svaml import Position

Draw = Callable[[Any], Any]
"""Picks one of several things."""
SOMETIMES = (True, True, False)
MOSTLY = (True, True, True, False)


class Stage:
    """One project with everything around it: store, servers, functions and time.

    Every decision is taken by ``draw``. ``responses`` are what servers say where ``works`` lets them.
    """

    env: Mapping[str, str]
    responses: tuple[Any, ...]
    works: tuple[bool, ...] = SOMETIMES
    key: str

    def __init__(self, found: Built, draw: Draw, start: float) -> None:
        assert found.artefact is not None
        self.draw = draw
        self.library = open_library(orjson.loads(orjson.dumps(found.artefact)), found.revision, self.env, b"key")
        self.store = open_store("memory://")
        self.time = start + draw((0, 0, 12 * 3600, 30 * 86_400))
        self.service = Service(self.library, self.store, self.asked, self.env, self.called, clock=lambda: self.time)

    def asked(self, request: Request, budget: float) -> Response:
        if self.draw(self.works):
            return Response(200, self.draw(self.responses))
        return self.draw((Response(500, {}), Response(0, None, "timeout"), Response(404, "no")))  # type: ignore[no-any-return]

    def called(self, name: str, arguments: Mapping[str, Any], timeout: float) -> Any:
        return self.library.functions[name](**arguments)

    def session(self) -> Session | None:
        loaded = self.store.load(self.key)
        return load(loaded.session) if loaded.session is not None else None


@contextmanager
def jitter(draw: Draw) -> Iterator[None]:
    """What turns leave to chance is drawn too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(turns, "random", lambda: draw((0.0, 0.3, 0.6, 0.99)))
        yield


def built(project: Generated) -> Built:
    with tempfile.TemporaryDirectory() as folder:
        for name, text in project.files.items():
            Path(folder, name).write_text(text, "utf-8")
        return build([folder])


def predicted(found: Built) -> set[tuple[str, str, Position]]:
    """Every flow, state and position that the analysis knows."""
    pairs: set[tuple[str, Pair]] = set()
    for flow in found.book.flows.values():
        for each in analyse(flow, found.book).values():
            pairs |= {(flow.name, pair) for pair in each.pairs}
    return {(flow, name, position) for flow, (name, position) in pairs}


def profile(examples: int) -> settings:
    """So many projects, the same in every run: their seed is the text of the test."""
    return settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
