"""The report: valid by its schema, traceable, self-contained, the same every time, and proof against hostile text."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from report_cases import CARD, VIEWS, report, simulated, true_masks, true_result, unscaled_result

from echoapex import resources
from echoapex.analysis.clip_analysis import measure_clip
from echoapex.errors import EchoApexError, ReadError
from echoapex.io import read_masks
from echoapex.landmarks import WALL_LANDMARKS
from echoapex.measure.measurement import Measurement, Source
from echoapex.patient import Patient, Sex
from echoapex.report import StudyReport, report_json, write_report
from echoapex.report.display_names import with_unit
from echoapex.report.measurements_csv import measurement_csv
from echoapex.report.page import MAX_BYTES
from echoapex.report.terminal_summary import print_numbers

HOSTILE = "</script><script>alert(1)</script><img src=http://evil.example/x.png onerror=alert(2)>\"'&"


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    schema = json.loads(resources.path("Schemas/report-2.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.fixture(scope="module")
def content() -> StudyReport:
    missing = ReadError("There is no such file", file="gone.dcm")
    clips = (*(true_result(view) for view in VIEWS), unscaled_result())
    return report(*clips, failures=(missing,), patient=Patient(Sex.MALE, 60.0, 175.0, 80.0))


@pytest.fixture(scope="module")
def folder(content: StudyReport, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("report") / "made" / "here"
    assert write_report(target, content) == target / "report.html"
    return target


@pytest.fixture(scope="module")
def record(folder: Path) -> dict:
    return json.loads((folder / "report.json").read_text(encoding="utf-8"))


class Page(HTMLParser):
    """What a page holds: elements with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text = ""
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts.append(data)
        elif self._inside != "style":
            self.text += data


@pytest.fixture(scope="module")
def page(folder: Path) -> Page:
    return Page((folder / "report.html").read_text(encoding="utf-8"))


def test_the_record_is_valid(record: dict, validator: Draft202012Validator) -> None:
    validator.validate(record)


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        (lambda r: r.update(schema=1), "schema"),
        (lambda r: r.pop("patient"), "patient"),
        (lambda r: r.update(surprise=1), "surprise"),
        (lambda r: r["clips"][0].update(view="A6C"), "view"),
        (lambda r: r["clips"][3].update(volume_ml=[1.0]), "volumes without a scale"),
        (lambda r: r["clips"][0].update(scale_source="none"), "scale without source"),
        (lambda r: r["measurements"][0].update(sources=[]), "sources"),
        (lambda r: r["measurements"][0].update(confidence=1.2), "confidence"),
        (lambda r: r["measurements"][0].update(status="sure"), "status"),
        (lambda r: r["measurements"][0].update(excluded=True), "excluded"),
        (lambda r: r["clips"][0].update(calibration={"points": [[1, 2]], "mm": 50}), "calibration"),
        (lambda r: r["clips"][0]["masks"].update(LV="masks\\LV.nrrd"), "masks"),
    ],
)
def test_the_schema_refuses_what_breaks_the_contract(record: dict, validator, change, broken: str) -> None:
    damaged = json.loads(json.dumps(record))
    change(damaged)
    assert not validator.is_valid(damaged), broken


def test_the_record_says_what_is_known_and_nothing_more(record: dict) -> None:
    assert record["model"] == {"id": CARD.id, "hash": "ab" * 32, "simulated_only": True}
    assert record["simulated"] is True and record["study"] == "study-1"
    assert record["patient"] == {"sex": "male", "age": 60.0, "height_cm": 175.0, "weight_kg": 80.0}
    a4c, _, plax, real = record["clips"]
    assert (a4c["simulated"], real["simulated"]) == (True, False)
    assert real["scale_mm_per_px"] is real["frame_times_s"] is real["volume_ml"] is None
    assert real["scale_source"] == "none" and real["frame_time_source"] == "unknown"
    assert np.asarray(real["area_px"]).shape == (real["frame_count"],)
    assert a4c["frame_times_s"] == pytest.approx(simulated("A4C").cine().times.seconds)
    assert a4c["volume_ml"] == pytest.approx(true_result("A4C").lv.volume_ml)
    assert a4c["landmarks"] == [] and {item["name"] for item in plax["landmarks"]} == set(WALL_LANDMARKS)
    assert len(plax["landmarks"]) == 4 * plax["frame_count"] and plax["landmarks"][0]["sigma_px"] == 1.0
    assert plax["lvid_mm"][plax["beats"][0]["ed"]] == pytest.approx(
        true_result("PLAX").walls.curves["LVID"].max(), rel=0.05
    )
    assert record["failures"] == [
        {"file": record["failures"][0]["file"], "rule": "There is no such file", "value": None}
    ]


