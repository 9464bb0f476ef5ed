"""The loop of the terminal: a line is typed, it is done, and what came of it is shown."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from flowengine.fetch import Request
from flowengine.graph import Book
from flowengine.messages.channels import channel
from flowengine.project import UsageError, shown_path
from flowengine.report import Paint, printable
from flowengine.scenarios.asked import HIDDEN
from flowengine.scenarios.model import Scenario, Server, Step
from flowengine.scenarios.phrases import of_step
from flowengine.scenarios.running import Played
from flowengine.simulator import CannotAct, Chat, Phone, Seen
from flowengine.stage import Trouble, Turned
from flowengine.terminal.keyboard import Keyboard
from flowengine.terminal.meaning import Command, NotUnderstood, Situation, help_lines, meant
from flowengine.terminal.showing import as_json, request_line, ringing_line, seen_lines, turn_lines

PROMPT = "> "
_LINE = re.compile(r"^([0-9A-Za-z]{1,3})\. (.+)$", re.MULTILINE)
"""A line that can be chosen by its mark, where a channel shows no buttons."""


class Scene(Protocol):
    """Where a play happens: in this process, or on a running server."""

    @property
    def seen(self) -> Sequence[Seen]:
        """What came of the last act so far."""

    @property
    def turns(self) -> Sequence[Turned]:
        """The turns that the last act made, where they are known."""

    @property
    def phone(self) -> Phone | None: ...

    @property
    def chat(self) -> Chat: ...

    @property
    def due(self) -> float | None:
        """In how many seconds something happens by itself, where that is known."""

    def private(self, step: Step) -> bool:
        """Whether what is entered by this act must not be shown."""

    def hidden(self) -> Iterable[str]:
        """Texts that must not be shown."""

    def choices(self, seen: Seen) -> Mapping[str, str]:
        """What the keys of a menu choose, where that is known."""

    def perform(self, step: Step) -> None:
        """Raises CannotAct and Trouble."""

    def state_lines(self) -> list[str]:
        """Raises CannotAct where that cannot be told."""

    def variables(self) -> dict[str, Any]: ...

    def contact(self) -> dict[str, Any]: ...

    def scenario(self, name: str, file: Path, servers: tuple[Server, ...]) -> tuple[Scenario, list[str]]:
        """What was played as a scenario, and what is to be said about it."""


class Play:
    """One play at the terminal. ``say`` takes results, ``note`` remarks; ``check`` plays a saved scenario.

    ``servers`` are those that the person answered for.
    """

    def __init__(
        self,
        scene: Scene,
        keyboard: Keyboard,
        say: Callable[[str], None],
        note: Callable[[str], None],
        paint: Paint,
        book: Book,
        channel: Literal["voice", "message"],
        file: Path,
        check: Callable[[Path, str], Played | None],
        servers: Callable[[], tuple[Server, ...]] = tuple,
        verbose: bool = False,
    ) -> None:
        self.scene, self.keyboard, self.say, self.note, self.paint = scene, keyboard, say, note, paint
        self.book, self.channel, self.file, self.check = book, channel, file, check
        self.servers, self.verbose = servers, verbose
        self._shown = 0
        self._asked: list[Request] = []
        self._labels: tuple[str, ...] = ()

    # --- the loop ------------------------------------------------------------------------------------------

    def run(self, first: Step | None) -> None:
        """Play until nothing more is typed."""
        if first is not None:
            self.act(first)
        while (line := self.keyboard.line(self.paint(PROMPT, "bold"))) is not None:
            try:
                typed = meant(line, self._situation())
            except NotUnderstood as error:
                self.say(printable(str(error)))
                continue
            if isinstance(typed, Step):
                self.act(typed)
            elif typed is not None and typed.name == "quit":
                return
            elif typed is not None:
                self._command(typed)

    def _situation(self) -> Situation:
        phone = self.scene.phone
        return Situation(
            self.channel,
            phone is not None and phone.stands == "menu",
            phone is not None and phone.stands in ("ringing", "talking"),
            self._labels,
            self.scene.due,
            *self._bare(),
        )

    def _bare(self) -> tuple[str, tuple[tuple[str, str], ...]]:
        """The channel of a chat if it shows no buttons, and the lines of the newest message that can be chosen."""
        chat = self.scene.chat
        if self.channel != "message" or self._labels or channel(chat.channel).options:
            return "", ()
        return chat.channel, tuple(_LINE.findall(chat.got[-1].text)) if chat.got else ()

    # --- acts ----------------------------------------------------------------------------------------------

    def act(self, step: Step) -> None:
        """Do it and show what came of it; what cannot be done is one sentence."""
        if not self.keyboard.live:
            self.say(self.paint(f"{PROMPT}{printable(self._typed(step))}", "bold"))
        elif step.word == "time passes":
            self.say(self.paint(f"  {of_step(step)}", "dim"))
        self._shown, sentence = 0, ""
        try:
            self.scene.perform(step)
        except (CannotAct, Trouble) as error:
            sentence = str(error)
        self.show_seen()
        if sentence:
            self.say(self.paint(f"  cannot: {printable(sentence)}", "yellow"))
        went = [] if sentence and not self.scene.seen else self._went()
        if not sentence and not self.scene.seen and not went:
            self._nothing(step)
        for line in went:
            self.say(line)
        self._rings()

    def _went(self) -> list[str]:
        return list(turn_lines(self.scene.turns, self.paint, self.book, self.verbose))

    def _typed(self, step: Step) -> str:
        if self.scene.private(step):
            return f"{step.word} {HIDDEN}"
        return of_step(step)

    def _nothing(self, step: Step) -> None:
        said = "the same answer came, and nothing changed" if step.word == "callback comes again" else "nothing happens"
        self.say(self.paint(f"  {said}", "dim"))

    def _rings(self) -> None:
        phone = self.scene.phone
        if phone is not None and phone.stands == "ringing":
            line = ringing_line(phone)
            self.say(self.paint(f"{line}; begin with /callee" if self.channel == "message" else line, "dim"))

    def show_seen(self) -> bool:
        """What was observed and not shown yet; whether there was anything."""
        fresh = self.scene.seen[self._shown :]
        self._shown = len(self.scene.seen)
        for each in fresh:
            if each.kind == "reads" and each.choices:
                self._labels = each.choices
            if each.kind != "requests" or not self._was_asked(each):
                choices = self.scene.choices(each) if each.asks else {}
                for line in seen_lines(each, self.paint, self.scene.hidden(), choices):
                    self.say(line)
        return bool(fresh)

    def ask(self, request: Request) -> None:
        """Show a request that the person is to answer."""
        self.show_seen()
        self._asked.append(request)
        shown = printable(request_line(request, self.scene.hidden()))
        self.say(f"  {self.paint('http'.ljust(8), 'cyan')} {shown}")

    def _was_asked(self, seen: Seen) -> bool:
        return any(each is seen.more.request for each in self._asked)

    def meanwhile(self, came: Callable[[], bool]) -> bool:
        """Show what came while nothing was typed; whether anything did."""
        try:
            found = came()
        except Trouble as error:
            self.say(self.paint(f"\n  {printable(str(error))}", "yellow"))
            return True
        if found:
            self.say("")
            self.show_seen()
            self._rings()
        return found

    # --- commands ------------------------------------------------------------------------------------------

    def _command(self, command: Command) -> None:
        try:
            _COMMANDS[command.name](self, command.rest)
        except (CannotAct, UsageError) as error:
            self.say(self.paint(f"  cannot: {printable(str(error))}", "yellow"))

    def _help(self, rest: str) -> None:
        for line in help_lines(self.channel):
            self.say(line)

    def _state(self, rest: str) -> None:
        for line in self.scene.state_lines() or ["  nothing has begun"]:
            self.say(line)

    def _vars(self, rest: str) -> None:
        found = {name: "empty" if each in ("", None) else each for name, each in self.scene.variables().items()}
        self._values(found, "no variable holds anything")

    def _contact(self, rest: str) -> None:
        known = {name: each for name, each in self.scene.contact().items() if each not in ("", [], None)}
        self._values(known, "nothing is known of the contact")

    def _values(self, values: Mapping[str, Any], none: str) -> None:
        for name, value in values.items():
            self.say(f"  {name:<12} {printable(value if isinstance(value, str) else as_json(value))}".rstrip())
        if not values:
            self.say(f"  {none}")

    def _svaml(self, rest: str) -> None:
        phone, got = self.scene.phone, self.scene.chat.got
        found = phone.answer if phone is not None else got[-1].body if got else None
        if found is None:
            raise CannotAct("nothing was answered yet")
        self.say(json.dumps(found, indent=2, ensure_ascii=False))

    def _save(self, rest: str) -> None:
        name, file = _name_and_file(rest, self.file)
        if not name:
            raise UsageError("a scenario needs a name, such as /save gold customers skip the queue")
        from flowengine.scenarios.writing import insert_scenario

        scenario, notes = self.scene.scenario(name, file, self.servers())
        if not scenario.steps:
            raise CannotAct("nothing was played yet")
        insert_scenario(file, scenario)
        for each in notes:
            self.note(f"  {each}")
        self._say_saved(file, name)

    def _say_saved(self, file: Path, name: str) -> None:
        played = self.check(file, name)
        if played is None or played.failure is None:
            self.say(f'  saved as "{printable(name)}" in {shown_path(file)}' + ("; it passes" if played else ""))
            return
        failure = played.failure
        self.say(f'  saved as "{printable(name)}" in {shown_path(file)}, and it fails at line {failure.mark.line}:')
        self.say(f"    expected {printable(failure.expected)}")
        self.say(f"    but      {printable(failure.but)}")


def _name_and_file(rest: str, usual: Path) -> tuple[str, Path]:
    """A name, and behind it perhaps a file."""
    name, _, last = rest.strip().rpartition(" ")
    if last.endswith((".yaml", ".yml")):
        return name.strip().strip('"'), Path(last)
    return rest.strip().strip('"'), usual


_COMMANDS: Mapping[str, Callable[[Play, str], None]] = {
    "help": Play._help,
    "state": Play._state,
    "vars": Play._vars,
    "contact": Play._contact,
    "svaml": Play._svaml,
    "save": Play._save,
}
