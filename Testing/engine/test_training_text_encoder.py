"""Training of the text encoder: phrases as people write them, none of them a test phrase, and what it must reach."""

from __future__ import annotations

import json
import random
from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from model_cases import shipped_model

from echoapex import resources
from echoapex.errors import PromptError
from echoapex.models.text_encoder_network import TextEncoder
from echoapex.models.text_to_structure import resolve_text
from echoapex.structures import ambiguous_phrases, known_phrases, normalized, sides, structures
from echoapex.training.text_encoder_training import (
    PhraseMaker,
    foreign_terms,
    held_out,
    misspelled,
    train_text_encoder,
    word_orders,
)

PARTS = json.loads(resources.path("Evaluation/phrases.json").read_text(encoding="utf-8"))
KNOWN = [
    (phrase, structure)
    for structure, kinds in PARTS["test"]["phrases"].items()
    for phrases in kinds.values()
    for phrase in phrases
]
FOREIGN = [phrase for phrases in PARTS["test"]["foreign"].values() for phrase in phrases]


@pytest.fixture(scope="session", params=["shipped", "trained"])
def encoder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> TextEncoder:
    """That of the shipped model, and one trained anew."""
    if request.param == "trained":
        return train_text_encoder()
    found = shipped_model(tmp_path_factory.mktemp("no-models")).text
    assert found is not None
    return found


def test_the_test_holds_what_was_promised() -> None:
    assert (len(KNOWN), len(FOREIGN)) == (200, 100)
    assert Counter(structure for _, structure in KNOWN) == dict.fromkeys(structures(), 25)
    assert {"liver", "mitral regurgitation", "pulmonary vein"} < set(FOREIGN)
    both = [*(phrase for phrase, _ in KNOWN), *FOREIGN]
    assert len({normalized(phrase) for phrase in both}) == 300
    assert {normalized(phrase) for phrase in both} < held_out()


def test_no_test_phrase_is_on_a_list_that_training_reads() -> None:
    lists = {*known_phrases(), *ambiguous_phrases(), *word_orders(), *foreign_terms()}
    assert not lists & held_out()


def test_no_test_phrase_is_made_for_training() -> None:
    maker = PhraseMaker(7)
    made = {maker.known()[0] for _ in range(4000)} | {maker.foreign() for _ in range(4000)}
    assert not made & held_out()
    assert len(made) > 6000


def test_the_same_seed_makes_the_same_phrases_and_another_makes_others() -> None:
    first, again, other = (PhraseMaker(seed) for seed in (1, 1, 2))
    phrases = [(maker.known(), maker.foreign(), maker.known()) for maker in (first, again, other)]
    assert phrases[0] == phrases[1]
    assert phrases[0] != phrases[2]


def test_rewritten_phrases_keep_their_side_and_every_structure_has_some() -> None:
    for phrase, structure in word_orders().items():
        meant = sides(structures()[structure].name)
        assert not sides(phrase) or sides(phrase) & meant or "la" in phrase.split(), (phrase, structure)
    assert set(word_orders().values()) == set(structures())
    assert word_orders()["ventricle left"] == "LV"
    assert word_orders()["wall of the right ventricle"] == "RV_WALL"


def test_nothing_is_both_known_and_foreign() -> None:
    assert not set(word_orders()) & set(foreign_terms())


@given(st.sampled_from(sorted(known_phrases())), st.integers(0, 2**32))
def test_typing_errors_are_small_and_leave_abbreviations_alone(phrase: str, seed: int) -> None:
    typed = misspelled(phrase, random.Random(seed))
    assert abs(len(typed) - len(phrase)) <= 1
    short = [word for word in phrase.split() if len(word) < 4]
    if len(typed.split()) == len(phrase.split()):
        assert [word for word in typed.split() if word in short] == short or not short


def test_training_is_repeatable_and_leaves_the_callers_random_numbers_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, again, other = (train_text_encoder(seed, steps=3).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.rand(3), expected)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["word.weight"], other["word.weight"])


def test_phrases_never_trained_on_are_understood_and_foreign_ones_refused(encoder: TextEncoder) -> None:
    answers = [(phrase, structure, encoder.resolve(phrase)[0]) for phrase, structure in KNOWN]
    wrong = [answer for answer in answers if answer[1] != answer[2]]
    accepted = [(phrase, encoder.resolve(phrase)) for phrase in FOREIGN if encoder.resolve(phrase)[0] is not None]
    assert len(wrong) <= 10, wrong
    assert len(accepted) <= 5, accepted


def test_left_is_never_read_as_right(encoder: TextEncoder) -> None:
    chance = random.Random(4)
    for phrase, structure in sorted(known_phrases().items()):
        for _ in range(4):
            try:
                found = resolve_text(misspelled(phrase, chance), encoder).structure
            except PromptError:
                continue
            said, meant = sides(found.name), sides(structures()[structure].name)
            assert not said or not meant or said == meant, (phrase, found.id)


def test_half_precision_gives_the_same_answers(encoder: TextEncoder) -> None:
    half = TextEncoder().eval()
    half.load_state_dict({name: value.half() for name, value in encoder.state_dict().items()})
    phrases = [phrase for phrase, _ in KNOWN] + FOREIGN
    torch.testing.assert_close(half.scores(phrases), encoder.scores(phrases), atol=0.02, rtol=0)
