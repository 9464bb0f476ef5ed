"""DOT drawn with the Graphviz that the pygraphviz wheel carries, in a process of its own.

Apart, because the C library writes warnings to standard error and a crash in it must not take the caller
along. Fonts are those of this package, so that a machine without fonts draws letters too.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.sax.saxutils import escape

from flowengine.diagram import DrawingFailed

FONTS = Path(__file__).parents[1] / "fonts"
SECONDS = 600
PNG_DPI = "144"
BEYOND = re.compile("[\u0590-\u1dff\u2700-\u27bf\u2e80-\U0010ffff]")
"""Scripts that the package's fonts lack; the system's fonts are asked for these only."""

CONFIG = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>{fonts}</dir>
  <cachedir>{cache}</cachedir>
  {more}
</fontconfig>
"""
SYSTEM_FONTS = '<include ignore_missing="yes">/etc/fonts/fonts.conf</include>'


def run(dot_text: str, form: str) -> bytes:
    """A drawing as ``svg``, ``png`` or ``pdf``. Raises :class:`DrawingFailed`."""
    with tempfile.TemporaryDirectory(prefix="flowengine-") as folder:
        config = Path(folder) / "fonts.conf"
        more = SYSTEM_FONTS if BEYOND.search(dot_text) else ""
        config.write_text(CONFIG.format(fonts=escape(str(FONTS)), cache=escape(folder), more=more), "utf-8")
        done = _run(dot_text.encode(), form, {**os.environ, "FONTCONFIG_FILE": str(config)})
    if done.returncode or not done.stdout:
        raise DrawingFailed(f"Graphviz could not draw the {form}{_reason(done)}")
    return done.stdout


def _run(text: bytes, form: str, env: dict[str, str]) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-P", "-m", __name__, form]
    try:
        return subprocess.run(command, input=text, env=env, capture_output=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        message = f"drawing took longer than {SECONDS // 60} minutes; draw a part with --around STATE, or keep the DOT"
        raise DrawingFailed(message) from None


def _reason(done: subprocess.CompletedProcess[bytes]) -> str:
    if done.returncode < 0:
        return f": it ended with signal {-done.returncode}; draw a part with --around STATE, or keep the DOT"
    lines = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    return f": {lines[-1].strip()}" if lines else ""


def main(form: str) -> None:
    """Standard input drawn to standard output."""
    from pygraphviz import AGraph

    graph = AGraph(string=sys.stdin.buffer.read().decode())
    if form == "png":
        graph.graph_attr["dpi"] = PNG_DPI
    sys.stdout.buffer.write(graph.draw(format=form, prog="dot"))


if __name__ == "__main__":
    main(sys.argv[1])
