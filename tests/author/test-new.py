#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`lode new` of an installed Lode writes projects that build, pass `lode check`, run and install.

Usage: test-new.py BUILD-ROOT PREFIX SANITIZER. Prints TAP.
"""
import json
import pathlib
import sys
import tempfile

from prefix import Author, Skip, report

KINDS = ("backbone", "dataset", "evaluator", "executor", "loss", "sampler", "search", "stage")
USAGE = 2
MOST_LINES, MOST_WIDTH = 80, 120


def check_kind(author, kind):
    """Made, built without warnings, checked, its example run, installed for the author alone, found."""
    name = "hill-climb"
    folder = author.scratch / f"{kind}-{name}"
    said, _ = author.run("lode", "new", kind, name)
    assert said.splitlines()[-1] == f"next: cd {kind}-{name} && meson setup build && meson test -C build", said
    files = {path.name for path in folder.iterdir()}
    assert files == {f"{name}.c", f"{name}.cfg", "meson.build", "README.md", ".gitignore"}, files
    for path in folder.iterdir():
        text = path.read_text(encoding="utf-8")
        words = [word for word in ("@kind@", "@name@", "@ident@", "@about@", "@tiny@", "@setup@") if word in text]
        assert not words, f"{path.name} still has {words[0]}"
    lines = (folder / f"{name}.c").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= MOST_LINES, f"{len(lines)} lines of source, expected at most {MOST_LINES}"
    assert max(map(len, lines)) <= MOST_WIDTH, "a line of source is too long"
    author.setup(folder)
    author.run("meson", "test", "-C", "build", "--print-errorlogs", cwd=folder)
    author.run("meson", "install", "-C", "build", "--quiet", cwd=folder)
    listed = json.loads(author.run("lode", "list", kind, "--json")[0])
    found = [entry["path"] for entry in listed if entry["name"] == name]
    own = author.scratch / "home/.local/share/lode-0/plugins" / f"{kind}_{name}.so"
    assert found == [str(own)], f"listed at {found}, expected {own}"


def check_refusals(author):
    """One line, code 2, nothing written."""
    before = sorted(author.scratch.iterdir())
    (author.scratch / "taken").mkdir()
    for words, said in (
        ((), "new wants KIND NAME"),
        (("loss",), "new wants KIND NAME"),
        (("los", "mine"), 'there is no kind "los"; did you mean "loss"?'),
        (("quark", "mine"), 'there is no kind "quark"; expected one of '),
        (("loss", ""), '"" is no name'),
        (("loss", "Mine"), '"Mine" is no name'),
        (("loss", "1st"), '"1st" is no name'),
        (("loss", "my_own"), '"my_own" is no name'),
        (("loss", "../mine"), '"../mine" is no name'),
        (("loss", "mine-"), '"mine-" is no name'),
        (("loss", "a" * 41), "is no name"),
        (("loss", "lode"), '"lode" is no name'),
        (("loss", "mine", "taken"), "is there already"),
        (("loss", "mine", "nowhere/mine"), "there is no folder"),
    ):
        out, why = author.run("lode", "new", *words, code=USAGE)
        assert not out and why.startswith("lode: ") and why.count("\n") == 1 and said in why, f"{words}: {out}{why}"
    (author.scratch / "taken").rmdir()
    assert sorted(author.scratch.iterdir()) == before, "something was left behind"


def check_folder(author):
    """A folder of one's own choosing; a namesake is told of."""
    _, why = author.run("lode", "new", "loss", "ce", "elsewhere")
    assert "there is a loss ce already" in why, why
    assert (author.scratch / "elsewhere/ce.c").is_file()


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory(dir=build) as scratch:
        try:
            author = Author(build, sys.argv[2], sys.argv[3], scratch)
        except Skip as why:
            print(f"1..0 # SKIP {why}")
            return 0
        checks = {"/new/refusals": lambda: check_refusals(author), "/new/folder": lambda: check_folder(author)}
        checks.update({f"/new/{kind}": (lambda kind=kind: check_kind(author, kind)) for kind in KINDS})
        report(checks)
    return 0


if __name__ == "__main__":
    sys.exit(main())
