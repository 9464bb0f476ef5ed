"""``flowengine test``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import click

from flowengine.cli import PROBLEMS, Command, Sentence
from flowengine.cli.finding import note, paths_or_default, say, write
from flowengine.report import counted, lines_of, paint_for, text

if TYPE_CHECKING:
    from flowengine.scenarios.company import Company
    from flowengine.scenarios.many import Progress, Report
    from flowengine.scenarios.model import Scenario

SHOWN_AFTER = 50
"""Scenarios played before a terminal is told how far it is."""


@click.command(
    "test",
    cls=Command,
    examples=(
        ("flowengine test", "play every scenario in flows/"),
        ("flowengine test flows/front_desk.yaml -k gold", "those of one flow whose name holds a word"),
        ("flowengine test --fail-under 100 --format junit -o report.xml", "in CI, with coverage and a report"),
        ("flowengine test --update", "write what came in place of what was expected"),
    ),
)
@click.argument("paths", nargs=-1, type=click.Path())
@click.option("-k", "wanted", metavar="WORDS", default="", help="Only scenarios whose flow or name holds these words.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github", "junit"]),
    default="text",
    show_default=True,
    help="How results are told.",
)
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="Write them to this file; text is told as well.")
@click.option("--coverage", is_flag=True, help="Tell which states, outcomes, choices and ways no scenario reached.")
@click.option(
    "--fail-under",
    type=click.FloatRange(0, 100),
    metavar="PERCENT",
    help="Exit 1 where fewer of the outcomes are covered; implies --coverage.",
)
@click.option("--update", is_flag=True, help="Rewrite expectations that failed with what came, and say which.")
@click.option("-j", "--jobs", type=click.IntRange(0, 64), default=0, help="Processes. [default: as many as it needs]")
def test(
    paths: tuple[str, ...],
    wanted: str,
    form: str,
    output: str | None,
    coverage: bool,
    fail_under: float | None,
    update: bool,
    jobs: int,
) -> None:
    """Play the scenarios beside the flows: no network, a clock of their own, milliseconds each.

    PATHS are folders, files of scenarios (NAME.test.yaml) or flows that have one; without any: $FLOWENGINE_FLOWS, else
    flows/. Exit code 0 when all pass, 1 when one fails or too little is covered, 2 for wrong usage.
    """
    from flowengine.scenarios.company import companies
    from flowengine.scenarios.many import play

    began = perf_counter()
    given = paths_or_default(paths)
    found = companies(given)
    if not any(each.suites for each in found):
        raise Sentence(
            f"there are no scenarios (*.test.yaml) in {', '.join(given)}; docs/testing.md shows how to write one"
        )
    report = play(found, wanted, jobs, _progress())
    report.seconds = perf_counter() - began
    if wanted and not report.told and not report.problems:
        raise Sentence(f'no scenario holds the words "{wanted}"')
    if update:
        report = _updated(found, report)
    covered = coverage or fail_under is not None
    _tell(found, report, form, output, covered, fail_under)
    if report.failed or (fail_under is not None and report.coverage.percent() < fail_under):
        raise click.exceptions.Exit(PROBLEMS)


def _tell(
    found: Sequence[Company], report: Report, form: str, output: str | None, covered: bool, wanted: float | None
) -> None:
    if form == "text" or output is not None:
        _as_text(found, report, covered, wanted)
    if output is not None:
        shown = _written(report, form, covered, wanted) if form != "text" else _plainly(found, report, covered, wanted)
        write(output, (shown + "\n").encode())
        note(f"written to {output}")
    elif form != "text":
        say(_written(report, form, covered, wanted), paint_for(sys.stdout, {"NO_COLOR": "1"}))


def _written(report: Report, form: str, covered: bool, wanted: float | None) -> str:
    from flowengine.scenarios import results

    if form == "json":
        return results.as_json(report.told, report.problems, report.coverage if covered else None, wanted)
    if form == "github":
        return results.as_github(report.told, report.problems)
    return results.as_junit(report.told, report.problems)


def _as_text(found: Sequence[Company], report: Report, covered: bool, wanted: float | None) -> None:
    paint = paint_for(sys.stdout, os.environ)
    for line in _lines(found, report, covered, wanted, bool(paint.on)):
        say(line, paint)


def _plainly(found: Sequence[Company], report: Report, covered: bool, wanted: float | None) -> str:
    return "\n".join(_lines(found, report, covered, wanted, False))


def _lines(found: Sequence[Company], report: Report, covered: bool, wanted: float | None, colour: bool) -> list[str]:
    from flowengine.report import Paint
    from flowengine.scenarios import coverage_report
    from flowengine.scenarios.results import sentence
    from flowengine.scenarios.telling import conversation

    paint = Paint(colour)
    documents = {name: each for company in found for name, each in company.built.source.documents().items()}
    documents |= {suite.file: suite.document for company in found for suite in company.suites}
    shown = [text(each, lines_of(documents), paint) for each in report.problems]
    shown += [""] if shown else []
    shown += [conversation(played, book, paint) + "\n" for played, book in report.told if not played.passed]
    if covered:
        shown += [*coverage_report.lines(report.coverage), ""]
    last = [sentence(report.played, report.seconds)]
    if report.problems:
        touched = "what it touches" if len(report.problems) == 1 else "what they touch"
        last.insert(0, f"{counted(len(report.problems), 'problem')}; {touched} was not played.")
    if covered:
        last.append(coverage_report.sentence(report.coverage, wanted))
    shown.append(paint(" ".join(last), "bold"))
    failed = [each.scenario for each in report.played if not each.passed]
    return [*shown, *(_next_commands(failed[0], found) if failed else ())]


def _next_commands(scenario: Scenario, found: Sequence[Company]) -> list[str]:
    """What to type next to see more of a scenario that failed."""
    from shlex import join

    flows = next(each.built.book.flows for each in found if scenario.flow in each.built.book.flows)
    command = "chat" if flows[scenario.flow].channel == "message" else "call"
    by_hand = join(["flowengine", command, scenario.flow, "--like", scenario.name])
    return [f"By hand: {by_hand}      On the picture: flowengine graph {scenario.flow} --coverage"]


def _progress() -> Progress | None:
    """How far it is, on a terminal only, and gone when it is done."""
    if not sys.stderr.isatty() or os.environ.get("CI") or os.environ.get("TERM") == "dumb":
        return None

    def tell(done: int, of: int) -> None:
        if of > SHOWN_AFTER and (done % 10 == 0 or done == of):
            click.echo(f"\r{done} of {of} played" if done < of else "\r\x1b[K", nl=False, err=True)

    return tell


def _updated(found: Sequence[Company], report: Report) -> Report:
    """Rewrite what failed, play again, and tell what was changed."""
    from flowengine.scenarios.company import company
    from flowengine.scenarios.many import play
    from flowengine.scenarios.refreshing import refreshed, reread

    again: list[Company] = []
    for each in found:
        failed = [played for played, book in report.told if not played.passed and book is each.built.book]
        suites = []
        for suite in each.suites:
            changed = refreshed(suite, each, [played for played in failed if played.scenario.mark.file == suite.file])
            for line in changed.told:
                note(line)
            if changed.text is not None:
                Path(suite.file).write_text(changed.text, "utf-8")
            suites.append(reread(suite))
        again.append(company(str(Path(suites[0].file).parent), suites))
    return play(again)
