#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every public header compiles alone, as C11, C17 and C++17 without a warning; every structure and
constant in it is pinned in layout.def; every kind has a page in docs/kinds.

Usage: test-headers.py SOURCE-ROOT C-COMPILER…. Prints TAP.
"""
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys

import declarations

WARNINGS = ["-pedantic", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]
# A line of layout.def.
PINNED = re.compile(r"^(STRUCT|MEMBER|CONSTANT) \((\w+)(?:, (\w+))?", re.MULTILINE)


class Skip(Exception):
    """What the test needs is not there."""


def check_pinned(root, _compiler):
    text = (root / "tests/abi/layout.def").read_text(encoding="utf-8")
    pinned = {(what, name, member if what == "MEMBER" else "") for what, name, member in PINNED.findall(text)}
    found = {one for path in declarations.headers(root) for one in declarations.declared(path)}
    assert len(found) > 300, f"only {len(found)} declarations were understood"
    for what, name, member in sorted(found - pinned):
        yield f"tests/abi/layout.def lacks {what} {name} {member}: run tests/abi/write-layout.py and raise LODE_ABI_MINOR"
    for what, name, member in sorted(pinned - found):
        yield f"tests/abi/layout.def pins {what} {name} {member}, which no header declares"


def kinds(root):
    """The kinds, by their headers: those with a table called Lode<Kind>Ops."""
    for path in declarations.headers(root):
        members = [member for what, name, member in declarations.declared(path)
                   if what == "MEMBER" and name == f"Lode{path.stem.capitalize()}Ops"]
        if members and path.stem != "state":
            yield path.stem, members


def check_documented(root, _compiler):
    """Every kind has a page that names each member of its table, and the index names the page."""
    index = (root / "docs/kinds/README.md").read_text(encoding="utf-8")
    found = dict(kinds(root))
    assert len(found) == 8, f"kinds: {sorted(found)}"
    for kind, members in found.items():
        page = root / "docs/kinds" / f"{kind}.md"
        if not page.is_file() or f"]({kind}.md)" not in index:
            yield f"docs/kinds has no page {kind}.md, or README.md does not name it"
            continue
        text = page.read_text(encoding="utf-8")
        for member in members:
            if member not in ("size", "reserved") and f"`{member}`" not in text:
                yield f"docs/kinds/{kind}.md does not name `{member}`"


def check_links(root, _compiler):
    """What the pages refer to is there: files, constants, functions, structures."""
    text = "".join(path.read_text(encoding="utf-8") for path in declarations.headers(root))
    for page in sorted((root / "docs/kinds").glob("*.md")):
        words = page.read_text(encoding="utf-8")
        for link in re.findall(r"\]\(([^)#]+)", words):
            if not (page.parent / link).exists():
                yield f"{page.name}: there is no {link}"
        for folder in re.findall(r"`(plugins/[a-z/0-9]+)`", words):
            if not (root / folder).is_dir():
                yield f"{page.name}: there is no {folder}"
        for word in set(re.findall(r"\b(?:lode_[a-z_]+|LODE_[A-Z_0-9]+|Lode[A-Z]\w+)\b", words)):
            if not re.search(rf"\b{word}\b", text):
                yield f"{page.name}: no header has {word}"


def glib_flags():
    tool = shutil.which("pkg-config")
    if not tool:
        raise Skip("no pkg-config")
    words = subprocess.run([tool, "--cflags", "glib-2.0"], check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout
    return [word.replace("-I", "-isystem", 1) for word in words.split()]


def compile_one(root, path, compiler, language, standard, flags):
    command = [*compiler, "-x", language, f"-std={standard}", *WARNINGS, "-I", str(root / "include"), *flags, "-"]
    done = subprocess.run(command, input=f"#include <lode/{path.name}>\n", stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, encoding="utf-8", check=False)
    return f"{path.name} as {standard}: {done.stdout.strip()}" if done.returncode else None


def check_compiles(root, compiler, language, standard):
    flags = glib_flags()
    with concurrent.futures.ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
        jobs = [pool.submit(compile_one, root, path, compiler, language, standard, flags) for path in declarations.headers(root)]
        yield from filter(None, (job.result() for job in jobs))


def check_cplusplus(root, _compiler):
    compiler = shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
    if not compiler:
        raise Skip("no C++ compiler")
    yield from check_compiles(root, [compiler], "c++", "c++17")


CHECKS = {
    "/headers/pinned": check_pinned,
    "/headers/documented": check_documented,
    "/headers/links": check_links,
    "/headers/c11": lambda root, compiler: check_compiles(root, compiler, "c", "c11"),
    "/headers/c17": lambda root, compiler: check_compiles(root, compiler, "c", "c17"),
    "/headers/c++17": check_cplusplus,
}


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    print(f"1..{len(CHECKS)}")
    for number, (name, check) in enumerate(CHECKS.items(), 1):
        note = ""
        try:
            wrong = list(check(root, sys.argv[2:]))
        except Skip as why:
            wrong, note = [], f" # SKIP {why}"
        print(f"{'not ok' if wrong else 'ok'} {number} {name}{note}", flush=True)
        for line in wrong:
            print(line, file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
