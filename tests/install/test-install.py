#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An installed Lode, moved to a folder it was not configured for, works with nothing but itself.

Usage: test-install.py SOURCE-ROOT BUILD-ROOT PREFIX COMPILER…. Prints TAP.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

DATA = 3  # the command's exit code for missing data


class Skip(Exception):
    """What the test needs is not there."""


def run(tree, *command, **more):
    """Run in an environment that knows nothing of this build; the folders are the tree's own."""
    clean = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": str(tree / "nobody"), "LODE_NO_SITE": "1"}
    # A sanitizer's settings belong to the build, not to the user.
    clean.update({key: value for key, value in os.environ.items() if key.endswith("SAN_OPTIONS")})
    clean.update(more)
    done = subprocess.run(
        [str(word) for word in command], env=clean, cwd=tree, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
        errors="surrogateescape", timeout=100, check=False)
    if done.returncode == DATA:
        raise Skip("the data set is not on this machine")
    if done.returncode != 0:
        raise AssertionError(f"{command[0]} ended with {done.returncode}: {done.stderr.strip()[-400:]}")
    return done.stdout


def one(tree, pattern):
    """The single file or folder of that name."""
    found = sorted(tree.rglob(pattern))
    assert len(found) == 1, f"{pattern}: expected one in the installed tree, found {len(found)}"
    return found[0]


def command(tree, verb, option):
    """The installed command, if it knows that verb and option."""
    path = tree / "bin" / "lode"
    if not path.exists():
        raise Skip("the command is not part of this build")
    try:
        known = option in run(tree, path, verb, "--help")
    except AssertionError:
        known = False
    if not known:
        raise Skip(f"lode {verb} has no {option} yet")
    return path


def installed(build, prefix, scratch):
    """The tree below the prefix, moved to a folder whose name has a blank and a letter beyond ASCII."""
    stage = scratch / "stage"
    meson = shutil.which("meson")
    if not meson:
        raise Skip("no meson on the path")
    subprocess.run(
        [meson, "install", "-C", str(build), "--no-rebuild", "--quiet", "--destdir", str(stage)],
        check=True, stdout=subprocess.DEVNULL)
    tree = scratch / "elsewhere é"
    shutil.move(str(stage / pathlib.Path(prefix).relative_to("/")), str(tree))
    left = [path for path in stage.rglob("*") if path.is_file()]
    assert not left, f"{left[0]} was installed outside the prefix"
    return tree


def check_parts(tree, source):
    """Every configuration file and every plugin is there, and nothing of the build system."""
    conf = tree / "share/lode/conf"
    for path in (source / "conf").rglob("*"):
        if path.is_file() and path.name != "meson.build":
            assert (conf / path.relative_to(source / "conf")).is_file(), f"conf/{path.name} is missing"
    stray = [path for path in tree.rglob("meson.build")]
    assert not stray, f"{stray[0].relative_to(tree)} was installed"
    for path in (source / "include/lode").glob("*.h"):
        assert (tree / "include/lode" / path.name).is_file(), f"include/lode/{path.name} is missing"


def kinds_and_names(tree):
    return sorted(path.stem.replace("_", "/", 1) for path in one(tree, "plugins").glob("*.so"))


def check_list(tree, _source):
    """`lode list` names exactly the plugins of the tree, as loaded from there."""
    found = json.loads(run(tree, command(tree, "list", "--json"), "list", "--json"))
    names = sorted(f"{entry['kind']}/{entry['name']}" for entry in found)
    assert names == kinds_and_names(tree), f"listed {names}"
    for entry in found:
        path = pathlib.Path(entry["path"]).resolve()
        assert tree.resolve() in path.parents, f"{entry['name']} comes from {path}"


def check_show(tree, _source):
    """`lode show` describes each of them."""
    for plugin in kinds_and_names(tree):
        said = run(tree, command(tree, "show", "--json"), "show", plugin)
        assert plugin.split("/")[1] in said, f"show {plugin} said: {said[:100]}"


