"""The command line that starts gunicorn."""

from __future__ import annotations

import os
import sys


def gunicorn(host: str, port: int, workers: int, threads: int) -> list[str]:
    """What serves best: threads, no preload (a new worker must bring new code and new flows), short grace."""
    fast = ["--worker-tmp-dir", "/dev/shm"] if os.path.isdir("/dev/shm") else []
    return [
        sys.executable, "-P", "-m", "flowengine.serving.http_server", "flowengine.wsgi:app",
        "--bind", f"{host}:{port}", "--workers", str(workers), "--threads", str(threads),
        "--worker-class", "gthread", "--keep-alive", "75", "--graceful-timeout", "10", "--timeout", "30",
        "--log-level", "warning", "--no-control-socket", *fast,
    ]  # fmt: skip
