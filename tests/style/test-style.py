#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What can be read off the sources alone: the core names no method, nothing names a machine's paths.

Usage: test-style.py SOURCE-ROOT. Prints TAP.
"""
import pathlib
import re
import sys

TREES = (".ci", "conf", "core", "docs", "include", "plugins", "tests", "tools")
# A comment, or a literal that may look as if it held one.
TOKEN = re.compile(r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.DOTALL)
WORD = re.compile(r"[A-Z]+(?![a-z])[0-9]*|[A-Z]?[a-z]+[0-9]*[a-z]*|[0-9]+")
# Folders of one machine; a path that merely contains such a folder is preceded by more of it.
MACHINE = re.compile(r"(?<![\w.)}>*$/])/(?:%s)(?:/|\b)" % "|".join(("tmp", "work", "home", "root", "mnt")))


def without_comments(text):
    """Comments become blanks; lines keep their numbers."""

    def keep(found):
        if found[0][0] in "\"'":
            return found[0]
        return re.sub(r"[^\n]", " ", found[0])

    return TOKEN.sub(keep, text)


def words(line):
    """The words of a line in lower case, with neighbours too: PDarts, at_nas → pdarts, atnas."""
    for run in re.findall(r"\w+", line):
        parts = [part.lower() for part in WORD.findall(run)]
        yield from parts
        yield from (first + second for first, second in zip(parts, parts[1:]))
        yield run.lower()


def methods_in(text, names):
    for number, line in enumerate(without_comments(text).splitlines(), 1):
        for name in sorted(names.intersection(words(line))):
            yield number, name


def machine_paths_in(text):
    for number, line in enumerate(text.splitlines(), 1):
        for found in MACHINE.finditer(line):
            if not (number == 1 and line.startswith("#!")):
                yield number, found[0]


def read(path):
    """The text, or None for what is no text."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def sources(root, trees):
    for tree in trees:
        for path in sorted((root / tree).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path


def check_scanner(_root):
    """The scanner itself: what it must find, and what it must leave alone."""
    names = {"darts", "pdarts", "tas", "atnas", "ldam", "el2n"}
    hits = {
        "darts_step ();": "darts",
        "LodeDartsOps ops;": "darts",
        'load ("search.pdarts");': "pdarts",
        "PDarts x;": "pdarts",
        "at_nas_init ();": "atnas",
        "LDAMLoss y;": "ldam",
        "el2n_score (x);": "el2n",
        'a = "/*"; tas = 1; b = "*/";': "tas",
        "DARTS = 1": "darts",
    }
    for line, name in hits.items():
        if name not in [found for _, found in methods_in(line, names)]:
            yield f"missed {name} in: {line}"
    for line in ("/* darts */", "x = 1; // tas", "/* a\n   darts\n */", "tasks = 2;", "start (s);"):
        for _, name in methods_in(line, names):
            yield f"found {name} in: {line}"
    for line in ('open ("/' + 'tmp/x");', "cd /" + "home/me", "=/" + "work"):
        if not list(machine_paths_in(line)):
            yield f"missed a machine's path in: {line}"
    for line in ("a/tmp/b", "build/work", "x /tmpfs", "${prefix}/" + "home"):
        if list(machine_paths_in(line)):
            yield f"found a machine's path in: {line}"


def check_methods(root):
    names = set()
    for line in (root / "tests/style/method-names").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            names.add(line)
    scanned = 0
    for path in sources(root, ("core", "tools")):
        if path.suffix in (".c", ".h"):
            scanned += 1
            for number, name in methods_in(read(path), names):
                yield f"{path.relative_to(root)}:{number}: names the method {name}"
    if not names or not scanned:
        yield f"{len(names)} names, {scanned} files: nothing was checked"


def check_paths(root):
    here = pathlib.Path(__file__).resolve()
    files = [path for path in root.iterdir() if path.is_file() and path.name != ".git"] + list(sources(root, TREES))
    for path in files:
        text = None if path.resolve() == here else read(path)
        for number, found in machine_paths_in(text or ""):
            yield f"{path.relative_to(root)}:{number}: names {found}, a path of one machine"


def check_heads(root):
    for path in sources(root, ("core", "include", "plugins", "tests", "tools")):
        text = read(path)
        if path.suffix in (".c", ".h", ".py") or (text or "").startswith("#!"):
            if "SPDX-License-Identifier: Apache-2.0" not in "".join(text.splitlines(True)[:2]):
                yield f"{path.relative_to(root)}: no SPDX line at its head"


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    checks = {
        "/style/scanner": check_scanner,
        "/style/methods": check_methods,
        "/style/machine-paths": check_paths,
        "/style/license-lines": check_heads,
    }
    print(f"1..{len(checks)}")
    for number, (name, check) in enumerate(checks.items(), 1):
        wrong = list(check(root))
        print(f"{'not ok' if wrong else 'ok'} {number} {name}")
        for line in wrong:
            print(line, file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
