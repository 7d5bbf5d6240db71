import gzip
from pathlib import Path

import pytest

from pipeline.dataset import Companion
from pipeline.errors import PermanentError
from pipeline.months import Month
from pipeline.normalise.convert import Origin, convert
from pipeline.normalise.didww import TABLES

HEADER = b"Date/Time (UTC),Status,Source Address,Destination Address,SMS Trunk,SMS ID,Trunk Type\n"
MESSAGE = b"2026-10-01 00:00:00,Success,ACME,442079460001,trunk,1,Email\n"


@pytest.mark.parametrize("companion", list(Companion))
def test_where_a_companion_is_damaged_no_file_is_left(tmp_path: Path, companion: Companion) -> None:
    file, beside, made = tmp_path / "a.csv.gz", tmp_path / f"a.{companion}.csv.gz", tmp_path / "made"
    file.write_bytes(gzip.compress(HEADER + MESSAGE))
    beside.write_bytes(gzip.compress(HEADER + MESSAGE * 9)[:-4])
    with pytest.raises(PermanentError, match="is damaged"):
        convert(
            file,
            Origin("sms_in", Month(2026, 10), "a"),
            TABLES["sms_in"],
            made / "rows.parquet",
            made / "rejects.parquet",
            companions={companion: beside},
        )
    assert list(made.rglob("*.*")) == []
