"""Where reports of studies go: nothing of the user's is touched, and no file of one patient lies beside another's."""

from __future__ import annotations

from pathlib import Path

import pytest
from study_cases import MODEL, Take, TruthIn, write_take

from echoapex.errors import EchoApexError
from echoapex.report.report_folder import report_output
from echoapex.study.batch_analysis import StudyOptions, WrittenStudy, write_studies
from echoapex.study.scene_writer_process import SceneWritten
from echoapex.study.study_progress import in_words

TAKES = {"a.dcm": Take("A4C"), "b.dcm": Take("A2C")}


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two studies of one clip each."""
    folder = tmp_path_factory.mktemp("clips")
    for number, (name, take) in enumerate(TAKES.items(), start=1):
        write_take(folder / name, take, study=f"1.{number}")
    return folder


@pytest.fixture
def with_scene(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scene in no time."""

    def write(folder: Path, lies_in: Path) -> SceneWritten:
        assert (folder / "report.json").is_file()
        (folder / "scene.mrb").write_bytes((folder / "report.json").read_bytes()[:200])
        return SceneWritten(lies_in / "scene.mrb")

    monkeypatch.setattr("echoapex.study.batch_analysis.write_scene", write)


def written(paths: list[Path], out: Path, observe: TruthIn | None = None, **options: object) -> list[object]:
    chosen = StudyOptions(observe=observe or TruthIn(TAKES), **options)
    return list(write_studies(paths, MODEL, out, options=chosen))


def seen(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


@pytest.mark.parametrize("name", ["report.json", "report.html", "measurements.csv", "scene.mrb"])
def test_a_folder_with_a_report_of_somebody_else_is_refused_before_a_clip_is_looked_at(
    clips: Path, tmp_path: Path, name: str
) -> None:
    mine = {name: b"my own", "masks/my_manual_tracing.nrrd": b"by hand", "pictures/figure1.png": b"my figure"}
    for path, content in mine.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(content)
    observe = TruthIn(TAKES)
    (refusal,) = written([clips / "a.dcm"], tmp_path, observe, scene=False)
    assert isinstance(refusal, EchoApexError) and name in str(refusal) and observe.asked == []
    assert seen(tmp_path) == mine


def test_what_is_the_users_beside_a_report_stays_through_every_run(clips: Path, tmp_path: Path) -> None:
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks" / "my_manual_tracing.nrrd").write_bytes(b"by hand")
    for name in TAKES:
        (done,) = written([clips / name], tmp_path, scene=False)
        assert isinstance(done, WrittenStudy)
    assert seen(tmp_path)["masks/my_manual_tracing.nrrd"] == b"by hand"
    assert not [path for path in seen(tmp_path) if "A4C" in path] and "masks/A2C-1-LV.nrrd" in seen(tmp_path)


def test_where_no_scene_is_wanted_none_of_an_earlier_report_stays(
    clips: Path, tmp_path: Path, with_scene: None
) -> None:
    (first,) = written([clips / "a.dcm"], tmp_path)
    assert first.scene.path == tmp_path / "scene.mrb" and first.scene.path.is_file()
    (second,) = written([clips / "b.dcm"], tmp_path, scene=False)
    assert second.scene.path is None and not (tmp_path / "scene.mrb").exists()


@pytest.mark.parametrize("scene", [True, False])
def test_a_scene_that_the_user_saved_over_ours_is_never_deleted(
    clips: Path, tmp_path: Path, with_scene: None, scene: bool
) -> None:
    written([clips / "a.dcm"], tmp_path)
    (tmp_path / "scene.mrb").write_bytes(b"corrected by hand")
    before, observe = seen(tmp_path), TruthIn(TAKES)
    (refusal,) = written([clips / "b.dcm"], tmp_path, observe, scene=scene)
    assert "scene.mrb" in str(refusal) and "was changed since" in str(refusal) and observe.asked == []
    assert seen(tmp_path) == before


def test_a_run_that_fails_while_writing_leaves_the_earlier_report_whole(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written([clips / "a.dcm"], tmp_path / "out", scene=False)
    before = seen(tmp_path)

    def full(*_: object) -> None:
        raise EchoApexError("The picture cannot be written", value="No space left on device")

    monkeypatch.setattr("echoapex.report.report_folder.write_png", full)
    (refusal,) = written([clips / "b.dcm"], tmp_path / "out", scene=False)
    assert "No space left" in str(refusal)
    assert seen(tmp_path) == before and [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_second_run_into_the_folder_is_refused_while_the_first_one_works(clips: Path, tmp_path: Path) -> None:
    observe = TruthIn(TAKES)
    with report_output(tmp_path / "out"):
        (refusal,) = written([clips / "a.dcm"], tmp_path / "out", observe, scene=False)
        assert "Another run is writing" in str(refusal)
        with pytest.raises(EchoApexError, match="Another run is writing"):
            written([clips], tmp_path / "out", observe, scene=False)
    assert observe.asked == [] and list(tmp_path.iterdir()) == []


def test_several_studies_hold_their_folder_until_all_are_written(clips: Path, tmp_path: Path) -> None:
    studies = write_studies([clips], MODEL, tmp_path / "out", options=StudyOptions(observe=TruthIn(TAKES), scene=False))
    next(studies)
    with pytest.raises(EchoApexError, match="Another run is writing"):
        written([clips], tmp_path / "out", scene=False)
    assert isinstance(next(studies), WrittenStudy) and list(studies) == []
    assert all(isinstance(done, WrittenStudy) for done in written([clips], tmp_path / "out", scene=False))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["study-1", "study-2"]


def test_a_study_whose_folder_is_the_users_is_refused_before_any_is_analyzed(clips: Path, tmp_path: Path) -> None:
    (tmp_path / "study-2").mkdir()
    (tmp_path / "study-2" / "report.html").write_bytes(b"mine")
    observe = TruthIn(TAKES)
    first, refusal = written([clips], tmp_path, observe, scene=False)
    assert isinstance(first, WrittenStudy) and "study-2" in str(refusal)
    assert {name for name, _ in observe.asked} == {"a.dcm"}
    assert seen(tmp_path / "study-2") == {"report.html": b"mine"}


def test_folders_of_an_earlier_run_that_stay_are_said(clips: Path, tmp_path: Path) -> None:
    written([clips], tmp_path, scene=False)
    said: list[str] = []
    options = StudyOptions(observe=TruthIn(TAKES), scene=False)
    list(write_studies([clips / "a.dcm"], MODEL, tmp_path, options=options, progress=in_words(said.append)))
    (told,) = [text for text in said if "earlier run" in text]
    assert "study-1, study-2" in told and (tmp_path / "study-2" / "report.html").is_file()


def test_a_study_that_fails_where_an_earlier_report_stays_says_so(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written([clips / "a.dcm"], tmp_path, scene=False)
    monkeypatch.setattr("echoapex.study.batch_analysis.write_report_files", fail)
    said: list[str] = []
    options = StudyOptions(observe=TruthIn(TAKES), scene=False)
    (refusal,) = write_studies([clips / "b.dcm"], MODEL, tmp_path, options=options, progress=in_words(said.append))
    assert isinstance(refusal, EchoApexError)
    assert [text for text in said if "still holds the report of an earlier run" in text and str(tmp_path) in text]


def fail(*_: object, **__: object) -> None:
    raise EchoApexError("The report cannot be written", value="No space left on device")
