"""``flowengine.wsgi:app`` for gunicorn and any other WSGI server, set by the environment."""

from __future__ import annotations

import sys

from flowengine.settings import Refusal, settle_memory
from flowengine.web import create_app

try:
    app = create_app()
except Refusal as refusal:
    print(f"flowengine cannot start: {refusal}", file=sys.stderr)
    sys.exit(2)

settle_memory()
