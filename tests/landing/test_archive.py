import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import PermanentError
from pipeline.landing.archive import Archive
from pipeline.landing.manifests import Manifest, RequestedExport, write_json
from pipeline.months import Month

OCTOBER = Month(2026, 10)

moments = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone
words = st.text(st.characters(blacklist_categories=["Cs"]), max_size=40)
ids = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,40}", fullmatch=True)
months = st.builds(Month, st.integers(2020, 2040), st.integers(1, 12)).map(str)
asked = st.fixed_dictionaries(
    {
        "vendor": st.sampled_from(["didww", "other"]),
        "record_type": st.sampled_from(["cdr_in", "cdr_out"]),
        "month": months,
        "export_id": ids,
        "reference": words,
        "window_start": moments,
        "window_end": moments,
        "created_at": moments,
        "filters": st.dictionaries(words, st.none() | words | st.integers() | st.lists(words, max_size=2), max_size=4),
        "api_version": words,
    }
)
landed = st.fixed_dictionaries(
    {
        "landed_at": moments,
        "url": words,
        "bytes": st.integers(0, 1 << 50),
        "text_bytes": st.integers(0, 1 << 60),
        "sha256": words,
        "header": words,
        "records_told": st.none() | st.integers(0, 1 << 40),
    }
)


def an_export(export_id: str = "6e1f", created_at: datetime = OCTOBER.end) -> RequestedExport:
    return RequestedExport(
        vendor="didww",
        record_type="cdr_in",
        month="2026-10",
        export_id=export_id,
        reference="cdr/main/cdr_in/2026-10/day0",
        window_start=OCTOBER.start,
        window_end=OCTOBER.end,
        created_at=created_at,
        filters={},
        api_version="2026-04-16",
    )


class TestTheArchive:
    def test_keeps_an_export_where_its_vendor_type_month_and_id_say(self, tmp_path: Path) -> None:
        file = Archive(tmp_path).file("didww", "cdr_in", OCTOBER, "6e1f-7a")
        assert file == tmp_path / "didww" / "cdr_in" / "2026-10" / "6e1f-7a.csv.gz"

    @pytest.mark.parametrize(
        "export_id",
        [
            "",
            ".",
            "..",
            "../../etc/passwd",
            "a/b",
            "a\\b",
            "a.b",
            "/a",
            "-a",
            "_a",
            "a b",
            "a\n",
            "a\0",
            "ä",
            "CON:",
            "a" * 101,
        ],
    )
    def test_refuses_an_export_id_that_is_no_safe_file_name(self, tmp_path: Path, export_id: str) -> None:
        with pytest.raises(PermanentError, match=r"^Export id [^\n]+ cannot be a file name; [^\n]+\.$"):
            Archive(tmp_path / "landing").file("didww", "cdr_in", OCTOBER, export_id)
        with pytest.raises(PermanentError):
            Archive(tmp_path / "landing").write_request(an_export(export_id))
        assert list(tmp_path.iterdir()) == []

    @settings(max_examples=25)
    @given(export_id=st.text(max_size=12))
    def test_never_leaves_its_folder(self, tmp_path_factory: pytest.TempPathFactory, export_id: str) -> None:
        root = tmp_path_factory.getbasetemp()
        try:
            file = Archive(root).file("didww", "cdr_in", OCTOBER, export_id)
        except PermanentError:
            assert not re.fullmatch("[A-Za-z0-9][A-Za-z0-9_-]*", export_id)
        else:
            assert file.resolve().parent == (root / "didww/cdr_in/2026-10").resolve()

    @settings(max_examples=25)
    @given(
        records=st.lists(
            asked, max_size=5, unique_by=lambda r: (r["vendor"], r["record_type"], r["month"], r["export_id"])
        )
    )
    def test_gives_back_what_was_asked_for_oldest_first(
        self, tmp_path_factory: pytest.TempPathFactory, records: list[dict[str, object]]
    ) -> None:
        archive = Archive(tmp_path_factory.mktemp("landing"))
        notes = [RequestedExport(**record) for record in records]  # type: ignore[arg-type]
        for note in notes:
            archive.write_request(note)
        assert list(archive.requested()) == sorted(notes, key=lambda n: (n.created_at, n.export_id))
        assert list(archive.landed()) == []

    @settings(max_examples=25)
    @given(record=asked, more=landed)
    def test_gives_back_what_landed(
        self, tmp_path_factory: pytest.TempPathFactory, record: dict[str, object], more: dict[str, object]
    ) -> None:
        archive = Archive(tmp_path_factory.mktemp("landing"))
        manifest = Manifest(**record, **more)  # type: ignore[arg-type]
        archive.write_manifest(manifest)
        assert list(archive.landed()) == [manifest]
        assert list(archive.requested()) == []
        month = Month.parse(manifest.month)
        assert list(archive.landed_of(manifest.vendor, manifest.record_type, month)) == [manifest]
        assert list(archive.landed_of(manifest.vendor, manifest.record_type, month.shift(1))) == []

    def test_remembers_the_first_note_of_an_export(self, tmp_path: Path) -> None:
        archive = Archive(tmp_path)
        archive.write_request(an_export())
        archive.write_request(an_export(created_at=OCTOBER.end + timedelta(days=1)))
        assert [note.created_at for note in archive.requested()] == [OCTOBER.end]

    def test_keeps_the_instant_of_a_time_in_any_zone(self, tmp_path: Path) -> None:
        elsewhere = OCTOBER.end.astimezone(timezone(timedelta(hours=9)))
        archive = Archive(tmp_path)
        archive.write_request(an_export(created_at=elsewhere))
        assert [note.created_at for note in archive.requested()] == [OCTOBER.end]

    def test_has_no_manifest_for_a_file_without_one_or_for_one_without_a_file(self, tmp_path: Path) -> None:
        archive = Archive(tmp_path)
        file = archive.file("didww", "cdr_in", OCTOBER, "6e1f")
        assert archive.manifest(file) is None
        file.parent.mkdir(parents=True)
        file.write_bytes(b"a whole gzip, and then the power failed")
        assert archive.manifest(file) is None
        file.unlink()
        whole = Manifest(
            **vars(an_export()), landed_at=OCTOBER.end, url="", bytes=1, text_bytes=1, sha256="", header="a,b"
        )
        archive.write_manifest(whole)
        assert archive.manifest(file) is None
        file.write_bytes(b"x")
        assert archive.manifest(file) == whole

    def test_reads_a_manifest_that_was_written_before_records_were_counted(self, tmp_path: Path) -> None:
        archive = Archive(tmp_path)
        archive.write_manifest(
            Manifest(**vars(an_export()), landed_at=OCTOBER.end, url="", bytes=1, text_bytes=1, sha256="", header="a")
        )
        (note,) = tmp_path.glob("*/*/*/*.landed.json")
        earlier = json.loads(note.read_text("utf-8"))
        del earlier["records_told"]
        note.write_text(json.dumps(earlier), "utf-8")
        assert [manifest.records_told for manifest in archive.landed()] == [None]

    def test_is_empty_where_nothing_was_asked_for(self, tmp_path: Path) -> None:
        archive = Archive(tmp_path / "never made")
        assert [*archive.requested(), *archive.landed(), *archive.landed_of("didww", "cdr_in", OCTOBER)] == []

    def test_does_not_take_an_unfinished_note_for_one(self, tmp_path: Path) -> None:
        archive = Archive(tmp_path)
        archive.write_request(an_export())
        (note,) = tmp_path.glob("*/*/*/*.asked.json")
        note.with_name("7f.asked.json.4711.part").write_text("{")
        assert [found.export_id for found in archive.requested()] == ["6e1f"]


