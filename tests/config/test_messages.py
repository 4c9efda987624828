"""The pages' texts: complete in every language, and no more of them than the pages use."""

import re
from pathlib import Path

import pytest

from config.messages import LANGUAGES, chosen, messages
from water.device import DeviceState
from water.quality import Reason

PAGES = Path(__file__).parents[2] / "api" / "pages"


def used():
    """Keys that the code names, and those that it makes from states, qualities and reasons."""
    script = (PAGES / "static" / "overview.js").read_text(encoding="utf-8")
    python = "".join(file.read_text(encoding="utf-8") for file in PAGES.glob("*.py"))
    named = set(re.findall(r"\btexts\.(\w+)", script))
    named |= set(re.findall(r"(?:texts|messages\(language\))\[[\"'](\w+)[\"']\]", python))
    made = {f"reason_{reason.name.lower()}" for reason in Reason if reason is not Reason.NONE}
    made |= {state.value for state in DeviceState} | {"uncertain", "bad", "reservoirs", "devices"}
    return named | made


def test_every_text_that_a_page_uses_exists_and_no_other():
    assert set(messages("en")) == used()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_is_complete(language):
    texts = messages(language)
    assert list(texts) == list(messages("en"))
    assert [
        key for key, said in texts.items() if not isinstance(said, str) or not said.strip()
    ] == []
    assert texts["direction"] == ("rtl" if language == "ar" else "ltr")


def test_the_languages_differ():
    """A text that was copied and not translated stands out."""
    same_in_french = {
        key for key, said in messages("fr").items() if said == messages("en")[key]
    } - {"direction", "title", "production", "m3", "m3_per_h", "hours", "metres"}
    assert same_in_french == set()
    latin = {key for key, said in messages("ar").items() if re.search("[A-Za-z]", said)}
    assert latin == {"direction"}


@pytest.mark.parametrize(
    ("wanted", "accepted", "language"),
    [
        ("ar", "en", "ar"),
        ("xx", "en-GB,fr;q=0.5", "en"),
        (None, "de, ar-DZ;q=0.8", "ar"),
        (None, None, "fr"),
        (None, "de", "fr"),
    ],
)
def test_the_language_chosen(wanted, accepted, language):
    assert chosen(wanted, accepted) == language
