"""Opening what the checks look at, without making anything that is not there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from flowengine.doctor.base import Finding, Site, parted
from flowengine.problems import errors
from flowengine.report import counted
from flowengine.settings import DEFAULT_STORE
from flowengine.stores import Store, StoreDown, StoreRefused, open_store
from flowengine.stores.peek import missing

SERVES = "to answer anything"
KEEPS = "to remember calls and conversations"


def opened(env: Mapping[str, str]) -> Site:
    """Everything that there is of it; whoever called closes ``store``."""
    url = env.get("FLOWENGINE_STORE") or DEFAULT_STORE
    store, about = _store(url, env)
    site = Site(env, Finding("skip", "flows", ""), about, url, store=store)
    _read_flows(site)
    return site


def _read_flows(site: Site) -> None:
    if site.env.get("FLOWENGINE_ARTEFACT"):
        _read_artefact(site, site.env["FLOWENGINE_ARTEFACT"])
    else:
        _build(site, site.env.get("FLOWENGINE_FLOWS") or "flows")


def _read_artefact(site: Site, path: str) -> None:
    from flowengine.build import BadArtefact, read_artefact

    try:
        artefact, site.revision = read_artefact(Path(path).read_bytes())
    except OSError as error:
        site.about = Finding(
            "FAIL", "flows", f"{path} cannot be read ({error.strerror})", SERVES, "flowengine compile -o"
        )
        return
    except BadArtefact as error:
        found, fix = parted(str(error))
        site.about = Finding("FAIL", "flows", f"{path}: {found}", SERVES, fix)
        return
    site.flows, site.needs_env = artefact["flows"], artefact["env"]
    states = sum(len(flow["states"]) for flow in site.flows.values())
    told = f"{counted(len(site.flows), 'flow')}, {counted(states, 'state')}, compiled in {path}"
    site.about = Finding("ok", "flows", f"{told}, revision {site.revision}")


def _build(site: Site, path: str) -> None:
    from flowengine.build import build
    from flowengine.project import UsageError

    try:
        built = build([path])
    except UsageError as error:
        fix = "set FLOWENGINE_FLOWS to the folder of the flows, or begin here"
        site.about = Finding("FAIL", "flows", str(error).rstrip("."), SERVES, fix)
        return
    many = len(built.source.loaded)
    told = f"{counted(many, 'flow')}, {counted(built.states, 'state')}"
    wrong = errors(built.problems)
    if built.artefact is None or not many:
        first = f"; the first: {wrong[0].mark}: {wrong[0].message}" if wrong else ""
        what = f"{told}, {counted(len(wrong), 'error')}{first}" if many else f"there are no flows (*.yaml) in {path}"
        fix = "flowengine validate tells all of them" if wrong else "write one, or set FLOWENGINE_FLOWS"
        site.about = Finding("FAIL", "flows", what, SERVES, fix)
        return
    site.flows, site.needs_env, site.revision = built.artefact["flows"], built.artefact["env"], built.revision
    if built.problems:
        warned = f"{told}, {counted(len(built.problems), 'warning')} (flowengine validate tells them)"
        site.about = Finding("warn", "flows", f"{warned}, revision {built.revision}")
    else:
        site.about = Finding("ok", "flows", f"{told}, no problems, revision {built.revision}")


def _store(url: str, env: Mapping[str, str]) -> tuple[Store | None, Finding]:
    workers = env.get("FLOWENGINE_WORKERS") or "2"
    path = missing(url)
    try:
        if path:
            return None, _not_yet(Path(path).absolute())
        store = open_store(url, int(workers) if workers.isdigit() else 2)
    except StoreRefused as refused:
        return None, Finding("FAIL", "store", *_three(str(refused)))
    except StoreDown as error:
        return None, Finding(
            "FAIL", "store", str(error).rstrip("."), KEEPS, "start it, or set FLOWENGINE_STORE to the one there is"
        )
    return store, Finding("ok", "store", "")


def _three(sentence: str) -> tuple[str, str, str]:
    found, fix = parted(sentence)
    return found, KEEPS, fix or "see FLOWENGINE_STORE in docs/running.md"


def _not_yet(path: Path) -> Finding:
    """What would become of a file that is not there."""
    from flowengine.stores.sqlite_file import MOUNTS, network_file_system

    folder = next(each for each in path.parents if each.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        what = f"{path} cannot be made: this user may not write in {folder}"
        return Finding("FAIL", "store", what, KEEPS, "give it the right to, or name another file in FLOWENGINE_STORE")
    kind = network_file_system(path, MOUNTS.read_text(errors="replace") if MOUNTS.exists() else "")
    if kind:
        what = f"{path} would be on a network file system ({kind}), where SQLite loses data"
        return Finding("FAIL", "store", what, KEEPS, "put it on a local disk")
    return Finding("skip", "store", f"{path} is not there yet; the first start makes it")
