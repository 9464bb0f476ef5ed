"""Which of a flow's languages somebody is written to in."""

from __future__ import annotations

from collections.abc import Sequence


def fitting(wanted: str, languages: Sequence[str]) -> str:
    """The language itself, else one of the same tongue, else the first: ``es_MX`` fits ``es``."""
    if not wanted or len(languages) == 1:
        return languages[0]
    tag = wanted.replace("_", "-").lower()
    tongue = tag.split("-")[0]
    known = [each.lower().replace("_", "-") for each in languages]
    if tag in known:
        return languages[known.index(tag)]
    tongues = [each.split("-")[0] for each in known]
    return languages[tongues.index(tongue)] if tongue in tongues else languages[0]
