"""``flowengine.wsgi:app`` for gunicorn and any other WSGI server, set by the environment."""

from __future__ import annotations

import os
import sys

from flowengine.serving.last import open_or_last
from flowengine.serving.ready import tell_ready
from flowengine.settings import Refusal, settle_memory
from flowengine.web import create_app

try:
    _, service = open_or_last(os.environ, int(os.environ.get("WEB_CONCURRENCY") or 1))
    app = create_app(os.environ, service)
except Refusal as refusal:
    print(f"flowengine cannot start: {refusal}", file=sys.stderr)
    sys.exit(2)

settle_memory()
tell_ready(os.environ)
