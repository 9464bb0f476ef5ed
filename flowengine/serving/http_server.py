"""``python -P -m flowengine.serving.http_server``: gunicorn, for which the current folder holds data, never code."""

from __future__ import annotations

import os

from gunicorn.app.wsgiapp import WSGIApplication


class HttpServer(WSGIApplication):  # type: ignore[misc]
    """Gunicorn puts the current folder before all else on the path: a folder ``flowengine`` in it would be served."""

    def chdir(self) -> None:
        os.chdir(self.cfg.chdir)


if __name__ == "__main__":
    HttpServer("%(prog)s [OPTIONS] [APP_MODULE]", prog="gunicorn").run()
