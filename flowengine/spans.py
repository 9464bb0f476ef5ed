"""A span for each turn, where OpenTelemetry is installed and set up; nothing of it is loaded otherwise.

Who exports them is not decided here: ``opentelemetry-instrument`` sets that up from the same ``OTEL_…`` variables. A
span is made when its turn is written, with the times it had, and belongs to the span of the request that is being made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from time import monotonic, time_ns
from typing import TYPE_CHECKING, Any

from flowengine import __version__
from flowengine.metrics import labels

if TYPE_CHECKING:
    from flowengine.turns import Attempt, Result

Heed = Callable[["Attempt[Any]", "Result"], None]


def set_up(env: Mapping[str, str]) -> bool:
    """Whether there is an ``OTEL_…`` variable, none of them says that there is to be nothing, and the API is there."""
    names = [name for name in env if name.startswith("OTEL_")]
    off = env.get("OTEL_SDK_DISABLED", "").lower() == "true" or env.get("OTEL_TRACES_EXPORTER", "").lower() == "none"
    return bool(names) and not off and find_spec("opentelemetry") is not None


def spans() -> Heed:
    """What makes them. Never raises: the answer is on its way."""
    from opentelemetry import trace

    tracer = trace.get_tracer("flowengine", __version__)
    known: dict[str, labels.Words] = {}

    def heed(attempt: Attempt[Any], result: Result) -> None:
        if attempt.heard is None or not result.told:
            return
        try:
            library = attempt.library
            words = known.get(library.revision) or known.setdefault(library.revision, labels.Words(library))
            took, end = monotonic() - attempt.began, time_ns()
            said = {
                "flowengine.flow": words.flow(attempt.session.flow),
                "flowengine.event": labels.event(attempt.heard.what),
                "flowengine.state": result.source,
                "flowengine.outcome": words.outcome(result.event),
            }
            span = tracer.start_span("turn", attributes=said, start_time=end - int(took * 1e9))
            if result.incident:
                span.set_attribute("flowengine.incident", result.incident)
                span.set_status(trace.Status(trace.StatusCode.ERROR))
            span.end(end)
        except Exception:
            return

    return heed
