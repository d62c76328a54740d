# SPDX-License-Identifier: Apache-2.0
"""What the tests of an installation share: an installed tree in a folder of its own, commands in an
environment that knows nothing of the build, other users, TAP.

A test is a function `check_name(place)`; `main` runs those of a table, which share one installed tree.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

DONE, FAILED, USAGE, PLUGIN = 0, 1, 2, 4
USER = 61001  # an id that nobody has, for a user whom root can play


class Skip(Exception):
    """What the test needs is not there."""


class Place:
    """An installed tree, and room beside it."""

    def __init__(self, source, build, prefix, compiler, folder):
        self.source, self.build, self.folder = source, build, folder
        self.prefix, self.compiler = prefix, compiler
        self.tree = folder / "prefix"
        self.install(self.tree)

    def install(self, to):
        """As a packager would: into a stage, and from there to a folder it was not configured for."""
        meson = shutil.which("meson")
        if not meson:
            raise Skip("no meson on the path")
        stage = self.folder / "stage"
        subprocess.run([meson, "install", "-C", str(self.build), "--no-rebuild", "--quiet", "--destdir", str(stage)],
                       check=True, stdout=subprocess.DEVNULL)
        shutil.move(str(stage / pathlib.Path(self.prefix).relative_to("/")), str(to))
        left = [path for path in stage.rglob("*") if path.is_file()]
        assert not left, f"{left[0]} was installed outside the prefix"
        shutil.rmtree(stage)

    def one(self, pattern):
        """The single file or folder of that name in the tree."""
        found = sorted(self.tree.rglob(pattern))
        assert len(found) == 1, f"{pattern}: expected one in the installed tree, found {len(found)}"
        return found[0]

    def environment(self, **more):
        home = self.folder / "home"
        clean = {"PATH": f"{self.tree / 'bin'}:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": str(home), "LODE_NO_SITE": "1"}
        # A sanitizer's settings belong to the build, not to the user.
        clean.update({key: value for key, value in os.environ.items() if key.endswith("SAN_OPTIONS")})
        clean.update(more)
        return {key: value for key, value in clean.items() if value is not None}

    def run(self, *words, code=DONE, user=None, group=None, cwd=None, **more):
        """The installed command; its output and messages as one object."""
        who = {"user": user, "group": group or user, "extra_groups": []} if user else {}
        done = subprocess.run(
            [str(self.tree / "bin/lode"), *map(str, words)], env=self.environment(**more), cwd=cwd or self.folder,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
            errors="surrogateescape", timeout=600, check=False, **who)
        said = f"lode {' '.join(map(str, words))} ended with {done.returncode}: {(done.stderr + done.stdout).strip()[-600:]}"
        assert code is None or done.returncode == code, said
        return done

    def room(self, name, mode=0o755, owner=None):
        """An empty folder beside the tree."""
        path = self.folder / name
        if path.exists():
            shutil.rmtree(path)
        path.mkdir()
        path.chmod(mode)
        if owner:
            os.chown(path, owner, owner)
        return path


def need(program):
    path = shutil.which(program)
    if not path:
        raise Skip(f"no {program}")
    return path


def need_root():
    if os.geteuid() != 0:
        raise Skip("other users can be played by root alone")


def main(checks):
    source, build = (pathlib.Path(word).resolve() for word in sys.argv[1:3])
    os.umask(0o022)
    print(f"1..{len(checks)}")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        place = None
        for number, (name, check) in enumerate(checks.items(), 1):
            verdict, note = "ok", ""
            try:
                place = place or Place(source, build, sys.argv[3], sys.argv[4:], pathlib.Path(folder).resolve())
                check(place)
            except Skip as why:
                note = f" # SKIP {why}"
            except (AssertionError, LookupError, ValueError, OSError, subprocess.SubprocessError) as why:
                verdict = "not ok"
                print(f"{name}: {type(why).__name__} {why}", file=sys.stderr)
            print(f"{verdict} {number} {name}{note}", flush=True)
    return 0
