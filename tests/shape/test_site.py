"""The documentation site is built from the pages, whole: every page, every link, every picture."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).parents[2]
CONFIG = ".zensical.toml"
pytestmark = pytest.mark.slow


class Page(HTMLParser):
    """What a page links, shows and can be linked at."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value and name in ("href", "src"):
                self.targets.append(value)
            if value and name in ("id", "name"):
                self.anchors.add(value)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built in strict mode beside a copy of the pages."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(ROOT / "docs", folder / "docs")
    shutil.copyfile(ROOT / CONFIG, folder / CONFIG)
    done = build(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "build" / "site"


def build(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("zensical")), "build", "--strict", "--config-file", CONFIG]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)


def pages(site: Path) -> dict[Path, Page]:
    return {path: Page(path) for path in site.rglob("*.html") if path.name != "404.html"}


def dead(site: Path) -> Iterator[str]:
    """The local links and pictures that lead nowhere."""
    known = pages(site)
    for path, page in known.items():
        for target in page.targets:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                continue
            found = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            found = found / "index.html" if found.is_dir() else found
            lost = not found.is_relative_to(site.resolve()) or not found.exists()
            if lost or (parts.fragment and found in known and unquote(parts.fragment) not in known[found].anchors):
                yield f"{path.relative_to(site)} -> {target}"


def test_no_link_and_no_picture_is_dead(site: Path) -> None:
    assert len(pages(site)) > 25
    assert list(dead(site)) == []


@pytest.mark.parametrize(
    ("link", "is_dead"),
    [
        ('<a href="other/">', False),
        ('<a href="other/index.html#there">', False),
        ('<img src="p.png">', False),
        ('<a href="#here" id="here">', False),
        ('<a href="https://example.com/none">', False),
        ('<a href="none/">', True),
        ('<img src="none.png">', True),
        ('<a href="other/#none">', True),
        ('<a href="#none">', True),
        ('<a href="../outside.html">', True),
    ],
)
def test_every_kind_of_dead_link_is_seen(link: str, is_dead: bool, tmp_path: Path) -> None:
    site = tmp_path / "site"
    (site / "other").mkdir(parents=True)
    (site / "p.png").touch()
    (tmp_path / "outside.html").touch()
    (site / "other" / "index.html").write_text('<h1 id="there"></h1>', "utf-8")
    (site / "index.html").write_text(link, "utf-8")
    assert bool(list(dead(site))) == is_dead


def test_every_page_is_reached_from_the_start(site: Path) -> None:
    start = {(site / unquote(urlsplit(target).path)).resolve() for target in Page(site / "index.html").targets}
    written = {path.parent.resolve() for path in pages(site)}
    assert written - start - {site.resolve()} == set()
    assert len(written) == len(list((ROOT / "docs").rglob("*.md")))


def test_the_site_loads_nothing_from_other_hosts(site: Path) -> None:
    for path in site.rglob("*.html"):
        text = path.read_text("utf-8")
        assert "fonts.googleapis" not in text
        assert 'src="http' not in text, path.name


def test_a_dead_link_stops_the_build(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text("# Start\n\n[nowhere](nowhere.md)\n", "utf-8")
    config = (ROOT / CONFIG).read_text("utf-8")
    begin, end = config.index("nav = ["), config.index("[project.theme]")
    (tmp_path / CONFIG).write_text(config[:begin] + config[end:], "utf-8")
    done = build(tmp_path)
    assert done.returncode != 0
    assert "page does not exist" in done.stdout + done.stderr
