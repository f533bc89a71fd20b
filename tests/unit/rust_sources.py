"""Which files of a Rust crate know which; ``python -m tests.unit.rust_sources rust/io/src`` counts them."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

Graph = dict[str, set[str]]


class Crate:
    """The files below ``src`` as they name each other outside of tests, by paths like ``send/outlet``."""

    def __init__(self, src: Path) -> None:
        paths = [path for path in sorted(src.rglob("*.rs")) if path.stem not in ("lib", "tests")]
        # A folder's mod.rs is "folder/mod".
        self.texts = {path.relative_to(src).with_suffix("").as_posix(): code(path) for path in paths}

    def file_of(self, module: list[str]) -> tuple[str, list[str]] | None:
        """The file of the longest part of a path that is a module, and what the path names in it."""
        for end in range(len(module), 0, -1):
            name = "/".join(module[:end])
            for file in (name, f"{name}/mod"):
                if file in self.texts:
                    return file, module[end:]
        return None

    def known_by(self, file: str) -> set[str]:
        """The files that a file names."""
        text = self.texts[file]
        if file.endswith("/mod"):
            # What it only hands on it does not need itself.
            text = re.sub(r"(?ms)^pub(\(\w+\))? use .*?;$", "", text)
        module = file.removesuffix("/mod").split("/")
        targets = (self.resolve([*at[: len(at) - ups], *path]) for at, ups, path in named(text, module))
        return {target for target in targets if target} - {file}

    def resolve(self, module: list[str], depth: int = 5) -> str | None:
        """The file where a path leads, through what a ``mod.rs`` hands on."""
        found = self.file_of(module)
        if found is None:
            return None
        file, rest = found
        if rest and file.endswith("/mod") and depth:
            home = file.removesuffix("/mod").split("/")
            for path in expand(re.findall(r"(?ms)^pub(?:\(\w+\))? use (.*?);$", self.texts[file])):
                if path[-1] == rest[0] and len(path) > 1:
                    return self.resolve([*home, *path], depth - 1)
        return file

    def graph(self) -> Graph:
        return {file: self.known_by(file) for file in self.texts}


def code(path: Path) -> str:
    """A file without its tests and comments."""
    return re.sub(r"(?m)//.*$", "", path.read_text("utf-8").split("#[cfg(test)]", maxsplit=1)[0])


def expand(trees: list[str]) -> Iterator[list[str]]:
    """The paths of ``use`` trees: ``a::{b, c::d}`` is ``a::b`` and ``a::c::d``."""
    for tree in (re.sub(r"\s+(as \w+)?", "", tree) for tree in trees):
        inner = re.fullmatch(r"(.*?)\{(.*)\}", tree)
        if inner is None:
            yield tree.split("::")
            continue
        depth, part, parts = 0, "", []
        for letter in inner[2] + ",":
            depth += (letter == "{") - (letter == "}")
            if letter == "," and depth == 0:
                parts.append(part)
                part = ""
            else:
                part += letter
        yield from expand([inner[1] + part for part in parts if part])


def named(text: str, module: list[str]) -> Iterator[tuple[list[str], int, list[str]]]:
    """Each path of this crate in a text: where it starts, how far up from there, and down again."""
    uses = re.findall(r"(?ms)\buse ((?:crate|super|self)::.*?);$", text)
    plain = re.sub(r"(?ms)\buse .*?;$", "", text)
    uses += re.findall(r"\b(?:crate|super)(?:::\w+)+", plain)
    for path in expand(uses):
        if path[0] == "crate":
            yield [], 0, path[1:]
        else:
            ups = sum(step == "super" for step in path)
            yield module, ups, [step for step in path if step not in ("super", "self")]


def folded(graph: Graph) -> Graph:
    """The same between folders; a file beside them is one of its own."""
    folders: Graph = {}
    for file, known in graph.items():
        home = file.split("/")[0]
        folders.setdefault(home, set()).update(other.split("/")[0] for other in known)
        folders[home].discard(home)
    return folders


def in_circles(graph: Graph) -> set[str]:
    """Who knows somebody who, in the end, knows them."""
    return {name for name in graph if name in known_in_the_end(graph, name)}


def known_in_the_end(graph: Graph, name: str) -> set[str]:
    known, new = set[str](), graph[name]
    while new:
        known |= new
        new = set[str]().union(*(graph[other] for other in new)) - known
    return known


def main() -> None:
    crate = Crate(Path(sys.argv[1]))
    graph = crate.graph()
    folders = folded(graph)
    for folder, known in sorted(folders.items()):
        files = [file for file in graph if file.split("/")[0] == folder]
        print(f"{folder:12} {len(files):3} files, knows {', '.join(sorted(known)) or 'nobody'}")
    print(f"{len(graph)} files, {sum(map(len, folders.values()))} edges between folders")
    print("folders in circles:", ", ".join(sorted(in_circles(folders))) or "none")
    print("files in circles:", ", ".join(sorted(in_circles(graph))) or "none")
    print("longest file: {1} with {0} lines".format(*max(lengths(Path(sys.argv[1])))))


def lengths(src: Path) -> Iterator[tuple[int, str]]:
    for path in src.rglob("*.rs"):
        yield len(path.read_text("utf-8").splitlines()), path.relative_to(src).as_posix()


if __name__ == "__main__":
    main()
