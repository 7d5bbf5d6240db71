"""Decompression alone: no conversion of one gzip file can be faster."""

import sys
from pathlib import Path

from isal import igzip


def main(_: Path, file: Path) -> None:
    """Read the file to its end."""
    room = bytearray(8 << 20)
    with igzip.open(file, "rb") as stream:
        while stream.readinto(room):
            pass


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