class TestWritingJson:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        path = tmp_path / "note.json"
        path.write_text("old")
        return path

    def test_replaces_the_whole_file_and_leaves_nothing_beside_it(self, path: Path) -> None:
        write_json(path, {"name": "Łódź", "at": OCTOBER.start})
        assert json.loads(path.read_text(encoding="utf-8")) == {"name": "Łódź", "at": "2026-10-01T00:00:00+00:00"}
        assert list(path.parent.iterdir()) == [path]

    def test_never_lets_a_reader_see_a_part(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        seen: list[str] = []
        sync = os.fsync

        def look(descriptor: int) -> None:
            seen.append(path.read_text())
            sync(descriptor)

        monkeypatch.setattr(os, "fsync", look)
        write_json(path, {"a": 1})
        before_the_rename, after_it = seen
        assert before_the_rename == "old"
        assert json.loads(after_it) == {"a": 1}

    def test_that_fails_leaves_the_old_file_and_no_part(self, path: Path) -> None:
        with pytest.raises(TypeError, match="cannot be written to a manifest"):
            write_json(path, {"a": 1, "b": object()})
        assert path.read_text() == "old"
        assert list(path.parent.iterdir()) == [path]

    def test_where_no_folder_can_be_made_says_so(self, path: Path) -> None:
        with pytest.raises(PermanentError, match=r"could not be written to [^\n]+ \(Not a directory\); [^\n]+\.$"):
            write_json(path / "below a file" / "note.json", {})

    def test_that_is_killed_leaves_the_old_file(self, path: Path) -> None:
        script = (
            "import os, signal, sys; from pathlib import Path; from pipeline.landing import manifests;"
            "manifests.finalize = lambda part, target: os.kill(os.getpid(), signal.SIGKILL);"
            "manifests.write_json(Path(sys.argv[1]), {'a': 1})"
        )
        killed = subprocess.run([sys.executable, "-c", script, str(path)], check=False)
        assert killed.returncode == -9
        assert path.read_text() == "old"
