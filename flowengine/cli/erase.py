"""``flowengine erase``"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from flowengine.cli import PROBLEMS, Command, Sentence
from flowengine.cli.finding import note, say
from flowengine.cli.people import is_contact, named
from flowengine.cli.recordings import applications, opened_store, store_url
from flowengine.problems import listed
from flowengine.report import counted, paint_for

if TYPE_CHECKING:
    from flowengine.erasing import Found
    from flowengine.recorded.contact import Contact
    from flowengine.stores.base import Store


@click.command(
    cls=Command,
    examples=(
        ("flowengine erase +12025550150", "everything about a person, after a question"),
        ("flowengine erase +12025550150 --yes --keep-opt-out", "but never write to them again"),
        ("flowengine erase --channel MESSENGER --identity 7391", "somebody without a number"),
        ("flowengine erase 1a2b-call-id", "one call only"),
    ),
)
@click.argument("name", metavar="[NUMBER|CALLID]", required=False, default="")
@click.option(
    "--app", default="", metavar="ID", help="The Conversation app they wrote to. [default: $CONVERSATION_APP_ID]"
)
@click.option("--channel", default="", metavar="CHANNEL", help="With --identity: the channel that knows them by it.")
@click.option("--identity", default="", metavar="ID", help="With --channel: how the channel names them.")
@click.option("--keep-opt-out", is_flag=True, help="Keep that they opted out, under a hash of where they wrote from.")
@click.option("--store", metavar="URL", help="Where it is kept. [default: $FLOWENGINE_STORE]")
@click.option("--yes", is_flag=True, help="Do not ask.")
def erase(name: str, app: str, channel: str, identity: str, keep_opt_out: bool, store: str | None, yes: bool) -> None:
    """Erase everything about a person: calls, conversations, journals, answers, what waits to be sent, what is known.

    NUMBER is in E.164. Sessions of others that name the number go too, as a whole; so do dead letters. A CALLID, or
    the key of a session or how it begins, erases that one only. The server may go on meanwhile: a call in progress is
    forgotten and asked to call again. Backups and what was given to other servers are not reached. Exit code 0 when
    nothing of it is left, also where there was nothing; 1 where something is.
    """
    from flowengine.stores.base import StoreDown

    if bool(name) == bool(channel or identity):
        raise Sentence("name one: a number, a call, or --channel with --identity")
    if app and name:
        raise Sentence("--app belongs to --channel and --identity")
    opened = opened_store(store)
    try:
        if name and not is_contact(name):
            _one(opened, name, yes)
        else:
            _person(opened, named(opened, name, app, channel, identity), keep_opt_out, yes, store_url(store))
    except StoreDown as error:
        raise Sentence(
            f"the store is down: {error}; what is left is found by the same command again", PROBLEMS
        ) from None
    finally:
        opened.close()
    _scrub(store_url(store))


def _person(store: Store, who: Contact, keep_opt_out: bool, yes: bool, url: str) -> None:
    from flowengine.erasing import erase as erased
    from flowengine.erasing import look, own_numbers
    from flowengine.stores.scrub import leftovers

    if flow := own_numbers(store).get(who.number.removeprefix("+")):
        raise Sentence(
            f"{who.shown} is the number of the flow {flow}, and with it in every call to it; nothing was erased"
        )

    def rest(who: Contact) -> set[str]:
        return leftovers(url, who.wanted, who.in_text)

    found = look(store, who, rest)
    if not found:
        say(f"There is nothing about {who.shown}.", paint_for(sys.stdout, os.environ))
        return
    _confirm(f"Erase {_what(found)} of {who.shown}?", yes)
    clean = erased(store, who, rest, keep_opt_out)
    say(f"Erased {_what(found)} of {who.shown}.", paint_for(sys.stdout, os.environ))
    if found.opted_out and keep_opt_out:
        note("that they opted out is kept")
    elif found.opted_out:
        note(
            "they had opted out, which is forgotten too: do not write to them again (--keep-opt-out would have kept it)"
        )
    if not clean:
        raise Sentence(
            "they go on talking, and leave something new each time; run it again when they are done", PROBLEMS
        )


def _one(store: Store, name: str, yes: bool) -> None:
    from flowengine.numbers import e164
    from flowengine.recorded.reading import NotFound, find

    try:
        key = find(store, name, *applications())
    except NotFound as unknown:
        plain = e164(f"+{name.removeprefix('00')}")
        hint = f"; for the number write +{name.removeprefix('00')}" if plain else ""
        raise Sentence(f"{unknown}{hint}", PROBLEMS) from None
    what = f"the session {key[:12]}… with its {counted(len(store.journal(key)), 'turn')}"
    _confirm(f"Erase {what}?", yes)
    store.forget(key)
    say(f"Erased {what}; what is known of the person stays.", paint_for(sys.stdout, os.environ))


def _what(found: Found) -> str:
    """Counts, of what there is any of."""
    parts = (
        (len(found.calls), "call", "calls"),
        (len(found.talks), "conversation", "conversations"),
        (len(found.naming), "session of others that names them", "sessions of others that name them"),
        (found.turns, "turn", "turns"),
        (len(found.rest), "remainder of an ended session", "remainders of ended sessions"),
        (len(found.records), "record of what is known", "records of what is known"),
        (len(found.patches), "mention in what is known of others", "mentions in what is known of others"),
    )
    told = listed([f"{many} {one if many == 1 else several}" for many, one, several in parts if many], "and")
    return f"{told} ({found.live} still going on)" if found.live else told


def _confirm(question: str, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise Sentence(f"{question} Say --yes where nobody can be asked; nothing was erased")
    if not click.confirm(question, err=True):
        raise Sentence("nothing was erased", PROBLEMS)


def _scrub(url: str) -> None:
    from flowengine.stores.scrub import scrub

    if left := scrub(url):
        raise Sentence(left, PROBLEMS)
