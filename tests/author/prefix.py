# SPDX-License-Identifier: Apache-2.0
"""What an author of plugins has: an installed Lode, a folder of one's own, and nothing of this tree."""
import os
import pathlib
import re
import shutil
import subprocess


class Skip(Exception):
    """What the test needs is not there."""


class Author:
    """An installation below `scratch`, and commands run as its user would."""

    def __init__(self, build, prefix, sanitizer, scratch):
        self.scratch, self.sanitizer = pathlib.Path(scratch), sanitizer
        for tool in ("meson", "ninja", "pkg-config"):
            if not shutil.which(tool):
                raise Skip(f"no {tool} on the path")
        stage = self.scratch / "stage"
        subprocess.run(["meson", "install", "-C", str(build), "--no-rebuild", "--quiet", "--destdir", str(stage)],
                       check=True, stdout=subprocess.DEVNULL)
        self.prefix = self.scratch / "lode"
        shutil.move(str(stage / pathlib.Path(prefix).relative_to("/")), str(self.prefix))
        pc = next(self.prefix.rglob("lode.pc"))
        pc.write_text(re.sub("^prefix=.*", f"prefix={self.prefix}", pc.read_text(encoding="utf-8"), flags=re.M),
                      encoding="utf-8")
        self.environment = {"PATH": f"{self.prefix / 'bin'}:{os.environ['PATH']}", "LANG": "C.UTF-8", "LODE_NO_SITE": "1",
                            "PKG_CONFIG_PATH": str(pc.parent), "HOME": str(self.scratch / "home")}
        (self.scratch / "home").mkdir()
        self.environment.update({key: value for key, value in os.environ.items()
                                 if key.endswith("SAN_OPTIONS") or key.startswith("CCACHE_") or key == "LODE_DATA_PATH"})

    def run(self, *words, cwd=None, code=0):
        """Output and messages of a command that ends with this code."""
        done = subprocess.run([str(word) for word in words], env=self.environment, cwd=cwd or self.scratch,
                              stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", errors="replace",
                              timeout=600, check=False)
        assert done.returncode == code, (
            f"{' '.join(map(str, words))}: code {done.returncode}, expected {code}: {done.stdout[-1500:]}{done.stderr[-1500:]}")
        return done.stdout, done.stderr

    def setup(self, folder):
        """`meson setup build` with the sanitizer of this build, warnings being errors."""
        more = [] if self.sanitizer == "none" else [f"-Db_sanitize={self.sanitizer}", "-Db_lundef=false"]
        self.run("meson", "setup", "build", "--werror", *more, cwd=folder)


def report(checks):
    """Runs named functions and prints TAP."""
    print(f"1..{len(checks)}", flush=True)
    for number, (name, check) in enumerate(checks.items(), 1):
        try:
            check()
            print(f"ok {number} {name}", flush=True)
        except Skip as why:
            print(f"ok {number} {name} # SKIP {why}", flush=True)
        except Exception as wrong:  # a test that breaks is a test that fails
            print(f"not ok {number} {name}", flush=True)
            for line in f"{wrong}".splitlines() or [repr(wrong)]:
                print(f"# {line}", flush=True)
