"""What a report holds before it is written: which numbers go first, what has a truth, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from report_cases import report, simulated, true_masks, true_result, unscaled_result

from echoapex.analysis.clip_analysis import measure_clip
from echoapex.cine import Scale
from echoapex.errors import EchoApexError
from echoapex.measure.measurement import Measurement, Source
from echoapex.measure.normal_ranges import NOT_GRADED_IF_CROPPED
from echoapex.report.measurements_table import key_measurements


def test_a_whole_atrium_in_one_view_goes_before_one_cut_off_in_two() -> None:
    made = report(true_result("A4C"), true_result("A2C"))
    cut = [
        replace(item, warnings=(NOT_GRADED_IF_CROPPED,)) if "A2C" in {source.clip for source in item.sources} else item
        for item in made.measurements
    ]
    (shown,) = [m for m in key_measurements(replace(made, measurements=tuple(cut))) if m.name == "LAV"]
    assert (shown.method, shown.sources[0].clip) == ("A4C", "A4C")
    (usual,) = [m for m in key_measurements(made) if m.name == "LAV"]
    assert usual.method == "biplane"


def test_without_a_pair_the_first_numbers_are_of_one_clip_with_a_scale() -> None:
    cine, truth = simulated("A4C").cine(), true_masks("A4C")
    count = cine.frame_count
    made = []
    # ED of the first clip is surer than that of the second, and its ES is not.
    for name, sure in (("a", np.linspace(0.99, 0.5, count)), ("b", np.full(count, 0.9)), ("c", np.ones(count))):
        seen = cine if name != "c" else replace(cine, scale=Scale.none("no region"))
        found = {"LV": replace(truth["LV"], confidence=sure.astype(np.float32))}
        made.append(measure_clip(seen, name, "A4C", found))
    shown = {item.name: item.sources[0].clip for item in key_measurements(report(*made, truth=None))}
    assert shown == dict.fromkeys(("LVEF", "LVEDV", "LVESV", "LVSV", "CO", "HR"), "b")


@pytest.mark.parametrize("name", ["../up", "a/b", "", "a b", ".hidden", "x" * 65])
def test_identifiers_that_are_no_file_names_are_refused(name: str) -> None:
    with pytest.raises(EchoApexError, match="letters, digits"):
        report(replace(true_result("A2C"), id=name), measurements=())
    masks = true_masks("A2C")["LV"]
    with pytest.raises(EchoApexError, match="letters, digits"):
        report(replace(true_result("A2C"), segmentations={name: masks}))


def test_clips_of_the_same_name_are_refused() -> None:
    with pytest.raises(EchoApexError, match="different identifiers"):
        report(true_result("A4C"), replace(true_result("A2C"), id="a4c"), measurements=())


def test_a_number_from_nowhere_is_refused() -> None:
    stray = Measurement("LVEF", 50.0, "%", "A4C", (Source("other", (0,)),))
    with pytest.raises(EchoApexError, match="from a clip of its report"):
        report(true_result("A4C"), measurements=(stray,))


def test_truth_is_only_for_simulated_clips() -> None:
    made = report(true_result("A4C"), unscaled_result())
    real = next(m for m in made.measurements if m.sources[0].clip == "real")
    assert real.name == "LVEF" and made.truth_of(real) is None
    assert made.truth_of(next(m for m in made.measurements if m.name == "LVEF")) is not None
