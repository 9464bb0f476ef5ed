"""Blocks: what a menu's choice leads to, found once as far as nothing on the way can vary but words.

A turn that meets one speaks what the block holds and goes on where it ends; every other turn walks state by state.
What both come to is the same: a block only leaves out what such states do not do.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from flowengine.linking import Branch, Node, Program
from flowengine.states.choices import RESERVED


class Block(NamedTuple):
    """``path`` are the states gone through and ``spoken`` their prompts, in order.

    ``last`` is the state whose turn it is to act then, the last of the path; without one the run goes on to ``to``.
    """

    path: tuple[str, ...]
    spoken: tuple[Any, ...]
    last: Node | None
    to: str = ""


def block_of(program: Program, menu: Node, choice: str) -> Block | None:
    """What a choice of a menu leads to; None where the choice itself has to be looked at."""
    reaction = menu.events.get(choice)
    keeps = "into" in menu.op or choice in (menu.op.get("languages") or ())
    if reaction is None or reaction.default or choice in RESERVED or choice == "error" or keeps:
        return None
    if reaction.to:
        return _visit(program, reaction.to, (), ())
    handler = reaction.handler
    if handler is None or handler.retry or not _plain(handler.branches[0]):
        return None
    return _take(program, handler.branches[0], (), ())


def _take(program: Program, branch: Branch, path: tuple[str, ...], spoken: tuple[Any, ...]) -> Block:
    return _visit(program, branch.to, path, (*spoken, *(op for _, op in branch.do)))


def _visit(program: Program, name: str, path: tuple[str, ...], spoken: tuple[Any, ...]) -> Block:
    node = program.states.get(name)
    if node is None or node.counted or name in path or not _only_speaks(node.do):
        return Block(path, spoken, None, name)
    path, spoken = (*path, name), (*spoken, *(op for _, op in node.do))
    if node.kind is None and node.next is not None and _plain(node.next):
        return _take(program, node.next, path, spoken)
    return Block(path, spoken, node)


def _plain(branch: Branch) -> bool:
    return branch.when is None and _only_speaks(branch.do)


def _only_speaks(do: Any) -> bool:
    return all(instruct.name == "say" for instruct, _ in do)
