"""``flowengine explain``."""

from __future__ import annotations

import os
import re
import sys

import click

from flowengine.cli import Command, Sentence
from flowengine.cli.finding import say
from flowengine.problems import did_you_mean
from flowengine.report import Paint, paint_for

_BLOCK = re.compile(r"```yaml ?(\w*)\n(.*?)```", re.DOTALL)


def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    from flowengine.shape_rules import explained

    return [name for name in explained() if name.startswith(incomplete)]


@click.command(
    cls=Command,
    examples=(
        ("flowengine explain unknown-target", "one rule, with examples"),
        ("flowengine explain", "all rules, one line each"),
        ("flowengine explain | grep silent", "find a rule by a word"),
    ),
)
@click.argument("rule", required=False, shell_complete=complete)
def explain(rule: str | None) -> None:
    """Say what RULE means and how to mend it; without RULE, list every rule."""
    from flowengine.shape_rules import explained

    paint = paint_for(sys.stdout, os.environ)
    known = explained()
    if rule is None:
        width = max(map(len, known))
        for name, each in known.items():
            say(f"{paint(name.ljust(width), 'bold')}  {each.severity:<7}  {each.summary}", paint)
        return
    if rule not in known:
        hint = did_you_mean(rule, known) or "; flowengine explain lists them"
        raise Sentence(f'there is no rule "{rule}"{hint}')
    say(readable(rule, known[rule].severity, known[rule].doc, paint), paint)


def readable(name: str, severity: str, doc: str, paint: Paint) -> str:
    """A rule's documentation for a terminal: its blocks set in, and named wrong or right."""

    def block(match: re.Match[str]) -> str:
        colour = {"wrong": "red", "right": "green"}.get(match[1], "bold")
        head = paint(f"{match[1]}:", "bold", colour) + "\n" if match[1] else ""
        return head + "".join(f"    {line}\n" for line in match[2].rstrip().split("\n"))

    return f"{paint(name, 'bold')} ({severity})\n\n" + _BLOCK.sub(block, doc).replace("`", "").rstrip()
