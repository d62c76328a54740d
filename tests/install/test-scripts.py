#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tools/setup and .ci/count-tests, on a machine made of small fakes: nothing is installed or built.

Usage: test-scripts.py SOURCE-ROOT. Prints TAP.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

REAL = ("sh", "sed", "env", "dirname")  # what the script itself runs on
FAKE = ("cc", "c++", "meson", "ninja", "pkg-config", "dot", "apt-get", "sudo", "id")


class Machine:
    """A PATH of fakes. Each fake appends its command line to a log and ends with its status."""

    def __init__(self, root, folder, user=0, data=True):
        self.root, self.folder = root, folder
        self.bin, self.log = folder / "bin", folder / "log"
        self.bin.mkdir()
        self.data = folder / "data"
        (self.data / "fashion-mnist" if data else self.data).mkdir(parents=True)
        for name in REAL:
            (self.bin / name).symlink_to(shutil.which(name))
        for name in FAKE:
            self.fake(name)
        self.fake("id", f"echo {user}")
        self.fake("sudo", '[ "$1" != -n ] || exit 1; exec "$@"')

    def fake(self, name, body="exit 0"):
        path = self.bin / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >>"{self.log}"\n{body}\n', encoding="utf-8")
        path.chmod(0o755)

    def without(self, *names):
        for name in names:
            (self.bin / name).unlink()
        return self

    def setup(self, *arguments):
        """Status, messages, and the calls of apt-get."""
        done = subprocess.run(
            [str(self.bin / "sh"), str(self.root / "tools/setup"), *arguments], stdin=subprocess.DEVNULL,
            env={"PATH": str(self.bin), "LODE_DATA_PATH": f"{self.folder / 'none'}:{self.data}"},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", timeout=60, check=False)
        log = self.log.read_text(encoding="utf-8") if self.log.exists() else ""
        return done.returncode, done.stdout, [line for line in log.splitlines() if line.startswith("apt-get")]


def check_complete(root, folder):
    """Nothing missing: no rights, no network, no word."""
    status, said, calls = Machine(root, folder, user=1000).without("apt-get", "sudo").setup()
    assert (status, said, calls) == (0, "", []), (status, said, calls)


def check_missing(root, folder):
    """Exactly what is missing is installed."""
    status, _, calls = Machine(root, folder).without("dot", "ninja").setup()
    assert status == 0 and len(calls) == 2, (status, calls)
    assert " update" in calls[0] and calls[1].endswith(" install ninja-build graphviz"), calls


def check_dry(root, folder):
    status, said, calls = Machine(root, folder).without("dot").setup("--dry-run")
    assert (status, calls) == (0, []) and "graphviz" in said, (status, said, calls)


def check_headers(root, folder):
    """A compiler without the C library's headers is not enough."""
    machine = Machine(root, folder)
    machine.fake("cc", "exit 1")
    _, _, calls = machine.setup()
    assert calls and calls[-1].endswith(" install libc6-dev"), calls


def check_update(root, folder):
    """Old package lists may still do."""
    machine = Machine(root, folder).without("dot")
    machine.fake("apt-get", 'case " $* " in *" update "*) exit 100 ;; esac')
    status, _, calls = machine.setup()
    assert status == 0 and calls[-1].endswith(" install graphviz"), (status, calls)


def check_refused(root, folder):
    machine = Machine(root, folder).without("dot")
    machine.fake("apt-get", "exit 100")
    status, said, _ = machine.setup()
    assert status == 1 and "could not install graphviz" in said, (status, said)


def check_no_rights(root, folder):
    """Neither root nor sudo that works without asking: the command to pass on."""
    status, said, calls = Machine(root, folder, user=1000).without("dot").setup()
    assert (status, calls) == (1, []) and "apt-get install graphviz" in said, (status, said, calls)


def check_no_apt(root, folder):
    status, said, _ = Machine(root, folder).without("dot", "apt-get").setup()
    assert status == 1 and "graphviz" in said and "no apt-get" in said, (status, said)


def check_no_data(root, folder):
    """The data set is looked for where Lode looks; it may be on this machine all the same."""
    if os.path.isdir("/usr/share/datasets/fashion-mnist"):
        return "this machine has the data set"
    _, _, calls = Machine(root, folder, data=False).setup()
    assert calls and calls[-1].endswith(" install dataset-fashion-mnist"), calls
    return None


def check_usage(root, folder):
    status, said, _ = Machine(root, folder).setup("--lnt")
    assert status == 2 and "--lnt" in said, (status, said)


def check_count(root, folder):
    """Every case counts once, and no crash hides behind the cases before it."""
    log = folder / "log.json"
    tests = [
        ("OK", "1..2\nok 1 /a\nok 2 /b # SKIP no data\n"),
        ("FAIL", "1..3\nok 1 /a\nnot ok 2 /b\nnot ok 3 /c # TODO later\n"),
        ("ERROR", "1..9\nok 1 /a\n"),  # crashed
        ("TIMEOUT", ""),
        ("SKIP", "1..0 # SKIP no such machine\n"),
        ("OK", "no TAP at all: okay\n"),
        ("OK", "ok 1 /path\\#skip\n"),  # an escaped mark is part of the name
    ]
    log.write_text("\n".join(json.dumps({"name": "t", "result": r, "stdout": s}) for r, s in tests) + "\n", encoding="utf-8")
    said = subprocess.run(
        [sys.executable, str(root / ".ci/count-tests"), str(log)], stdout=subprocess.PIPE, encoding="utf-8", check=True)
    assert said.stdout == "5 3 3\n", said.stdout


CHECKS = {
    "/scripts/setup/complete": check_complete,
    "/scripts/setup/missing": check_missing,
    "/scripts/setup/dry-run": check_dry,
    "/scripts/setup/headers": check_headers,
    "/scripts/setup/update-fails": check_update,
    "/scripts/setup/install-fails": check_refused,
    "/scripts/setup/no-rights": check_no_rights,
    "/scripts/setup/no-apt": check_no_apt,
    "/scripts/setup/no-data": check_no_data,
    "/scripts/setup/usage": check_usage,
    "/scripts/count": check_count,
}


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    print(f"1..{len(CHECKS)}")
    for number, (name, check) in enumerate(CHECKS.items(), 1):
        verdict, why_not = "ok", None
        with tempfile.TemporaryDirectory() as folder:
            try:
                why_not = check(root, pathlib.Path(folder))
            except (AssertionError, OSError, subprocess.SubprocessError) as why:
                verdict = "not ok"
                print(f"{name}: {why}", file=sys.stderr)
        print(f"{verdict} {number} {name}" + (f" # SKIP {why_not}" if why_not else ""), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
