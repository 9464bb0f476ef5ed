"""``flowengine.wsgi:app`` for gunicorn and any other WSGI server, set by the environment."""

from __future__ import annotations

import atexit
import os
import sys

from flowengine.logs import BadSetting, log_to, said
from flowengine.serving.last import open_or_last
from flowengine.serving.ready import tell_ready
from flowengine.settings import Refusal, settle_memory
from flowengine.web import create_app

try:
    log_to(os.environ)
    _, service = open_or_last(os.environ, int(os.environ.get("WEB_CONCURRENCY") or 1))
    app = create_app(os.environ, service)
except (Refusal, BadSetting) as refusal:
    print(f"flowengine cannot start: {refusal}", file=sys.stderr)
    sys.exit(2)

settle_memory()
said("started", "a process serves")
atexit.register(said, "stopped", "a process that served has ended")
tell_ready(os.environ)
