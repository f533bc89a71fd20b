"""Every code block of the documentation has its row in ``tests/pages.py``, and what is no Python is what it says."""

from __future__ import annotations

import ast
import configparser
import re
import subprocess
import sys
from pathlib import Path

import pytest

import isocord

from .. import pages
from ..pages import PAGES, ROOT, TABLE, By, Checked, Runs, Theirs

LANGUAGES = {"python", "shell", "yaml", "ini", "dockerfile", "text"}


def test_every_block_has_its_row() -> None:
    found = {page: len(pages.blocks(page)) for page in PAGES}
    assert {page: count for page, count in found.items() if count} == {
        page: len(rows) for page, rows in TABLE.items() if rows
    }


@pytest.mark.parametrize("page", PAGES)
def test_every_fence_is_closed_and_has_a_language(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    assert len(re.findall(r"(?m)^ *```", text)) % 2 == 0
    assert {block.language for block in pages.blocks(page)} <= LANGUAGES
    # What is indented by four is code as well, without a language.
    prose = re.sub(r"(?ms)^ *```.*?^ *```$", "", text)
    assert not re.search(r"(?m)^\n {4}[^ \-*]", prose)


@pytest.mark.parametrize("page", TABLE)
def test_rows_say_what_is_done(page: str) -> None:
    for block, row in zip(pages.blocks(page), TABLE[page], strict=True):
        assert (block.language == "python") is not isinstance(row, Checked), block
        if isinstance(row, By):
            # The test takes it from the page, which it names.
            assert f'"{page}"' in (ROOT / row.test).read_text("utf-8"), (page, row.test)
        if isinstance(row, (Runs, Theirs)):
            compile(block.code, page, "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


@pytest.mark.parametrize(
    "name",
    [
        *isocord.__all__,
        "isocord.filters",
        "isocord.metrics",
        "isocord.ray",
        "isocord.remote",
        "isocord.sinks",
        "isocord.testing",
    ],
)
def test_the_reference_has_every_public_name(name: str) -> None:
    reference = "".join(path.read_text("utf-8") for path in sorted((ROOT / "docs" / "api").glob("*.md")))
    wanted = f"automodule:: {name}" if "." in name else rf"auto\w+:: isocord\.{name}\b"
    assert re.search(wanted, reference)


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 150
    assert all(picture.stat().st_size < 100_000 for picture in (ROOT / "docs" / "images").iterdir())


def test_links_of_the_readme_hold_outside_of_the_repository() -> None:
    """It is the package's description as well, where a relative link leads nowhere and a picture is none."""
    text = (ROOT / "README.md").read_text("utf-8")
    links = re.findall(r"(!?)\[[^\]]*\]\(([^)]+)\)", text)
    assert len(links) > 20
    for picture, link in links:
        host = "raw.githubusercontent.com/isocord/isocord/main" if picture else "github.com/isocord/isocord/blob/main"
        assert link.startswith(f"https://{host}/"), link
        assert (ROOT / link.removeprefix(f"https://{host}/")).is_file(), link


def test_the_page_of_figures_is_what_the_benches_wrote(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    script = ROOT / "benches" / "python" / "page.py"
    subprocess.run([sys.executable, str(script), "--page", str(page)], check=True, timeout=60)
    assert page.read_text("utf-8") == (ROOT / "docs" / "benchmarks.md").read_text("utf-8")


def of(language: str) -> list[pages.Block]:
    return [block for page in PAGES for block in pages.blocks(page) if block.language == language]


@pytest.mark.parametrize("block", of("shell"), ids=lambda block: f"{block.page}-{block.number}")
def test_commands_are_there(block: pages.Block) -> None:
    """Targets of the Makefile, extras of the package, commands of isocord."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    for line in block.code.splitlines():
        words = line.split("#")[0].split()
        if not words:
            continue
        if words[0] == "make":
            assert f"\n{words[1]}:" in makefile, line
        elif words[:2] == ["pip", "install"]:
            for extra in re.findall(r"isocord\[(\w+)\]", line):
                assert f"\n{extra} = [" in project, line
            for name in words[2:]:
                assert re.fullmatch(r"\.|'?(isocord(\[\w+\])?|py-cord)'?", name), line
        elif words[0].endswith("isocord"):
            from isocord.cli.main import parser

            parser().parse_args(words[1:])
        elif words[0] == "docker":
            assert "--cap-add=sys_nice" in words
        elif words[0] == "ray":
            # Ray itself is only where `make cluster` runs.
            assert words[1] == "start" and ("--head" in words or words[2].startswith("--address=")), line
        elif words[0] == "serve":
            # Nor is Ray Serve.
            assert words[1] == "run" and ":" in words[-1], line
        elif words[:2] == ["git", "clone"]:
            assert words[2] in project
        else:
            pytest.fail(f"nobody checks {line!r}")


@pytest.mark.parametrize("block", of("text"), ids=lambda block: f"{block.page}-{block.number}")
def test_trees_are_of_what_there_is(block: pages.Block) -> None:
    places = [ROOT, ROOT / "rust", ROOT / "rust" / "io" / "src", ROOT / "python" / "isocord"]
    places.append(places[-1] / "testing")
    for name in re.findall(r"[\w./]+/[\w./]*|\w+\.rs", block.code):
        assert any((place / name).exists() for place in places), name


@pytest.mark.parametrize("block", of("ini"), ids=lambda block: block.page)
def test_units_of_systemd_have_the_limit(block: pages.Block) -> None:
    unit = configparser.ConfigParser()
    unit.read_string(block.code)
    assert int(unit["Service"]["LimitRTPRIO"]) >= 1


@pytest.mark.parametrize("block", of("yaml"), ids=lambda block: f"{block.page}-{block.number}")
def test_descriptions_of_containers_have_the_capability(block: pages.Block) -> None:
    for line in block.code.splitlines():
        assert re.fullmatch(r"(  )*(- )?\w+:( \S.*)?", line), line
    assert "[SYS_NICE]" in block.code


@pytest.mark.parametrize("block", of("dockerfile"), ids=lambda block: block.page)
def test_images_install_what_there_is(block: pages.Block) -> None:
    steps = dict(line.split(" ", 1) for line in block.code.splitlines())
    assert set(steps) == {"FROM", "RUN", "COPY", "USER", "CMD"}
    assert steps["RUN"].endswith("py-cord isocord")
    assert ast.literal_eval(steps["CMD"])[0] == "python"
