"""``python -m flowengine.serving.compiling KIND PATH OUTPUT``: what is to be served, checked, into one file.

A process of its own: the code that is installed now compiles, and nothing in a flow or in ``functions.py`` can harm
the process that looks after those that serve.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from flowengine.build import build, no_flows, write_artefact
from flowengine.project import UsageError
from flowengine.report import print_problems
from flowengine.serving.trial import usable
from flowengine.settings import Refusal

DONE, PROBLEMS, USAGE, FAILED = 0, 1, 2, 3
FLOWS, ARTEFACT = "flows", "artefact"


def main(kind: str, path: str, output: str) -> int:
    """What is wrong is told on standard error, problems in flows as ``flowengine validate`` tells them."""
    try:
        data = Path(path).read_bytes() if kind == ARTEFACT else _compiled(path)
    except OSError as error:
        return _refused(f"{path}: {error.strerror}", USAGE)
    except UsageError as error:
        return _refused(str(error), USAGE)
    except Exception as error:
        said = f"{type(error).__name__}: {' '.join(str(error).split())}".rstrip(": ")
        return _refused(f"checking the flows failed: {said}; please report it", FAILED)
    if data is None:
        return PROBLEMS
    try:
        usable(data, os.environ)
    except Refusal as refusal:
        return _refused(f"{path}: {refusal}" if kind == ARTEFACT else str(refusal), USAGE)
    Path(output).write_bytes(data)
    return DONE


def _compiled(path: str) -> bytes | None:
    built = build([path])
    if not built.source.loaded and not built.problems:
        raise UsageError(no_flows([path]))
    if built.artefact is None:
        print_problems(built, sys.stderr)
        return None
    return write_artefact(built)


def _refused(sentence: str, code: int) -> int:
    print(sentence if sentence.startswith("functions.py:") else f"flowengine: {sentence}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
