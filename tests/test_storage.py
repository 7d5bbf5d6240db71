import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.storage import make_folder, whole, write_text

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "pipeline").rglob("*.py"))


def renames(tree: ast.AST) -> Iterator[int]:
    """The lines that rename a file: ``path.replace(target)`` takes one thing, a text's takes two, a date's names."""
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        if isinstance(call.func, ast.Attribute):
            by_library = ast.unparse(call.func.value) in ("os", "shutil")
            moves = call.func.attr == "replace" and len(call.args) == 1 and not call.keywords
            if moves or call.func.attr == "rename" or (by_library and call.func.attr in ("replace", "renames", "move")):
                yield call.lineno


def test_only_one_module_renames_files() -> None:
    found = {str(module.relative_to(ROOT)) for module in MODULES if list(renames(ast.parse(module.read_text("utf-8"))))}
    assert found == {"pipeline/storage.py"}


def test_a_file_is_whole_or_as_it_was_and_nothing_is_left_of_it(tmp_path: Path) -> None:
    target = tmp_path / "note.json"
    write_text(target, "old")

    def fail() -> None:
        with whole(target) as part:
            part.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("note.json", "old")]


STEPS = """
import sys
from pathlib import Path
import pyarrow as pa
import pyarrow.parquet as pq
from pipeline.storage import make_folder, whole
from pipeline.warehouse.lake import Lake

root = Path(sys.argv[1])
make_folder(root / "new" / "newer")
with whole(root / "new" / "newer" / "file.txt") as part:
    part.write_text("text")
lake = Lake(root / "lake")
schema = pa.schema([("n", pa.int64()), ("month", pa.string())])
for stem in ("first", "second"):
    file = lake.new_file("t", "2026-10", stem)
    pq.write_table(pa.table({"n": [1]}), file)
    lake.replace_month("t", "2026-10", [file], schema, {"stem": stem})
"""


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed (apt-get install strace)")
def test_what_the_kernel_is_asked_for_comes_in_the_order_that_survives_a_power_cut(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    called = "trace=fsync,fdatasync,rename,renameat,renameat2,link,linkat,mkdir,mkdirat"
    done = subprocess.run(
        ["strace", "-f", "-y", "-s", "300", "-e", called, "-o", trace, sys.executable, "-c", STEPS, tmp_path],
        check=False, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    if "ptrace" in done.stderr and done.returncode:
        pytest.skip("processes may not be traced here")
    assert done.returncode == 0, done.stderr
    lines = trace.read_text().splitlines()

    def at(*words: str) -> int:
        """Where the first call is that holds all of these."""
        return next(number for number, line in enumerate(lines) if all(word in line for word in words))

    newer, entry, log = f"{tmp_path}/new/newer", "00000000000000000002.json", f"{tmp_path}/lake/t/_delta_log>"
    assert at("mkdir", f'"{tmp_path}/new"') < at("fsync", f"<{tmp_path}>")
    assert at("fsync", ".file.txt.") < at("rename", '/file.txt"') < at("fsync", f"<{newer}>")
    committed = next(n for n, line in enumerate(lines) if entry in line and ("link" in line or "rename" in line))
    parquet = next(n for n, line in enumerate(lines) if "fsync" in line and "/second." in line)
    folder = next(n for n, line in enumerate(lines) if "fsync" in line and "/month=2026-10>" in line)
    synced = at("fsync", f"/{entry}>")
    assert max(parquet, folder) < committed < synced
    assert any("fsync" in line and log in line for line in lines[synced:])


def test_a_folder_that_is_there_already_is_left_alone(tmp_path: Path) -> None:
    make_folder(tmp_path / "a" / "b")
    (tmp_path / "a" / "b" / "file").write_text("x")
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b" / "file").read_text() == "x"
