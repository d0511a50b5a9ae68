"""Evaluation from end to end: trials of one that knows the truth, interruption and the page."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from evaluation_subjects import SEED, SMALL, STRUCTURES, TINY, TruthSubject
from report_cases import CARD

from echoapex.console import plain
from echoapex.errors import EchoApexError
from echoapex.evaluation.page.figures import figures
from echoapex.evaluation.page.html_page import write_page
from echoapex.evaluation.page.metric_names import explanations, kind
from echoapex.evaluation.parallel_patients import Plan, examine_patients
from echoapex.evaluation.run_evaluation import Evaluation, evaluate_subject
from echoapex.evaluation.trial_cache import Cache
from echoapex.evaluation.trial_cache_key import trials_key
from echoapex.evaluation.trial_types import Findings
from echoapex.evaluation.trials.all_tasks import HELD_OUT, TASKS, examine
from echoapex.evaluation.trials.pointing import next_click
from echoapex.evaluation.trials.simulated_patients import STANDARD, SimulatedPatient
from echoapex.evaluation.trials.structure_masks import CELLS, deepest_click, drawn_box
from echoapex.evaluation.trials.text_phrases import read_phrases
from echoapex.evaluation.trials.whole_clips import contour_shifts, match_beats
from echoapex.measure.measurement import Beat
from echoapex.models.model_card import PAGE_FILE


def silent(_: str) -> None:
    pass


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    """Every task on one patient, by one that knows the truth."""
    plan = Plan("hard-1", range(SEED, SEED + 1), TASKS, HELD_OUT, tmp_path_factory.mktemp("work"), "truth", SMALL)
    return evaluate_subject(TruthSubject(), plan, None, 1, silent)


def test_whoever_knows_the_truth_gets_full_marks(truth: Evaluation) -> None:
    tables = {task: {name: found["value"] for name, found in table.items()} for task, table in truth.tables.items()}
    assert set(tables) == set(TASKS)
    for structure in STRUCTURES:
        for prompt in ("text", "box", "box+text", "click1"):
            assert tables["segmentation"][f"dice/{structure}/{prompt}"] == 1
        assert tables["segmentation"][f"surface_mm/{structure}"] == 0
    assert tables["ef"]["ef_biplane_measured"] == 1 and tables["ef"]["ef_biplane_mae"] < 2.5
    assert tables["walls"]["mae_mm/IVSd"] < 0.1 and tables["walls"]["mae_mm/LVPWd"] < 0.1
    assert tables["walls"]["mae_mm/LVIDd"] < 2 and tables["walls"]["landmark_mm/IVS-LV"] == 0
    assert tables["views"]["balanced_accuracy"] == 1 and tables["views"]["lost"] == 0
    assert tables["views"]["abstention/OTHER"] == 1
    assert tables["prompts"]["click_returns_chamber"] == 1
    assert tables["prompts"]["click_returns_chamber/zeroed"] == 0
    assert tables["prompts"]["negative_click_removes"] == tables["prompts"]["negative_click_removes/mask"] == 1
    for name in HELD_OUT:
        assert tables["prompts"][f"held_out/{name}/box"] == tables["prompts"][f"held_out/{name}/click5"] == 1
        assert tables["prompts"][f"held_out/{name}/box/zeroed"] == 0
    assert tables["beats"]["beats_found"] == 1 and tables["beats"]["beats_invented"] == 0
    assert tables["beats"]["es_error_ms"] < 20
    assert tables["beats"]["jitter_mm/LV"] == 0
    for way in ("box", "box+text", "mask", "mask+text"):
        assert tables["carrying"][f"carried_dice/LV/{way}"] == tables["carrying"][f"carried_worst/LV/{way}"] == 1
        assert tables["carrying"][f"swing_error/LV/{way}"] == tables["carrying"][f"confidence_error/LV/{way}"] == 0
    assert 0.5 < tables["carrying"]["carried_dice/LV/mask/flow"] < 1


def test_no_constant_gets_full_marks(truth: Evaluation) -> None:
    segmentation, prompts = truth.tables["segmentation"], truth.tables["prompts"]
    assert 0.2 < segmentation["dice/LV/text"]["constant"] < 0.9
    assert segmentation["surface_mm/LV"]["constant"] > 1
    assert prompts["click_returns_chamber"]["constant"] < 0.6
    # Without the click the same box or mask holds both chambers.
    assert prompts["negative_click_removes"]["constant"] == prompts["negative_click_removes/mask"]["constant"] == 0


def test_only_the_worst_picture_of_a_structure_is_kept(truth: Evaluation) -> None:
    findings = truth.found["segmentation"][0]
    pictures = [trial.structure for trial in findings.masks if trial.picture is not None]
    assert sorted(pictures) == sorted({trial.structure for trial in findings.masks})
    assert len(findings.arrays) == 2 * len(findings.masks) + len(pictures)
    assert findings.arrays[findings.masks[0].coverage].shape == (CELLS, CELLS)


class Deaf(TruthSubject):
    """Gives back the mask it was given, and all of the box; hears no click."""

    def prompted(self, clip, frame, prompts, *, zero_prompts=False):  # type: ignore[no-untyped-def]
        without = [replace(p, points=()) if p.box is not None or p.mask is not None else p for p in prompts]
        return super().prompted(clip, frame, without, zero_prompts=zero_prompts)


def test_a_subject_deaf_to_clicks_removes_nothing(tmp_path: Path) -> None:
    patient = SimulatedPatient("hard-1", SEED, TINY)
    found = examine(Deaf(), patient, ["prompts"])["prompts"].removals
    assert len(found) >= 8
    assert all((t.hit_before, t.other_before) == (t.hit_after, t.other_after) == (1.0, 1.0) for t in found)


def test_beats_are_matched_by_their_end_systole() -> None:
    clip = SimulatedPatient("easy", SEED, replace(TINY, beats=2.2)).clip("A4C")
    curve, period = clip.heart.curve, 60 / clip.case.shape.heart_rate
    ends = [round((wave + curve.es_phase) * period / clip.frame_time_s) for wave in (0, 1)]
    perfect = [Beat(0, ends[0]), Beat(round(period / clip.frame_time_s), ends[1])]
    trials, counted = match_beats(clip, perfect)
    assert [trial.found_es_s for trial in trials] == [end * clip.frame_time_s for end in ends]
    assert trials[0].ed_s[0] == 0 and counted.found == 2 and counted.invented == 0
    trials, counted = match_beats(clip, [perfect[0], Beat(ends[0] + 2, ends[0] + 12)])
    assert np.isnan(trials[1].found_es_s) and counted.invented == 1
    assert match_beats(clip, [])[1].found == 0


def test_the_shift_of_a_contour_is_how_far_it_goes() -> None:
    masks = np.zeros((3, 30, 30), bool)
    masks[0, 5, 2:28] = masks[1, 9, 2:28] = True
    shifts = contour_shifts(masks, (0.5, 0.5))
    assert shifts[0] == pytest.approx(2.0) and np.isnan(shifts[1])


def test_the_next_click_goes_where_the_error_is_largest() -> None:
    truth = np.zeros((40, 60), bool)
    truth[10:31, 10:31] = True
    click = next_click(truth, np.zeros_like(truth))
    assert (click.x, click.y, click.positive) == (20, 20, True)
    spilled = truth.copy()
    spilled[5:36, 40:59] = True
    click = next_click(truth, spilled)
    assert not click.positive and spilled[int(click.y), int(click.x)] and not truth[int(click.y), int(click.x)]
    assert truth[int((after := next_click(truth, truth)).y), int(after.x)] and after.positive


def test_the_edge_of_the_frame_is_a_border() -> None:
    region = np.zeros((21, 40), bool)
    region[:, :21] = True
    assert (deepest_click(region).x, deepest_click(region).y) == (10, 10)


def test_boxes_fit_structures_on_the_right_of_a_wide_frame() -> None:
    truth = np.zeros((60, 120), bool)
    truth[5:40, 90:119] = True
    for seed in range(20):
        x0, y0, x1, y1 = drawn_box(truth, np.random.default_rng(seed))
        assert 0 <= x0 < x1 <= 119 and 0 <= y0 < y1 <= 59
        assert x0 >= 87 - 0.1 and x1 >= 115


def test_the_committed_phrases_are_as_many_as_they_should_be() -> None:
    phrases = read_phrases()
    assert sum(bool(means) for _, means, _ in phrases) >= 200
    assert sum(not means for _, means, _ in phrases) >= 100


class KilledError(Exception):
    """Stands for a power cut."""


class Fragile(TruthSubject):
    """Stops answering after some questions."""

    def __init__(self, questions: int) -> None:
        self.left = questions

    def prompted(self, clip, frame, prompts, *, zero_prompts=False):  # type: ignore[no-untyped-def]
        self.left -= 1
        if self.left < 0:
            raise KilledError
        return super().prompted(clip, frame, prompts, zero_prompts=zero_prompts)


def test_a_killed_evaluation_continues_and_gives_the_same_tables(tmp_path: Path) -> None:
    whole = Plan("hard-1", range(SEED, SEED + 2), ("prompts",), (), tmp_path / "whole", "key", TINY)
    expected = evaluate_subject(TruthSubject(), whole, None, 1, silent).tables
    cut = replace(whole, work=tmp_path / "cut")
    questions = Fragile(1000)
    evaluate_subject(questions, replace(cut, seeds=range(SEED, SEED + 1), work=tmp_path / "count"), None, 1, silent)
    with pytest.raises(KilledError):
        evaluate_subject(Fragile(1000 - questions.left), cut, None, 1, silent)
    assert cut.cache.missing(SEED, cut.tasks) == () and cut.cache.missing(SEED + 1, cut.tasks) == ("prompts",)
    said: list[str] = []
    assert evaluate_subject(TruthSubject(), cut, None, 1, said.append).tables == expected
    assert said == ["1 of 2 patients are examined already", "patient 2 of 2"]
    # Nothing is asked of anybody when all is there.
    assert evaluate_subject(Fragile(0), cut, None, 1, silent).tables == expected


def test_what_is_kept_comes_back_equal_and_damage_is_made_good(truth: Evaluation, tmp_path: Path) -> None:
    cache = Cache(tmp_path, "key")
    for task, (findings,) in truth.found.items():
        cache.write(SEED, task, findings)
        back = cache.read(SEED, task)
        assert plain(back.as_record()) == plain(findings.as_record())
        assert sorted(back.arrays) == sorted(findings.arrays)
        assert all(np.array_equal(back.arrays[key], findings.arrays[key]) for key in back.arrays)
    assert cache.missing(SEED, TASKS) == ()
    file = tmp_path / "key" / f"{SEED}-walls.npz"
    file.write_bytes(file.read_bytes()[:200])
    assert cache.missing(SEED, TASKS) == ("walls",)
    with pytest.raises(EchoApexError, match="delete this file"):
        cache.read(SEED, "walls")


def test_another_model_preset_or_picture_is_kept_elsewhere() -> None:
    key = trials_key(CARD, "hard", ("AO",), STANDARD)
    others = [
        trials_key(replace(CARD, weights_sha256="cd" * 32), "hard", ("AO",), STANDARD),
        trials_key(CARD, "shifted", ("AO",), STANDARD),
        trials_key(CARD, "hard", (), STANDARD),
        trials_key(CARD, "hard", ("AO",), SMALL),
    ]
    assert len({key, *others}) == 5
    assert trials_key(replace(CARD, scores={"x": 1}), "hard", ("AO",), STANDARD) == key


def test_a_work_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EchoApexError, match="file"):
        Cache(tmp_path / "file", "key")


@pytest.fixture(scope="module")
def page(truth: Evaluation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("page") / PAGE_FILE
    # Three patients alike, so that there is something to draw.
    found = {task: [*patients] * 3 for task, patients in truth.found.items()}
    write_page(file, CARD, "simulated:hard:3:900401", truth.tables, figures(found))
    return file


def test_the_page_shows_every_metric_and_needs_nothing_else(truth: Evaluation, page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for table in truth.tables.values():
        for name in table:
            assert f'<th scope="row">{name}</th>' in text
    assert not re.findall(r"https?://|src=\"(?!data:)|@import|url\(|<script|<link", text)
    assert "default-src 'none'" in text
    assert len(page.read_bytes()) < 150_000, "two data sets are to fit into 300 kB"
    for shown in ("Demonstration model", "not for clinical use", "Simulated hearts", CARD.weights_sha256):
        assert shown in text
    for figure in ("Bland–Altman", "Reliability", "Which view was answered", "The worst mask", "true size"):
        assert figure in text
    assert text.count("<img") >= 5 and text.count("<svg") >= 8


def test_every_metric_is_explained(truth: Evaluation) -> None:
    for table in truth.tables.values():
        assert {name for name, _ in explanations(table)} == {kind(name) for name in table}


def test_sections_of_other_data_stay_while_the_weights_do(truth: Evaluation, page: Path, tmp_path: Path) -> None:
    copy = tmp_path / PAGE_FILE
    copy.write_bytes(page.read_bytes())
    few: Mapping[str, dict[str, object]] = {"ef": truth.tables["ef"]}
    write_page(copy, CARD, "simulated:shifted:1:900000", dict(few), {})
    text = copy.read_text(encoding="utf-8")
    assert "simulated:hard:3:900401" in text and text.count("simulated:shifted:1:900000</h2>") == 1
    write_page(copy, CARD, "simulated:shifted:1:900000", dict(few), {})
    assert copy.read_text(encoding="utf-8") == text
    write_page(copy, replace(CARD, weights_sha256="cd" * 32), "simulated:easy:1:900000", dict(few), {})
    text = copy.read_text(encoding="utf-8")
    assert "simulated:hard" not in text and "simulated:easy:1:900000" in text


def test_a_page_that_cannot_be_written_is_named(truth: Evaluation, tmp_path: Path) -> None:
    with pytest.raises(EchoApexError, match=r"nowhere.*page"):
        write_page(tmp_path / "nowhere" / "page.html", CARD, "simulated:easy:1:900000", truth.tables, {})


def test_findings_without_trials_make_no_table(tmp_path: Path) -> None:
    plan = Plan("easy", range(SEED, SEED + 1), ("ef",), (), tmp_path, "key", TINY)
    plan.cache.write(SEED, "ef", Findings(SEED))
    examine_patients(plan, TruthSubject(), None, 1, silent)
    assert evaluate_subject(TruthSubject(), plan, None, 1, silent).tables == {"ef": {}}