def test_every_number_leads_to_its_clip_and_frames(record: dict) -> None:
    clips = {clip["id"]: clip for clip in record["clips"]}
    assert {"biplane", "A4C", "A2C", "area_length_A4C"} <= {item["method"] for item in record["measurements"]}
    for item in record["measurements"]:
        for source in item["sources"]:
            assert all(0 <= frame < clips[source["clip"]]["frame_count"] for frame in source["frames"])
    edv = next(m for m in record["measurements"] if (m["name"], m["method"]) == ("LVEDV", "A4C"))
    frames = [frame for source in edv["sources"] for frame in source["frames"]]
    assert frames == [beat["ed"] for beat in clips["A4C"]["beats"]]
    assert edv["value"] == pytest.approx(np.mean([clips["A4C"]["volume_ml"][frame] for frame in frames]))


def test_masks_and_pictures_are_where_the_record_says(record: dict, folder: Path, content: StudyReport) -> None:
    import cv2

    for clip, made in zip(record["clips"], content.clips):
        assert set(clip["masks"]) == set(made.segmentations)
        for name, path in clip["masks"].items():
            assert np.array_equal(read_masks(folder / path).masks, made.segmentations[name].masks)
        for beat in clip["beats"]:
            for frame in (beat["ed"], beat["es"]):
                assert cv2.imread(str(folder / "pictures" / f"{clip['id']}-{frame:04d}.png")).shape[1] == 800
        assert (folder / "pictures" / f"{clip['id']}-curve.svg").read_text(encoding="utf-8").startswith("<svg")


def test_a_clips_file_is_relative_to_the_report(tmp_path: Path) -> None:
    clip = true_result("A4C")
    stored = replace(clip, cine=replace(clip.cine, path=tmp_path / "study" / "a b.dcm"))
    (entry,) = report_json(report(stored), tmp_path / "out")["clips"]
    assert entry["file"] == "../study/a b.dcm"


def test_the_page_needs_nothing_from_outside(page: Page, folder: Path) -> None:
    for tag, attributes in page.elements:
        for name in ("src", "href", "action", "data", "poster"):
            address = attributes.get(name)
            assert address is None or address.startswith(("data:image/", "#")), (tag, address)
        assert tag not in {"link", "iframe", "object", "embed", "form", "base"}
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in text and "@import" not in text and "url(" not in text
    assert len(text) < MAX_BYTES


def test_the_page_says_what_it_is_before_any_number(page: Page) -> None:
    notice = "Demonstration model, trained on simulated hearts only. Not a medical device, not for clinical use."
    assert notice in page.text
    assert page.text.index(notice) < page.text.index("mL")
    assert page.text.index("SIMULATED") < page.text.index("mL") and page.text.count("simulated") >= 2
    assert "There is no such file" in page.text


def test_numbers_of_a_real_clip_say_that_their_confidence_is_not_calibrated(tmp_path: Path) -> None:
    clip = true_result("A4C")
    words = "for real images it is not calibrated"
    for name, shown in (("simulated", clip), ("real", replace(clip, cine=replace(clip.cine, simulated=False)))):
        page = write_report(tmp_path / name, report(shown)).read_text(encoding="utf-8")
        assert (words in page) == (name == "real")


def test_a_number_at_the_top_says_that_it_has_warnings(page: Page, content: StudyReport) -> None:
    shown = [
        m for m in content.measurements if (m.name, m.method) in (("LVEF", "A4C"), ("LVEF", "biplane")) and m.warnings
    ]
    assert shown
    top = page.text[: page.text.index("What could not be measured")]
    assert any(f"with {len(item.warnings)} warning" in top for item in shown)


def test_a_terminal_shows_the_key_numbers_with_truth_and_warnings(
    content: StudyReport, capsys: pytest.CaptureFixture[str]
) -> None:
    print_numbers(content)
    header, *lines = capsys.readouterr().out.splitlines()
    assert header.split() == ["quantity", "estimate", "truth", "difference", "grade", "method", "clips", "notes"]
    ejection = next(m for m in content.measurements if (m.name, m.method) == ("LVEF", "biplane"))
    truth = content.truth_of(ejection)
    assert truth is not None and ejection.warnings
    assert with_unit(ejection.value, "%") in lines[0] and with_unit(truth.value, "%") in lines[0]
    notes = dict(line.split(": ", 1) for line in lines if line[0].isdigit())
    assert tuple(notes[number] for number in lines[0].rsplit("  ", 1)[1].split()) == ejection.warnings
    print_numbers(replace(content, truth=None))
    printed = capsys.readouterr().out
    assert "truth" not in printed.splitlines()[0] and with_unit(truth.value, "%") not in printed


