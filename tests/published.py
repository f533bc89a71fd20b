"""What is published, looked into: ``python -m tests.published dist/release`` after ``nox -s release`` has built it.

A wheel holds the package as it is in the repository, one native module, the licences and the bill of materials, and
nothing of the machine that built it; an sdist holds what is needed to build it alone.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from email.parser import HeaderParser
from pathlib import Path

ROOT = Path(__file__).parents[1]
LARGEST = 20_000_000
"""Bytes of a wheel: an index takes 100 MB, a bot's author waits for each of them."""
NATIVE = re.compile(r"isocord/_native\.(abi3t?(-[\w-]+)?\.so|cpython-\w+-[\w-]+\.so|pyd|cp\w+-\w+\.pyd)")
INFO = {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE", "licenses/NOTICE.md"}
BUILD = {"Cargo.toml", "Cargo.lock", "LICENSE", "NOTICE.md", "README.md", "pyproject.toml", "rust/py/src/lib.rs"}


def tracked(folder: str) -> set[str]:
    """Files of the repository below a folder."""
    listed = subprocess.run(
        ("git", "ls-files", "-z", folder), cwd=ROOT, capture_output=True, check=True, text=True
    ).stdout
    return {name for name in listed.split("\0") if name}


def version() -> str:
    """The version that is built, which is the newest of the changelog."""
    (built,) = re.findall(r'^version = "(.+)"$', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)
    newest = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[0]
    if newest != built:
        raise SystemExit(f"CHANGELOG.md begins with {newest}, and {built} is built")
    return str(built)


def faults_of_wheel(path: Path) -> Iterator[str]:
    """What is wrong with a wheel."""
    if not path.name.startswith(f"isocord-{version()}-"):
        yield f"it is not of version {version()}"
        return
    with zipfile.ZipFile(path) as wheel:
        names = {name for name in wheel.namelist() if not name.endswith("/")}
        info = f"isocord-{version()}.dist-info/"
        native = {name for name in names if NATIVE.fullmatch(name)}
        package = {name.removeprefix("python/") for name in tracked("python/isocord")}
        boms = {name for name in names if name.startswith(f"{info}sboms/")}
        yield from (f"{name} is missing" for name in package - names)
        yield from (f"{info}{name} is missing" for name in INFO if f"{info}{name}" not in names)
        if len(native) != 1:
            yield f"native modules: {sorted(native)}"
        if not boms:
            yield "there is no bill of materials"
        yield from (f"{name} names nothing that it is made of" for name in boms if not materials(wheel.read(name)))
        others = names - package - native - boms - {f"{info}{name}" for name in INFO}
        yield from (f"{name} is none of its own" for name in others)
        if path.stat().st_size > LARGEST:
            yield f"it has {path.stat().st_size} bytes"
        here = [str(place).encode() for place in (ROOT, Path.home() / ".cargo")]
        # The bill of materials has Cargo's names for the crates of a workspace, which are their folders.
        for name in names - boms:
            if any(place in wheel.read(name) for place in here):
                yield f"{name} names a folder of the machine that built it"
        metadata = HeaderParser().parsestr(wheel.read(f"{info}METADATA").decode())
        text = str(metadata.get_payload())
        yield from (f"the page has a link that leads nowhere: {link}" for link in relative_links(text))


def materials(bom: bytes) -> list[str]:
    """What a bill of materials in CycloneDX names, if this is one."""
    told = json.loads(bom)
    listed = told.get("components", ()) if told.get("bomFormat") == "CycloneDX" else ()
    return [f"{one['name']} {one['version']}" for one in listed]


def relative_links(markdown: str) -> list[str]:
    """Links and pictures that an index cannot follow."""
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", markdown) if not re.match(r"https?://|#|mailto:", link)]


def faults_of_sdist(path: Path) -> Iterator[str]:
    """What is wrong with an sdist."""
    with tarfile.open(path) as archive:
        files = {member.name.split("/", 1)[1]: member.size for member in archive if member.isfile()}
    yield from (f"{name} is missing" for name in BUILD | tracked("python/isocord") if name not in files)
    yield from (f"{name} is missing" for name in tracked("rust") if name.endswith(".rs") and needed(name) not in files)
    yield from (f"{name} is none of the repository" for name in files if re.search(r"\.(so|pyd|whl|log)$", name))


def needed(name: str) -> str:
    """A source of the crates that the module is built from; others may be left out."""
    crates = ("rust/prefetch/", "rust/volley/", "rust/ring/", "rust/opus/", "rust/proto/", "rust/io/", "rust/py/")
    return name if name.startswith(crates) and "/src/" in name else "Cargo.toml"


def main() -> None:
    folder = Path(sys.argv[1])
    faults = []
    built = sorted(folder.iterdir())
    for path in built:
        look = faults_of_wheel if path.suffix == ".whl" else faults_of_sdist
        faults += [f"{path.name}: {fault}" for fault in look(path)]
    if faults or not built:
        raise SystemExit("\n".join(faults) or f"nothing is in {folder}")
    print(*(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB, as it should be" for path in built), sep="\n")


if __name__ == "__main__":
    main()
