"""What a deployment counts, for Prometheus. Nothing here is loaded unless it is asked for.

All processes of a machine write into one folder, and any of them can tell what all have counted.
"""

from __future__ import annotations

from collections.abc import Mapping

SETTING = "FLOWENGINE_METRICS"
TOKEN = "FLOWENGINE_METRICS_TOKEN"
PORT = "FLOWENGINE_METRICS_PORT"
FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Where processes write, as prometheus_client wants it named."""


def wanted(env: Mapping[str, str]) -> bool:
    """Whether anything is counted. ValueError with one sentence where that cannot be told, or has no folder."""
    text = env.get(SETTING, "").strip().lower()
    if text in ("", "off"):
        return False
    if text != "on":
        raise ValueError(f"{SETTING} is {text!r}; write on or off")
    if not env.get(FOLDER):
        raise ValueError(
            f"{SETTING}=on needs a folder in which all processes count: set {FOLDER} to one that is emptied before the"
            " server starts, or start it with flowengine serve, which makes one"
        )
    return True