def test_the_page_has_every_number_with_its_truth(page: Page, content: StudyReport) -> None:
    for item in content.measurements:
        assert with_unit(item.value, item.unit) in page.text
    edv = next(m for m in content.measurements if (m.name, m.method) == ("LVEDV", "biplane"))
    truth = content.truth_of(edv)
    assert truth is not None
    row = page.text[page.text.index("End-diastolic volume", page.text.index("All numbers")) :][:200]
    assert f"{edv.value:.1f} mL" in row and f"{truth.value:.1f} mL" in row
    assert f"{edv.value - truth.value:+.1f}".replace("-", "−") in row


def test_links_of_the_page_lead_to_frames_of_its_clips(page: Page, content: StudyReport) -> None:
    links = [attributes for tag, attributes in page.elements if tag == "a" and "data-frame" in attributes]
    targets = {attributes.get("id") for _, attributes in page.elements}
    assert len(links) >= len(content.measurements)
    for link in links:
        assert (link["href"] or "#").removeprefix("#") in targets
        assert 0 <= int(link["data-frame"] or -1) < content.clip(link["data-clip"] or "").cine.frame_count


def test_the_player_has_every_frame_and_line(page: Page, content: StudyReport) -> None:
    clips = json.loads(page.scripts[0])
    for data, clip in zip(clips, content.clips, strict=True):
        count = clip.cine.frame_count
        assert len(data["frames"]) == len(data["times"]) == len(data["captions"]) == len(data["x"]) == count
        assert set(data["paths"]) == {*clip.segmentations, "caliper" if clip.view == "PLAX" else "axis"}
        assert all(len(paths) == count for paths in data["paths"].values())
        assert data["duration"] > data["times"][-1]
    assert clips[0]["times"] == pytest.approx(content.clips[0].cine.times.seconds)


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    clip = true_result("A2C")
    poisoned = replace(
        clip,
        origin=HOSTILE,
        warnings=(HOSTILE,),
        cine=replace(clip.cine, path=tmp_path / "<b onload=x>&.dcm"),
    )
    bad = (Measurement(HOSTILE, 1.0, HOSTILE, HOSTILE, (Source("A2C", (0,)),), None, (HOSTILE,)),)
    failures = (EchoApexError(HOSTILE, value=HOSTILE, file=HOSTILE),)
    model = replace(CARD, name=HOSTILE, limits=HOSTILE, training=replace(CARD.training, data=HOSTILE))
    made = report(poisoned, title=HOSTILE, model=model, measurements=bad, failures=failures)
    page = Page(write_report(tmp_path, made).read_text(encoding="utf-8"))
    assert len([tag for tag, _ in page.elements if tag == "script"]) == 2
    assert all(not any(name.startswith("on") for name in attributes) for _, attributes in page.elements)
    images = [attributes["src"] for tag, attributes in page.elements if tag == "img"]
    assert images and all((source or "").startswith("data:") for source in images)
    assert page.text.count("alert(1)") >= 6


def test_a_clip_without_beats_or_ventricle_is_still_shown(tmp_path: Path, validator: Draft202012Validator) -> None:
    cine = simulated("A4C").cine()
    flat = replace(
        true_masks("A4C")["LV"], masks=np.repeat(true_masks("A4C")["LV"].masks[:1], cine.frame_count, axis=0)
    )
    still = measure_clip(cine, "still", "A4C", {"LV": flat})
    none = measure_clip(cine, "none", "A2C", {})
    made = report(still, none, truth=None)
    page = Page(write_report(tmp_path, made).read_text(encoding="utf-8"))
    validator.validate(json.loads((tmp_path / "report.json").read_text(encoding="utf-8")))
    assert "Nothing could be measured" in page.text and "There is no left ventricle" in page.text
    assert "No beat was found" in page.text
    assert {path.name for path in (tmp_path / "pictures").iterdir()} == {
        "still-0000.png",
        "still-curve.svg",
        "none-0000.png",
    }


