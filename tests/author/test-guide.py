#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The files and commands of docs/guide are taken from the pages and tried against an installed Lode.

Usage: test-guide.py SOURCE-ROOT BUILD-ROOT PREFIX SANITIZER PAGE. Prints TAP.
"""
import pathlib
import re
import sys
import tempfile

from prefix import Author, Skip, report

# <!-- file: PATH --> or <!-- run: FOLDER -->, then a fenced block.
BLOCK = re.compile(r"^<!-- (file|run)(?:: (\S+))? -->\n```\w*\n(.*?)^```$", re.M | re.S)


def blocks(page):
    return [(what, place, text) for what, place, text in BLOCK.findall(page.read_text(encoding="utf-8"))]


def run_command(author, folder, line, noise):
    """One line of a run block. Where the pictures are not on this machine, noise takes their place."""
    if line == "meson setup build":
        author.setup(folder)
    elif noise and line.startswith(("lode run", "lode sweep")):
        author.run("sh", "-c", f"{line} data.type=noise", cwd=folder)
    else:
        author.run("sh", "-c", line, cwd=folder)


def has_pictures(author):
    try:
        author.run("lode", "run", "--plan", "mlp.cfg")
        return True
    except AssertionError:
        return False


def check_block(author, what, place, text, noise):
    if what == "file":
        assert (author.scratch / place).exists(), f"{place} replaces a file of `lode new`, which is not there"
        (author.scratch / place).write_text(text, encoding="utf-8")
        return
    for line in text.splitlines():
        run_command(author, author.scratch / (place or "."), line, noise)


def main():
    source, build = (pathlib.Path(word).resolve() for word in sys.argv[1:3])
    page = source / "docs/guide" / f"{sys.argv[5]}.md"
    found = blocks(page)
    assert len(found) >= 3 and {"file", "run"} == {what for what, _, _ in found}, "the page has no code to try"
    with tempfile.TemporaryDirectory(dir=build) as scratch:
        try:
            author = Author(build, sys.argv[3], sys.argv[4], scratch)
        except Skip as why:
            print(f"1..0 # SKIP {why}")
            return 0
        noise = not has_pictures(author)
        report({f"/guide/{page.stem}/{number}-{what}": (lambda one=(what, place, text): check_block(author, *one, noise))
                for number, (what, place, text) in enumerate(found, 1)})
    return 0


if __name__ == "__main__":
    sys.exit(main())
