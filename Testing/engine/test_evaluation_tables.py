"""Tables against trials written by hand: a perfect model, a constant one and an inverted one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from echoapex.evaluation.page.metric_names import explanations, kind
from echoapex.evaluation.tables.carrying import carrying_table
from echoapex.evaluation.tables.ef_walls_beats import beats_table, ef_table, walls_table
from echoapex.evaluation.tables.prompts import prompts_table
from echoapex.evaluation.tables.segmentation import segmentation_table
from echoapex.evaluation.tables.views import views_table
from echoapex.evaluation.trial_types import (
    AbsentTrial,
    BeatTrial,
    CarryTrial,
    ClickTrial,
    ClipBeats,
    EfTrial,
    Findings,
    HeldOutTrial,
    LandmarkTrial,
    MaskTrial,
    PhraseTrial,
    RemovalTrial,
    ShiftTrial,
    ViewTrial,
    WallTrial,
)

NAN = float("nan")
KINDS = ("text", "box", "box+text", "click1")


SQUARE, CORNER = np.ones((64, 64), np.uint8), np.tri(64, dtype=np.uint8)
"""Two shapes with the same box: all of it, and below its diagonal."""

SQUARE_AND_CORNER = 2 * CORNER.sum() / (SQUARE.sum() + CORNER.sum())


def masks(
    seed: int,
    dice: float,
    confidence: float,
    *,
    view: str = "A4C",
    shift: int = 0,
    shape: NDArray[np.uint8] = SQUARE,
    area_ratio: float = 1.0,
) -> Findings:
    """One outlined ventricle, its truth a square that lies ``shift`` cells to the right, said to have a ``shape``."""
    covered = np.zeros((96, 96), np.uint8)
    covered[20:60, 10 + shift : 50 + shift] = 255
    by_kind = (dict.fromkeys(KINDS, value) for value in (dice, confidence, area_ratio))
    trial = MaskTrial(view, 3, "LV", *by_kind, 1.5, 900.0, (1.0, 1.0), "lv", "shape/lv")
    return Findings(seed, masks=[trial], arrays={"lv": covered, "shape/lv": shape})


def test_dice_stands_beside_the_best_fixed_mask() -> None:
    table = segmentation_table([masks(1, 0.9, 0.8), masks(2, 0.7, 0.8)], ["LV"])
    assert table["dice/LV/text"]["value"] == pytest.approx(0.8)
    assert table["dice/LV/click1"]["constant"] == 1, "both truths are the same"
    assert table["surface_mm/LV"] == {"value": 1.5, "ci": None, "constant": 0.0}
    apart = segmentation_table([masks(1, 0.9, 0.8), masks(2, 0.9, 0.8, shift=20)], ["LV"])
    # One of them is met and half of the other, or what both have in common of each.
    assert apart["dice/LV/text"]["constant"] == pytest.approx(0.8, abs=0.06)


def test_boxes_stand_beside_the_mean_shape_of_the_others_in_the_box() -> None:
    three = [masks(1, 0.9, 0.9), masks(2, 0.9, 0.9), masks(3, 0.9, 0.9, shape=CORNER)]
    table = segmentation_table(three, ["LV"])
    # Of a square and a corner all of the square is shown by a half or more, but by more than that only the corner.
    reached = np.mean([SQUARE_AND_CORNER, SQUARE_AND_CORNER, SQUARE_AND_CORNER])
    for name in ("", "/A4C"):
        assert table[f"dice/LV/mean_shape_in_box{name}"]["value"] == pytest.approx(reached)
        assert table[f"dice/LV/mean_shape_in_box{name}"]["constant"] == 1, "all truths lie in the same place"
        assert table[f"dice/LV/box{name}"]["constant"] == pytest.approx(reached)
    assert table["dice/LV/box+text"]["constant"] == pytest.approx(reached)
    assert table["dice/LV/text"]["constant"] == 1


def test_the_mean_shape_is_that_of_the_same_view() -> None:
    squares = [masks(k, 0.9, 0.9) for k in (1, 2)]
    corners = [masks(k, 0.7, 0.9, view="PLAX", shape=CORNER) for k in (3, 4)]
    table = segmentation_table([*squares, *corners], ["LV"])
    assert table["dice/LV/mean_shape_in_box"]["value"] == 1
    assert table["dice/LV/box/A4C"]["value"] == pytest.approx(0.9)
    assert table["dice/LV/box/PLAX"]["value"] == pytest.approx(0.7)


def test_one_patient_has_no_mean_shape_of_others() -> None:
    table = segmentation_table([masks(1, 0.9, 0.8)], ["LV"])
    assert table["dice/LV/box"] == {"value": 0.9, "ci": None, "constant": None}
    assert not any("mean_shape" in name for name in table)


def test_the_second_truth_of_the_ventricle_stands_apart() -> None:
    patients = [masks(1, 0.9, 0.8, area_ratio=1.0), masks(2, 0.9, 0.8, area_ratio=1.2)]
    for patient, found in zip(patients, (0.6, 0.7), strict=True):
        inside = masks(patient.seed, found, 0.1, area_ratio=2.0)
        patient.inside_trabeculae.append(replace(inside.masks[0], structure="LV_inside_trabeculae"))
    table = segmentation_table(patients, ["LV"])
    assert table["dice/LV/text"]["value"] == pytest.approx(0.9)
    assert table["dice/LV_inside_trabeculae/text"]["value"] == pytest.approx(0.65)
    assert table["dice/LV_inside_trabeculae/box"]["constant"] == 1
    assert table["area_ratio/LV/text"]["value"] == pytest.approx(1.1)
    assert table["area_ratio/LV_inside_trabeculae/box"]["value"] == 2
    assert table["confidence_error"]["value"] == pytest.approx(0.1), "of the first truth alone"
    assert not any("inside" in name for name in segmentation_table([masks(1, 0.9, 0.8)], ["LV"]))


def carried(way: str, dice: list[float], confidence: list[float], swing: float) -> CarryTrial:
    return CarryTrial("A4C", way, dice, confidence, [0.8] * len(dice), swing, 0.4)


def test_carried_masks_stand_beside_the_given_one_kept_still() -> None:
    patients = [
        Findings(1, carried=[carried("box", [0.9, 0.7], [0.8, 0.6], 0.3), carried("box/flow", [0.5], [0.9], 0.0)]),
        Findings(2, carried=[carried("box", [1.0, 0.8], [0.9, 0.7], 0.6)]),
    ]
    table = carrying_table(patients)
    assert table["carried_dice/LV/box"] == {"value": pytest.approx(0.85), "ci": None, "constant": pytest.approx(0.8)}
    assert table["carried_worst/LV/box"]["value"] == pytest.approx(0.75)
    assert table["swing_error/LV/box"] == {"value": pytest.approx(0.15), "ci": None, "constant": pytest.approx(0.4)}
    assert table["confidence_error/LV/box"]["value"] == pytest.approx(0.1)
    assert table["confidence_error/LV/box"]["constant"] == pytest.approx(0.1)
    assert table["confidence_correlation/LV/box"]["value"] == pytest.approx(1.0)
    assert table["carried_dice/LV/box/flow"]["value"] == 0.5
    assert table["swing_error/LV/box/flow"]["value"] == pytest.approx(0.4), "what never moves is the constant"
    # Of a single frame there is nothing to correlate.
    assert np.isnan(table["confidence_correlation/LV/box/flow"]["value"])


def test_views_beside_the_main_ones_are_told_apart_and_not_pooled() -> None:
    table = segmentation_table([masks(1, 0.9, 0.9), masks(2, 0.3, 0.9, view="A5C")], ["LV"])
    assert table["dice/LV/text"]["value"] == pytest.approx(0.9)
    assert table["dice/LV/text/A5C"]["value"] == pytest.approx(0.3)
    assert table["confidence_error"]["value"] == pytest.approx(0.0)


def test_a_confidence_that_knows_warns_and_an_inverted_one_misleads() -> None:
    bad, good = (0.5, 0.6, 0.7), (0.9, 0.92, 0.97)
    sure = segmentation_table([masks(k, d, d) for k, d in enumerate(bad + good)], ["LV"])
    wrong = segmentation_table([masks(k, d, 1 - d) for k, d in enumerate(bad + good)], ["LV"])
    assert sure["confidence_auc"]["value"] == 1 and wrong["confidence_auc"]["value"] == 0
    assert sure["confidence_auc"]["constant"] == 0.5
    assert sure["confidence_auc/LV"]["ci"] == (1.0, 1.0)
    assert sure["confidence_error"]["value"] == pytest.approx(0)
    # The best single guess is the median of what is reached, 0.8.
    assert sure["confidence_error"]["constant"] == pytest.approx(np.mean([0.3, 0.2, 0.1, 0.1, 0.12, 0.17]))


def test_missing_masks_are_counted_and_do_not_spoil_the_distance() -> None:
    nothing = masks(1, 0.0, 0.4)
    nothing.masks[0] = MaskTrial(**{**vars(nothing.masks[0]), "surface_mm": NAN})
    table = segmentation_table([nothing, masks(2, 0.9, 0.9)], ["LV", "RV"])
    assert table["missed/LV"]["value"] == 0.5 and table["surface_mm/LV"]["value"] == 1.5
    assert not any("RV" in name for name in table)


def test_false_alarms_are_the_share_of_absent_structures_found() -> None:
    patient = Findings(1, absent=[AbsentTrial("A2C", "RV", True), AbsentTrial("A2C", "RV", False)])
    assert segmentation_table([patient], ["RV"])["false_alarm/RV"]["value"] == 0.5


def test_ef_is_scored_where_it_was_measured() -> None:
    trials = [EfTrial("A4C", 50.0, 54.0), EfTrial("A2C", NAN, 54.0), EfTrial("biplane", 60.0, 54.0)]
    other = [EfTrial("A4C", 30.0, 34.0), EfTrial("A2C", 34.0, 34.0), EfTrial("biplane", 34.0, 34.0)]
    table = ef_table([Findings(1, ef=trials), Findings(2, ef=other)])
    assert table["ef_measured"]["value"] == 0.75 and table["ef_biplane_measured"]["value"] == 1
    assert table["ef_mae"]["value"] == pytest.approx(8 / 3)
    assert table["ef_biplane_mae"] == {"value": 3.0, "ci": None, "constant": 10.0}
    assert table["ef_biplane_ratio"]["value"] == pytest.approx(0.3)
    nothing = ef_table([Findings(1, ef=[EfTrial("biplane", NAN, 50.0)])])
    assert nothing["ef_biplane_measured"]["value"] == 0 and "ef_biplane_mae" not in nothing


def test_walls_of_a_perfect_a_constant_and_a_blind_model() -> None:
    truths = (6.0, 8.0, 10.0, 12.0, 17.0)

    def scored(answer: list[float]) -> dict[str, dict[str, object]]:
        rows = zip(answer, truths, strict=True)
        return walls_table([Findings(k, walls=[WallTrial("IVSd", a, t)]) for k, (a, t) in enumerate(rows)])

    perfect, constant = scored(list(truths)), scored([10.0] * 5)
    assert perfect["mae_mm/IVSd"]["value"] == 0 and perfect["r2/IVSd"]["value"] == 1
    assert constant["mae_mm/IVSd"]["value"] == constant["mae_mm/IVSd"]["constant"] == pytest.approx(3.0)
    assert constant["ratio/IVSd"]["value"] == pytest.approx(1)
    assert scored([NAN] * 5) == {"measured/IVSd": {"value": 0.0, "ci": (0.0, 0.0), "constant": None}}


def test_landmarks_are_off_by_millimeters() -> None:
    trials = [LandmarkTrial("IVS-RV", 0, (13.0, 14.0), (10.0, 10.0), 0.5)]
    other = [LandmarkTrial("IVS-RV", 0, (10.0, 20.0), (10.0, 20.0), 1.0)]
    table = walls_table([Findings(1, landmarks=trials), Findings(2, landmarks=other)])
    assert table["landmark_mm/IVS-RV"]["value"] == pytest.approx((2.5 + 0) / 2)
    assert table["landmark_mm/IVS-RV"]["constant"] == pytest.approx((5 * 0.5 + 5 * 1.0) / 2)


def test_beats_missed_invented_and_late() -> None:
    late = BeatTrial("A4C", 0.04, (0.1, 0.15), (0.4, 0.47), 0.12, 0.55)
    missed = BeatTrial("A4C", 0.04, (0.9, 0.95), (1.2, 1.27), NAN, NAN)
    # The R wave lies before the clip: nobody has to find it, but its end-systole counts where it was found.
    cut = BeatTrial("A4C", 0.04, (NAN, NAN), (0.2, 0.27), 0.0, 0.16)
    table = beats_table([Findings(1, beats=[late, missed, cut], clip_beats=[ClipBeats("A4C", 3, 1)])])
    assert table["beats_found"]["value"] == 0.5 and table["beats_missed"]["value"] == 0.5
    assert table["beats_invented"]["value"] == pytest.approx(1 / 3)
    assert table["ed_error_ms"]["value"] == 0
    assert table["es_error_ms"]["value"] == pytest.approx((80 + 40) / 2)
    assert table["es_error_frames"]["value"] == pytest.approx((2 + 1) / 2)
    assert table["es_bias_ms"]["value"] == pytest.approx((80 - 40) / 2)
    # The middles are 0.435 and 0.235, their median 0.335: 65 ms before the one span, 65 after the other.
    assert table["es_error_ms"]["constant"] == pytest.approx(65)


def test_jitter_is_what_moves_beyond_the_truth() -> None:
    true = [0.2, 0.4, 0.6]
    trembling = Findings(1, shifts=[ShiftTrial("A4C", "LV", [t + 0.5 for t in true], true)])
    frozen = Findings(1, shifts=[ShiftTrial("A4C", "LV", [0.0] * 3, true)])
    table = beats_table([trembling])["jitter_mm/LV"]
    assert table["value"] == pytest.approx(0.5)
    assert table["constant"] == pytest.approx(beats_table([frozen])["jitter_mm/LV"]["value"]) == pytest.approx(-0.4)


def test_unknown_is_wrong_for_a_view_and_right_for_anything_else() -> None:
    answers = [("A4C", "A4C"), ("A4C", "UNKNOWN"), ("A2C", "A2C"), ("A2C", "A4C"), ("OTHER", "UNKNOWN")]
    patients = [
        Findings(1, views=[ViewTrial(truth, answer, 0.9) for truth, answer in answers]),
        Findings(2, views=[ViewTrial("A4C", "A4C", 0.9), ViewTrial("OTHER", "A2C", 0.9), ViewTrial("SSN", "OTHER", 1)]),
    ]
    table = views_table(patients, ("A2C", "A4C", "OTHER"))
    assert table["balanced_accuracy"]["value"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert table["balanced_accuracy"]["constant"] == 0.5
    assert table["recall/A4C"]["value"] == pytest.approx(2 / 3)
    assert table["lost"]["value"] == pytest.approx(1 / 5)
    assert table["abstention/OTHER"]["value"] == 0.5 and table["abstention/SSN"]["value"] == 1
    assert table["confusion/A2C/A4C"]["value"] == 0.5 and table["confusion/A4C/UNKNOWN"]["value"] == pytest.approx(
        1 / 3
    )
    assert "recall/OTHER" not in table


def test_a_majority_answer_has_the_balanced_accuracy_of_the_constant() -> None:
    trials = [ViewTrial(view, "A4C", 1.0) for view in ("A4C", "A4C", "A4C", "A2C", "PLAX")]
    table = views_table([Findings(1, views=trials)], ("A4C", "A2C", "PLAX"))
    assert table["balanced_accuracy"]["value"] == pytest.approx(table["balanced_accuracy"]["constant"])


def test_a_view_head_that_was_taught_later_stands_beside_the_models_own() -> None:
    trials = [
        ViewTrial("A4C", "A4C", 0.9, added="A4C_RV"),
        ViewTrial("A4C_RV", "A4C", 0.9, added="A4C_RV"),
        ViewTrial("OTHER", "A4C", 0.9, "air", added="OTHER"),
        ViewTrial("TEE", "UNKNOWN", 0.3, added="A4C"),
    ]
    table = views_table([Findings(1, views=trials)], ("A4C", "OTHER"), "views-18", ("A4C", "A4C_RV", "OTHER"))
    values = {name: found["value"] for name, found in table.items()}
    assert values["balanced_accuracy"] == 1 and values["balanced_accuracy/views-18"] == 0.5
    assert table["balanced_accuracy/views-18"]["constant"] == 0.5
    assert values["abstention/A4C_RV"] == 0 and values["recall/views-18/A4C_RV"] == 1
    assert values["confusion/views-18/A4C/A4C_RV"] == 1
    assert values["abstention/OTHER/air"] == 0 and values["abstention/views-18/OTHER/air"] == 1
    assert values["abstention/TEE"] == 1 and values["abstention/views-18/TEE"] == 0
    assert {kind(name) for name in table} <= {name for name, _ in explanations(table)}


def neighbors_trial(findings: Findings, view: str, token: Sequence[float], gray: int) -> None:
    """A clip of ``view`` that looks so: its token, and a small picture with one bright row."""
    picture = np.zeros((32, 32), np.uint8)
    picture[gray] = 200
    findings.arrays = {
        **findings.arrays,
        f"{view}/embedding": np.asarray(token, np.float16).view(np.uint8),
        f"{view}/pixels": picture,
    }
    findings.views.append(ViewTrial(view, view, 1.0, embedding=f"{view}/embedding", pixels=f"{view}/pixels"))


def test_neighbors_of_other_patients_tell_a_view() -> None:
    patients = [Findings(seed) for seed in range(3)]
    for place, findings in enumerate(patients):
        # By the embedding views are alike, by the pixels clips of one patient are.
        neighbors_trial(findings, "A4C", (1.0, 0.01 * place), 3 + place)
        neighbors_trial(findings, "PLAX", (0.01 * place, 1.0), 3 + place)
    table = views_table(patients, ("A4C", "PLAX"))
    assert table["balanced_accuracy/knn"]["value"] == 1
    assert table["balanced_accuracy/knn"]["constant"] == 0.5
    assert table["recall/knn/PLAX"]["value"] == 1
    # Nothing else is alike: the first of the classes is told.
    assert table["balanced_accuracy/pixels"]["value"] == 0.5
    assert "balanced_accuracy/knn" not in views_table(patients[:1], ("A4C", "PLAX"))


def removal(start: str, before: tuple[float, float], after: tuple[float, float]) -> RemovalTrial:
    return RemovalTrial("A4C", start, "LA", "LV", *before, *after)


def test_a_negative_click_takes_away_what_it_hits_and_nothing_else() -> None:
    both, done = (1.0, 1.0), (0.1, 0.9)
    trials = [
        removal("box", both, done),
        removal("box", both, both),
        removal("box", both, (0.0, 0.5)),
        removal("box", done, done),
        removal("mask", both, done),
    ]
    table = prompts_table([Findings(1, removals=trials)], [])
    assert table["negative_click_removes"] == {"value": 0.5, "ci": None, "constant": 0.25}
    assert table["negative_click_removes/mask"] == {"value": 1.0, "ci": None, "constant": 0.0}
    assert table["negative_click_removes/hit_gone"] == {"value": 0.75, "ci": None, "constant": 0.25}


def test_clicks_stand_beside_the_chamber_clicked_most() -> None:
    clicks = [ClickTrial("A4C", name, name == "LV", False) for name in ("LV", "LV", "LV", "LA")]
    table = prompts_table([Findings(1, clicks=clicks)], [])
    assert table["click_returns_chamber"] == {"value": 0.75, "ci": None, "constant": 0.75}
    assert table["click_returns_chamber/zeroed"]["value"] == 0
    assert table["click_returns_chamber/LA"]["value"] == 0 and table["clicks"]["value"] == 4


def test_held_out_structures_by_box_clicks_and_without_prompts() -> None:
    trial = HeldOutTrial("PLAX", "AO", 0.8, [0.5, 0.6, 0.7, 0.8, 0.85], 0.1, 0.2)
    table = prompts_table([Findings(1, held_out=[trial])], [])
    found = {name: round(value["value"], 6) for name, value in table.items()}
    kinds = {"box": 0.8, "click1": 0.5, "click5": 0.85, "box/zeroed": 0.1, "click5/zeroed": 0.2}
    assert found == {f"held_out/AO/{kind}": value for kind, value in kinds.items()}


def test_texts_are_right_or_refused() -> None:
    phrases = [
        PhraseTrial("left ventricle", "LV", "LV", "synonym"),
        PhraseTrial("lft atrium", "LA", "", "typo"),
        PhraseTrial("la", "LA", "LV", "typo"),
        PhraseTrial("liver", "", "", "organ"),
        PhraseTrial("spleen", "", "LV", "organ"),
    ]
    table = prompts_table([], phrases)
    assert table["text_right"]["value"] == pytest.approx(1 / 3)
    assert table["text_right"]["constant"] == pytest.approx(2 / 3)
    assert table["text_right/typo"]["value"] == 0 and table["text_right/synonym"]["value"] == 1
    assert table["text_refused"] == {"value": 0.5, "ci": None, "constant": 0.0}
