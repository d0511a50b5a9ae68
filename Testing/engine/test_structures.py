"""Names, synonyms and typing errors to structures without a model; refusals that help; Slicer's terminology."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echoapex import resources
from echoapex.errors import PromptError
from echoapex.structures import (
    MAX_TEXT,
    ambiguous_phrases,
    find_structure,
    known_phrases,
    listed_structure,
    normalized,
    sides,
    structures,
)

PHRASES = sorted((phrase, item.id) for item in structures().values() for phrase in (item.name, *item.synonyms))


def test_known_structures_keep_their_order() -> None:
    assert list(structures()) == ["LV", "LV_MYO", "LA", "RV", "RA", "AO", "RV_WALL", "PERICARDIAL_EFFUSION"]


def test_no_phrase_is_listed_twice() -> None:
    """Two structures that share a synonym would make one of them unreachable."""
    listed = [normalized(phrase) for item in structures().values() for phrase in (item.name, *item.synonyms)]
    assert len(listed) == len(set(listed))
    assert not set(listed) & set(ambiguous_phrases())


@pytest.mark.parametrize(("phrase", "identifier"), PHRASES)
def test_listed_phrases_are_found_in_any_case_and_within_a_plain_request(phrase: str, identifier: str) -> None:
    for text in (phrase, phrase.upper(), f"  Please segment the {phrase}! "):
        assert find_structure(text).id == identifier


@pytest.mark.parametrize(
    ("text", "identifier"),
    [
        ("L.V.", "LV"),
        ("letf ventricle", "LV"),
        ("eft ventricle", "LV"),
        ("ight ventricle", "RV"),
        ("rigth ventricle", "RV"),
        ("leftventricle", "LV"),
        ("left artium", "LA"),
        ("pericardail effusion", "PERICARDIAL_EFFUSION"),
        ("rv free wal", "RV_WALL"),
        ("ÉPANCHEMENT PÉRICARDIQUE", "PERICARDIAL_EFFUSION"),
        ("ventriculo izquierdo", "LV"),
        ("ＬＶ", "LV"),
    ],
)
def test_typing_errors_accents_and_dots_do_not_matter(text: str, identifier: str) -> None:
    assert find_structure(text).id == identifier


@pytest.mark.parametrize(
    "text",
    ["", "   ", "?!", "\N{ANATOMICAL HEART}", "\u5fc3\u81d3", "liver", "left kidney", "left ventricular mass", "l",
     "xv", "mitral valve", "left atrial appendage", "right", "ra la"],
)  # fmt: skip
def test_text_that_names_nothing_known_is_refused_with_what_is_known(text: str) -> None:
    with pytest.raises(PromptError, match=r"LA \(Left atrium\)|RA \(Right atrium\)"):
        find_structure(text)


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("ventricle", {"LV", "RV"}),
        ("the ventricel", {"LV", "RV"}),
        ("atria", {"LA", "RA"}),
        ("wall", {"LV_MYO", "RV_WALL"}),
        ("left", {"LV", "LV_MYO", "LA"}),
        ("right heart", {"RV", "RA", "RV_WALL"}),
        ("LV and RV", {"LV", "RV"}),
        ("left atrium with pericardial effusion", {"LA", "PERICARDIAL_EFFUSION"}),
    ],
)
def test_text_that_fits_several_structures_is_refused_with_those(text: str, fits: set[str]) -> None:
    with pytest.raises(PromptError, match="fits several structures, say which") as caught:
        find_structure(text)
    assert {item.id for item in structures().values() if f"{item.id} ({item.name})" in str(caught.value)} == fits


@pytest.mark.parametrize("abbreviation", ["LV", "LA", "RV", "RA", "AO"])
def test_no_abbreviation_is_taken_for_another(abbreviation: str) -> None:
    """One letter lies between LA and RA: what is not exactly one of them is not repaired."""
    for place in range(2):
        for letter in "abcdefghijklmnopqrstuvwxyz":
            text = abbreviation.lower()[:place] + letter + abbreviation.lower()[place + 1 :]
            found = listed_structure(text)
            assert (found is None) == (text not in known_phrases())
            if found is None:
                with pytest.raises(PromptError):
                    find_structure(text)


@given(st.sampled_from(PHRASES), st.data())
def test_one_typing_error_never_turns_a_structure_into_another(phrase: tuple[str, str], data: st.DataObject) -> None:
    words = normalized(phrase[0])
    place = data.draw(st.integers(0, len(words) - 1))
    if len(next(word for end, word in _ends(words) if place <= end)) < 4:
        return
    letter = data.draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz"))
    typed = data.draw(st.sampled_from(["", letter, words[place] * 2]))
    text = words[:place] + typed + words[place + 1 :]
    try:
        found = find_structure(text).id
    except PromptError:
        return
    assert found == phrase[1]


def _ends(words: str) -> list[tuple[int, str]]:
    """Each word with the place of the space after it."""
    ends, place = [], -1
    for word in words.split():
        place += len(word) + 1
        ends.append((place, word))
    return ends


@given(st.text(max_size=MAX_TEXT))
def test_any_text_is_resolved_or_refused(text: str) -> None:
    try:
        assert find_structure(text).id in structures()
    except PromptError as error:
        assert "known are" in error.rule or "say which" in error.rule
    assert normalized(normalized(text)) == normalized(text)


def test_a_text_too_long_is_refused_before_it_is_read() -> None:
    with pytest.raises(PromptError, match="at most 200 characters"):
        find_structure("left ventricle " * 1_000_000)


def test_sides_are_read_through_typing_errors_and_abbreviations() -> None:
    assert sides("letf ventricle") == sides("LV please") == sides("linker Vorhof") == {"left"}
    assert sides("ight atrium") == sides("R.A.") == sides("oreillette droite") == {"right"}
    assert sides("aortic root") == sides("pericardial effusion") == set()
    assert sides("left and right") == {"left", "right"}


def _terms() -> dict[tuple[str, str], dict[str, object]]:
    """EchoTerms by serialized category and type."""
    content = json.loads(resources.path("Terminologies/EchoTerms.term.json").read_text(encoding="utf-8"))
    assert content["SegmentationCategoryTypeContextName"] == "EchoTerms"
    found = {}
    for category in content["SegmentationCodes"]["Category"]:
        for kind in category["Type"]:
            found[_code(category), _code(kind)] = kind
    return found


def _code(item: dict[str, str]) -> str:
    return "^".join(item[name] for name in ("CodingSchemeDesignator", "CodeValue", "CodeMeaning"))


def test_every_structure_has_a_whole_entry_for_slicer_with_its_code() -> None:
    for item in structures().values():
        fields = item.terminology.split("~")
        assert len(fields) == 7
        assert fields[2] == f"SCT^{item.snomed[0]}^{item.snomed[1]}"
        assert [field.count("^") for field in fields] == [0, 2, 2, 2, 0, 2, 2]


def test_echo_terms_hold_what_slicers_own_lists_lack_and_nothing_else() -> None:
    wanted = {}
    for item in structures().values():
        context, category, kind, *_ = item.terminology.split("~")
        if context == "EchoTerms":
            wanted[category, kind] = list(item.color)
    assert {codes: kind["recommendedDisplayRGBValue"] for codes, kind in _terms().items()} == wanted