def check_conf(tree, _source):
    """A name without a folder is found in the installed conf/."""
    if not (tree / "share/lode/conf/quickstart.cfg").exists():
        raise Skip("no quickstart.cfg in this build")
    run(tree, command(tree, "run", "--plan"), "run", "quickstart.cfg", "--plan")


def check_symlink(tree, _source):
    """Called through a link, the command still finds its plugins."""
    link = tree / "link"
    link.symlink_to(command(tree, "list", "--json"))
    assert json.loads(run(tree, link, "list", "--json")), "nothing listed"


def pkg_config(tree, *words):
    """Ask lode.pc as it would stand in this tree; pkg-config and blanks do not go together."""
    tool = shutil.which("pkg-config")
    if not tool:
        raise Skip("no pkg-config")
    plain = tree.parent / "plain"
    if not plain.exists():
        plain.symlink_to(tree)
    text = one(tree, "lode.pc").read_text(encoding="utf-8")
    moved = tree.parent / "lode.pc"
    moved.write_text(re.sub("^prefix=.*", f"prefix={plain}", text, flags=re.M), encoding="utf-8")
    return run(tree, tool, *words, moved).strip()


def check_pkg_config(tree, _source):
    """lode.pc tells where plugins belong and which interface they meet."""
    folder = pathlib.Path(pkg_config(tree, "--variable=plugindir"))
    assert folder.resolve() == one(tree, "plugins").resolve(), f"plugindir is {folder}"
    text = (tree / "include/lode/abi.h").read_text(encoding="utf-8")
    number = {word[1]: word[2] for word in map(str.split, text.splitlines()) if word[:1] == ["#define"] and len(word) > 2}
    abi = f"{number['LODE_ABI_MAJOR']}.{number['LODE_ABI_MINOR']}"
    assert pkg_config(tree, "--variable=abi") == abi, "abi differs from abi.h"


def check_foreign(tree, source):
    """A plugin compiled against the installed headers alone is listed beside the others."""
    text = (source / "plugins/loss/mse/mse.c").read_text(encoding="utf-8")
    own = tree / "own"
    own.mkdir()
    (own / "mine.c").write_text(text.replace('.name = "mse"', '.name = "mine"'), encoding="utf-8")
    flags = [*pkg_config(tree, "--cflags").split(), "-std=c17", "-O1", "-shared", "-fPIC"]
    flags += ["-fvisibility=hidden", "-Wl,-z,nodelete"]
    run(tree, *COMPILER, *flags, "-o", "own/loss_mine.so", "own/mine.c")
    found = json.loads(run(tree, command(tree, "list", "--json"), "list", "--json", LODE_PLUGIN_PATH=str(own)))
    assert ("loss", "mine") in [(entry["kind"], entry["name"]) for entry in found], "not listed"


CHECKS = {
    "/install/parts": check_parts,
    "/install/pkg-config": check_pkg_config,
    "/install/list": check_list,
    "/install/show": check_show,
    "/install/conf": check_conf,
    "/install/symlink": check_symlink,
    "/install/foreign-plugin": check_foreign,
}


def main():
    source, build = (pathlib.Path(word).resolve() for word in sys.argv[1:3])
    print(f"1..{len(CHECKS)}")
    with tempfile.TemporaryDirectory(dir=build) as folder:
        tree = None
        for number, (name, check) in enumerate(CHECKS.items(), 1):
            verdict, note = "ok", ""
            try:
                tree = tree or installed(build, sys.argv[3], pathlib.Path(folder))
                check(tree, source)
            except Skip as why:
                note = f" # SKIP {why}"
            except (AssertionError, KeyError, ValueError, OSError, subprocess.SubprocessError) as why:
                verdict = "not ok"
                print(f"{name}: {why}", file=sys.stderr)
            print(f"{verdict} {number} {name}{note}", flush=True)
    return 0


# The words by which this build calls the compiler.
COMPILER = sys.argv[4:]

if __name__ == "__main__":
    sys.exit(main())
