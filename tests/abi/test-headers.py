#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every public header compiles alone, as C11, C17 and C++17 without a warning; every structure and
constant in it is pinned in layout.def.

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
