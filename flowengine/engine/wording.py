"""What the engine itself says, by language: defaults and apologies. English stands in for the rest."""

from __future__ import annotations

PHRASES: dict[str, dict[str, str]] = {
    "en": {
        "goodbye": "We did not get an answer. Goodbye.",
        "apology": "Something went wrong. Please call again later.",
        "recorded": "Thank you. Goodbye.",
        "unused": "This number is not in use.",
        "again": "Please call again.",
        "pardon": "Sorry, I did not understand that.",
    },
    "es": {
        "goodbye": "No hemos recibido respuesta. Adiós.",
        "apology": "Algo ha fallado. Vuelva a llamar más tarde.",
        "recorded": "Gracias. Adiós.",
        "unused": "Este número no está en uso.",
        "again": "Vuelva a llamar, por favor.",
        "pardon": "Lo siento, no lo he entendido.",
    },
    "sv": {
        "goodbye": "Vi fick inget svar. Hej då.",
        "apology": "Något gick fel. Ring gärna igen senare.",
        "recorded": "Tack. Hej då.",
        "unused": "Numret används inte.",
        "again": "Ring gärna igen.",
        "pardon": "Förlåt, det förstod jag inte.",
    },
    "de": {
        "goodbye": "Wir haben keine Antwort erhalten. Auf Wiederhören.",
        "apology": "Etwas ist schiefgegangen. Bitte rufen Sie später wieder an.",
        "recorded": "Vielen Dank. Auf Wiederhören.",
        "unused": "Diese Nummer ist nicht vergeben.",
        "again": "Bitte rufen Sie noch einmal an.",
        "pardon": "Das habe ich leider nicht verstanden.",
    },
    "fr": {
        "goodbye": "Nous n'avons pas reçu de réponse. Au revoir.",
        "apology": "Une erreur est survenue. Veuillez rappeler plus tard.",
        "recorded": "Merci. Au revoir.",
        "unused": "Ce numéro n'est pas attribué.",
        "again": "Veuillez rappeler.",
        "pardon": "Désolé, je n'ai pas compris.",
    },
}


def phrase(name: str, language: str) -> str:
    """One of ``goodbye apology recorded unused again pardon``, in the language of a tag such as ``es-MX``."""
    return PHRASES.get(language.split("-")[0].split("/")[0].lower(), PHRASES["en"])[name]