def test_the_same_content_gives_the_same_files(tmp_path: Path) -> None:
    made = report(true_result("A2C"))
    for name in ("one", "two"):
        write_report(tmp_path / name, made)
    files = {path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file()}
    assert {file.name for file in files} >= {"report.html", "report.json", "measurements.csv", "A2C-curve.svg"}
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes(), file


def test_every_link_to_a_frame_leads_to_a_still_of_it(page: Page, content: StudyReport) -> None:
    links = [attributes for tag, attributes in page.elements if tag == "a" and "data-frame" in attributes]
    for link in links:
        assert link["href"] == f"#frame-{link['data-clip']}-{link['data-frame']}"
    stills = {attributes["id"] for tag, attributes in page.elements if tag == "figure"}
    assert {(link["href"] or "")[1:] for link in links} <= stills
    for item in content.measurements:
        shown = {(link["data-clip"], int(link["data-frame"] or -1)) for link in links}
        assert any((source.clip, frame) in shown for source in item.sources for frame in source.frames)


def test_every_picture_can_be_told_without_seeing_it(page: Page) -> None:
    for tag, attributes in page.elements:
        if tag == "img":
            assert attributes["alt"]
        if tag == "canvas" or (tag == "svg" and "chart" in (attributes.get("class") or "")):
            assert attributes.get("role") == "img" and attributes.get("aria-label")
        if tag == "svg" and attributes.get("role") is None:
            assert attributes.get("aria-hidden") == "true"
    assert all(attributes.get("scope") for tag, attributes in page.elements if tag == "th")


def test_the_first_table_has_grade_and_range(page: Page) -> None:
    first = page.text[page.text.index("Results") : page.text.index("What could not be measured")]
    for words in ("Ejection fraction", "52–72", "LV mass index", "49–115", "LV geometry", "normal", "ASE/EACVI 2015"):
        assert words in first
    assert first.index("Ejection fraction") < first.index("LV mass") < first.index("Left atrial volume")


def test_the_table_for_spreadsheets_holds_every_number(folder: Path, content: StudyReport) -> None:
    data = (folder / "measurements.csv").read_bytes()
    assert data.count(b"\r\n") == data.count(b"\n") == 1 + len(content.measurements)
    with (folder / "measurements.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    for row, item in zip(rows, content.measurements, strict=True):
        assert (row["study"], row["name"], row["unit"], row["method"]) == ("study-1", item.name, item.unit, item.method)
        assert row["value"] == "" if item.value is None else float(row["value"]) == pytest.approx(item.value, rel=1e-5)
        assert row["grade"] == (item.grade or "")
        assert (row["status"], row["rater"], row["excluded"]) == ("predicted", "", "")
        assert row["simulated"] == ("no" if item.sources[0].clip == "real" else "yes")
        assert set(row["clips"].split("; ")) == {source.clip for source in item.sources}


def test_text_for_spreadsheets_keeps_to_its_cell() -> None:
    nasty = 'a "quoted", text\nin two lines'
    item = Measurement("LVEF", 50.0, "%", "A4C", (Source("A4C", (0, 3)),), None, (nasty, "another"))
    text = measurement_csv(report(true_result("A4C"), measurements=(item,)))
    header, row = csv.reader(io.StringIO(text, newline=""))
    assert dict(zip(header, row))["warnings"] == f"{nasty}; another"
    assert dict(zip(header, row))["frames"] == "A4C: 0 3"


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(EchoApexError, match="cannot be made"):
        write_report(tmp_path / "file", report(true_result("A2C")))


def test_nothing_of_an_earlier_report_stays_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "mine.png").write_bytes(b"not of a report")
    write_report(tmp_path, report(replace(true_result("A2C"), id="earlier"), measurements=()))
    assert (tmp_path / "pictures" / "mine.png").is_file()
    write_report(tmp_path, report(true_result("A4C")))
    assert not [file for file in tmp_path.rglob("*") if file.name.startswith("earlier")]


def test_the_page_says_that_an_atrium_takes_the_shorter_length(page: Page) -> None:
    how = page.text[page.text.index("How each number was made") :]
    assert "shorter of its two lengths" in how and "probability of an error within a tenth" in how


def test_no_name_of_a_patient_reaches_the_report(folder: Path) -> None:
    for file in (folder / "report.json", folder / "report.html"):
        assert not re.search(r"PatientName|PatientID|SIMULATED\^HEART", file.read_text(encoding="utf-8"))
