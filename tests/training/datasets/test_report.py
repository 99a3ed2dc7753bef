"""What the doctor says: counts, names, thumbnails, decisions; for a shell and for a page, and safe in both."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from PIL import Image
from support.pictures import encoded, photo, photos

from runway_lab.errors import BadValue, Unknown
from runway_lab.training.datasets import Dataset, Report, examine
from runway_lab.training.datasets.report import advice


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    photos(tmp_path, 6)
    (tmp_path / "bad.jpg").write_bytes(b"x")
    (tmp_path / "again.jpg").write_bytes((tmp_path / "0.jpg").read_bytes())
    (tmp_path / "small.jpg").write_bytes(encoded(photo(9, 12, 12)))
    for number in range(3):
        (tmp_path / f"gray{number}.jpg").write_bytes(encoded(photo(20 + number).convert("L")))
    return tmp_path


def test_counts_files_and_thumbnails(folder: Path) -> None:
    report = examine(folder, size=32)
    assert (report.total, report.taken, len(report)) == (12, 9, 9)
    assert list(report.findings) == ["unreadable", "too_small", "gray", "duplicate"]
    gray = report["gray"]
    assert (gray.count, gray.files, gray.decision) == (3, ("gray0.jpg", "gray1.jpg", "gray2.jpg"), "keep")
    assert [name for name, _ in gray.thumbnails] == list(gray.files)
    assert all(Image.open(io.BytesIO(data)).format == "JPEG" for _, data in gray.thumbnails)
    assert "duplicate" in report
    assert "cmyk" not in report


def test_the_text_says_what_happens_and_what_else_could(folder: Path) -> None:
    said = str(examine(folder, size=32))
    assert "12 files, 9 pictures" in said
    assert "Unreadable: 1 file, left out." in said
    assert "small.jpg (12x12 pixels)" in said
    assert "Or decide gray='skip' (left out)." in said
    assert "again.jpg (the same as 0.jpg)" in said
    assert "from 300 pictures on it can work" in said


def test_decisions_change_what_is_taken(folder: Path) -> None:
    report = examine(folder, size=32)
    assert report.decide(gray="skip").taken == 6
    assert report.decide(gray="keep", duplicate="keep", too_small="fix").taken == 11
    assert report.decisions["too_small"] == "fix"
    assert report.leave_out("1.jpg", "2.jpg").leave_out("2.jpg").taken == 9
    assert report["left_out"].files == ("1.jpg", "2.jpg")
    with pytest.raises(BadValue, match="Allowed: 'skip'"):
        report.decide(unreadable="fix")
    with pytest.raises(Unknown, match="Did you mean 'gray'"):
        report["grey"]
    with pytest.raises(BadValue):
        report.leave_out(3)  # type: ignore[arg-type]


def test_all_gray_is_nothing_to_say(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.jpg").write_bytes(encoded(photo(number).convert("L")))
    report = examine(tmp_path, size=32)
    assert "Nothing to complain about" in str(report)
    assert "Nothing to complain about" in report._repr_html_()


def test_names_of_strangers_do_nothing_on_a_page(tmp_path: Path) -> None:
    evil = "<script>alert(1)<\\script>\"'.jpg"
    (tmp_path / evil).write_bytes(b"x")
    (tmp_path / f"gray {evil}").write_bytes(encoded(photo(1).convert("L")))
    photos(tmp_path, 1)
    page = examine(tmp_path, size=32)._repr_html_()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert 'title="gray &lt;script&gt;alert(1)&lt;\\script&gt;&quot;&#x27;.jpg"' in page
    assert page.count("data:image/jpeg;base64,") == 1


def test_a_report_survives_its_file(folder: Path) -> None:
    report = examine(folder, size=32).decide(gray="skip")
    again = Report.from_json(json.loads(json.dumps(report.to_json())))
    assert str(again) == str(report)
    assert again.skipped == report.skipped
    assert again.unchanged("bad.jpg", 1, (folder / "bad.jpg").stat().st_mtime_ns)
    assert not again.unchanged("bad.jpg", 2, 0)
    assert again["gray"].thumbnails == report["gray"].thumbnails


def test_create_follows_a_report(folder: Path) -> None:
    report = examine(folder, size=32).decide(gray="skip", too_small="fix").leave_out("1.jpg")
    data = Dataset.create("chosen", folder, report=report)
    files = [each["file"] for each in data.manifest["pictures"]]
    assert files == ["0.jpg", "2.jpg", "3.jpg", "4.jpg", "5.jpg", "small.jpg"]
    assert len(data) == report.taken
    assert (data.width, data.height) == (32, 32)
    why = {each["file"]: each["why"] for each in data.manifest["left_out"]}
    assert why["1.jpg"] == "left_out"
    assert why["gray0.jpg"] == "gray"


def test_a_report_for_another_crop_is_followed_as_far_as_it_makes_sense(folder: Path) -> None:
    report = examine(folder, size=32).decide(gray="skip")
    data = Dataset.create("whole", folder, report=report, crop="none")
    assert len(data) == 6
    assert {each["box"][2] for each in data.manifest["pictures"]} == {96}


def test_a_file_that_was_mended_after_the_report_is_looked_at_again(folder: Path) -> None:
    report = examine(folder, size=32)
    (folder / "bad.jpg").write_bytes(encoded(photo(30)))
    data = Dataset.create("mended", folder, report=report)
    assert "bad.jpg" in [each["file"] for each in data.manifest["pictures"]]


@pytest.mark.parametrize(
    ("count", "words"), [(10, "few"), (300, "can work"), (500, "good"), (5000, "good"), (9000, "plenty")]
)
def test_advice(count: int, words: str) -> None:
    assert words in advice(count)


def test_only_files_that_are_there_are_left_out(folder: Path) -> None:
    report = examine(folder, size=32)
    with pytest.raises(Unknown, match="no file '00.jpg'.*Did you mean '0.jpg'"):
        report.leave_out("1.jpg", "00.jpg")
    assert report.taken == 9, "nothing of a call that fails is done"
    data = Dataset.create("petals", folder, size=32)
    assert data.report is not None
    with pytest.raises(Unknown, match="no file 'zzz'"):
        data.report.leave_out("zzz")
    assert data.report.leave_out("2.jpg").taken == 8


def test_a_report_of_other_pictures_is_refused(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    few = tmp_path_factory.mktemp("few")
    photos(few, 2)
    report = examine(folder, size=32)
    for each in (report, Report.from_json(report.to_json())):
        with pytest.raises(BadValue, match="This report is of .*, and the pictures come from few0/"):
            Dataset.create("petals", few, report=each)
    assert str(folder) not in json.dumps(report.to_json()), "where the pictures lie is nobody's business"
    assert len(Dataset.create("petals", folder, report=report)) == 9


def test_what_is_left_out_for_something_else_is_not_counted(tmp_path: Path) -> None:
    (tmp_path / "wide.jpg").write_bytes(encoded(photo(1, 200, 40)))
    (tmp_path / "wide-again.jpg").write_bytes((tmp_path / "wide.jpg").read_bytes())
    report = examine(tmp_path, size=32)
    first, second = report["wrong_ratio"].files
    assert "1 file, cropped like the others (1 more left out for something else)." in str(report["wrong_ratio"])
    assert f"    {first}\n    Or" in str(report)
    assert second not in report["wrong_ratio"].affected
    assert "1 file, cropped like the others (1 more" in Report.from_json(report.to_json())._repr_html_()
    assert "Wrong ratio: 2 files, cropped like the others." in str(report.decide(duplicate="keep"))
    report.leave_out("wide.jpg", "wide-again.jpg")
    assert "Wrong ratio: 2 files, left out for something else." in str(report)
    assert "None of its pictures would be used." in str(report)
