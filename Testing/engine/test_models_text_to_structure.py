"""The text encoder as a network: what it promises of shapes and weights, and how its answers become structures."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from echoapex.errors import ModelError, PromptError
from echoapex.models.text_encoder_network import MAX_CLASSES, TextEncoder, text_words
from echoapex.models.text_to_structure import resolve_structure, resolve_text
from echoapex.structures import MAX_TEXT, structures


class Answering(TextEncoder):
    """Gives one answer to everything."""

    def __init__(self, answer: str | None, probability: float = 0.9) -> None:
        super().__init__()
        self.answer = answer, probability

    def resolve(self, text: str) -> tuple[str | None, float]:
        return self.answer


@pytest.fixture(scope="module")
def encoder() -> TextEncoder:
    torch.manual_seed(3)
    return TextEncoder().eval()


def test_scores_are_probabilities_of_each_structure_and_of_none(encoder: TextEncoder) -> None:
    scores = encoder.scores(["left ventricle", "", "\u5fc3\u81d3", "a much longer text about the right atrium"])
    assert encoder.classes == tuple(structures())
    assert scores.shape == (4, len(structures()) + 1)
    torch.testing.assert_close(scores.sum(-1), torch.ones(4))


@settings(max_examples=30)
@given(st.lists(st.text(max_size=40), min_size=1, max_size=6))
def test_a_text_scores_the_same_alone_and_beside_others(encoder: TextEncoder, texts: list[str]) -> None:
    together = encoder.scores(texts)
    for row, text in enumerate(texts):
        torch.testing.assert_close(together[row], encoder.scores([text])[0], atol=1e-5, rtol=1e-4)


def test_case_accents_and_punctuation_do_not_matter_but_letters_and_their_order_do(encoder: TextEncoder) -> None:
    scores = encoder.scores(["Left-VENTRICLE!", "left ventricle", "left ventriclé", "ventricle left", "left ventricel"])
    assert torch.equal(scores[0], scores[1])
    assert torch.equal(scores[1], scores[2])
    assert not torch.equal(scores[1], scores[3])
    assert not torch.equal(scores[1], scores[4])


def test_letter_groups_keep_their_rows() -> None:
    """Weights are learned for these rows: other ones would make every trained encoder useless."""
    words = text_words(["LV", "", "a bc"])
    assert words.groups[:10].tolist() == [3909, 766, 2948, 3909, 2862, 605, 3143, 3920, 1518, 3294]
    assert words.starts.tolist() == [0, 10, 13, 19]
    assert (words.places.tolist(), words.shape) == ([0, 2, 4, 5], (3, 2))


def test_all_weights_are_floating_and_small_enough_to_ship(encoder: TextEncoder) -> None:
    values = encoder.state_dict().values()
    assert all(value.is_floating_point() for value in values)
    assert sum(value.numel() for value in values) * 2 < 600_000


def test_an_encoder_brings_its_structures_with_its_weights_even_in_half_precision() -> None:
    torch.manual_seed(3)
    old = TextEncoder(["LV", "A_STRUCTURE_OF_LATER"]).eval()
    new = TextEncoder().eval()
    assert {name: value.shape for name, value in old.state_dict().items()} == {
        name: value.shape for name, value in new.state_dict().items()
    }
    new.load_state_dict({name: value.half() for name, value in old.state_dict().items()})
    assert new.classes == ("LV", "A_STRUCTURE_OF_LATER")
    torch.testing.assert_close(new.scores(["lv"]), old.scores(["lv"]), atol=2e-3, rtol=0.02)


@pytest.mark.parametrize(
    "classes", [[], ["LV", "LV"], ["L" * 33], [""], ["\u5fc3"], ["L\nV"], [f"S{n}" for n in range(MAX_CLASSES + 1)]]
)
def test_classes_without_room_or_name_are_refused(classes: list[str]) -> None:
    with pytest.raises(ModelError, match=r"text encoder|identifier of a structure"):
        TextEncoder(classes)


@pytest.mark.parametrize("code", [0.5, -3.0, 4000.0, float("nan"), float("inf")])
def test_weights_that_name_no_structures_are_refused(code: float) -> None:
    encoder = TextEncoder().eval()
    encoder.names[1, 1] = code
    with pytest.raises(ModelError, match="does not name its structures"):
        encoder.resolve("left ventricle")


def test_a_listed_name_needs_no_encoder_and_says_so() -> None:
    found = resolve_text("the LEFT ventricle", Answering("RA"))
    assert (found.structure.id, found.route, found.probability) == ("LV", "listed", None)
    assert found.reason == "Left ventricle cavity, by a name that is listed"


def test_other_text_is_read_by_the_encoder_and_the_answer_says_how_sure() -> None:
    found = resolve_text("the big pump on the lft", Answering("LV", 0.875))
    assert (found.structure.id, found.route, found.probability) == ("LV", "encoder", 0.875)
    assert found.reason == "Left ventricle cavity, as the text encoder reads it (probability 0.88)"


def test_without_an_encoder_typing_errors_are_repaired_and_it_is_said() -> None:
    found = resolve_text("letf ventricle")
    assert (found.structure.id, found.route) == ("LV", "spelling")
    assert found.reason == "Left ventricle cavity, by a name that is listed, but for typing errors"
    assert resolve_structure("letf ventricle").id == "LV"
    with pytest.raises(PromptError, match="known are"):
        resolve_structure("would you trace that")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("ight ventricular chambre", "LV"),
        ("letf artium cavity", "RA"),
        ("that LV thing", "RV_WALL"),
        ("l ventrikle", "RV"),
    ],
)
def test_left_and_right_are_never_mixed_up_whatever_the_encoder_says(text: str, answer: str) -> None:
    with pytest.raises(PromptError, match="other side"):
        resolve_text(text, Answering(answer))


@pytest.mark.parametrize("text", ["", "  ", "?", "\u5fc3\u81d3"])
def test_text_without_letters_is_refused_without_asking_the_encoder(text: str) -> None:
    with pytest.raises(PromptError, match="known are LV"):
        resolve_text(text, Answering("LV"))


def test_plain_typing_errors_are_mended_even_where_the_encoder_refuses() -> None:
    found = resolve_text("pericardail fluid", Answering(None))
    assert (found.structure.id, found.route) == ("PERICARDIAL_EFFUSION", "spelling")


def test_what_the_encoder_refuses_is_refused_with_what_may_be_meant() -> None:
    with pytest.raises(PromptError, match="names no structure I know; known are LV"):
        resolve_text("liver", Answering(None))
    with pytest.raises(PromptError, match=r"say which: LV \(.*\), RV"):
        resolve_text("the ventricle please", Answering(None))


def test_an_answer_that_this_version_does_not_know_is_refused() -> None:
    with pytest.raises(ModelError, match="does not know \\(found: SEPTUM\\)"):
        resolve_text("the septum", Answering("SEPTUM"))


def test_a_text_too_long_is_refused(encoder: TextEncoder) -> None:
    for read in (lambda text: resolve_text(text, encoder), encoder.resolve):
        with pytest.raises(PromptError, match=f"at most {MAX_TEXT} characters"):
            read("left ventricle " * 100_000)
