"""Ready-made menus: the wording and choices that most lines ask for, as in the platform's own helpers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

# name -> (arguments, prompt with {argument}, choice values with their keys)
_FIXED: dict[str, tuple[tuple[str, ...], str, dict[str, str]]] = {
    "business": (
        ("company",),
        "Thank you for calling {company}. For sales press 1, for support press 2, for the operator press 0.",
        {"sales": "1", "support": "2", "operator": "0"},
    ),
    "yes_no": (("question",), "{question} For yes press 1, for no press 2.", {"yes": "1", "no": "2"}),
    "after_hours": (
        ("company", "hours"),
        "Thank you for calling {company}. We are closed now. Our hours are {hours}. To leave a message press 1, "
        "to hear our web site press 2, in an emergency press 3.",
        {"voicemail": "1", "website": "2", "emergency": "3"},
    ),
    "recording_consent": (
        (),
        "This call may be recorded. To agree press 1, to go on without a recording press 2.",
        {"consent": "1", "no_consent": "2"},
    ),
    "callback_request": ((), "To hold press 1, to be called back press 2.", {"hold": "1", "callback": "2"}),
    "customer_service": (
        (),
        "For billing press 1, for technical help press 2, for a new service press 3, for an agent press 4.",
        {"billing": "1", "technical": "2", "new_service": "3", "agent": "4"},
    ),
    "satisfaction_survey": (
        (),
        "How was our service? For excellent press 1, for good press 2, for fair press 3, for poor press 4.",
        {"excellent": "1", "good": "2", "fair": "3", "poor": "4"},
    ),
}

LANGUAGE_NAMES = {
    "da": "dansk", "de": "deutsch", "en": "english", "es": "español", "fi": "suomi", "fr": "français",
    "it": "italiano", "nb": "norsk", "nl": "nederlands", "pl": "polski", "pt": "português", "sv": "svenska",
}  # fmt: skip
_VALUES = str.maketrans("ñçáéíóúüöäå", "ncaeiouuoaa")

TEMPLATES = (*_FIXED, "language")
ARGUMENTS = ("company", "question", "hours")


def wanted(template: str) -> tuple[str, ...]:
    """The arguments a template needs."""
    return _FIXED[template][0] if template in _FIXED else ()


def fixed(template: str, arguments: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The wording, with the arguments put in, and the keys by value."""
    _, wording, keys = _FIXED[template]
    return wording.format_map(arguments), dict(keys)


def languages(tags: tuple[str, ...]) -> list[tuple[str, str, str, str]]:
    """``(value, key, tag, sentence)`` for each language a caller may choose, in its own words."""
    phrase: dict[str, Callable[[str, str], str]] = {
        "en": lambda name, key: f"For {name} press {key}.",
        "es": lambda name, key: f"Para {name} marque {key}.",
        "fr": lambda name, key: f"Pour {name}, tapez {key}.",
        "de": lambda name, key: f"Für {name} drücken Sie {key}.",
        "sv": lambda name, key: f"För {name} tryck {key}.",
    }
    found: list[tuple[str, str, str, str]] = []
    for number, tag in enumerate(tags, 1):
        short = tag.split("-")[0].lower()
        name = LANGUAGE_NAMES.get(short, tag)
        say = phrase.get(short, phrase["en"])
        value = name.translate(_VALUES) if short in LANGUAGE_NAMES else tag.lower().replace("-", "_")
        found.append((value, str(number), tag, say(name.capitalize() if short == "en" else name, str(number))))
    return found
