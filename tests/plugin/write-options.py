#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every plugin's options and needs as `lode show --json` tells them: options.json keeps a copy,
so that a default that changes is seen where the change is read.

Usage: write-options.py LODE PLUGINS          writes options.json anew, after a change that was meant
       write-options.py LODE PLUGINS --check  compares, and prints TAP
"""
import difflib
import json
import os
import pathlib
import subprocess
import sys

KEPT = pathlib.Path(__file__).with_name("options.json")
ASIDE = ("path", "sha256", "author", "url", "reference", "bibtex", "license", "version", "kind", "name")


def shown(command, name):
    done = subprocess.run([command, "show", "--json", name], capture_output=True, encoding="utf-8", check=True)
    return {key: value for key, value in json.loads(done.stdout).items() if key not in ASIDE}


def gather(command, plugins):
    os.environ["LODE_PLUGIN_PATH"] = plugins
    names = sorted(path.stem.replace("_", "/", 1) for path in pathlib.Path(plugins).glob("*.so"))
    assert names, f"no plugin in {plugins}"
    return json.dumps({name: shown(command, name) for name in names}, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def compare(command, plugins):
    now, kept = gather(command, plugins), KEPT.read_text(encoding="utf-8")
    print("1..1")
    if now == kept:
        print("ok 1 /plugin/options")
        return
    print("not ok 1 /plugin/options")
    for line in difflib.unified_diff(kept.splitlines(), now.splitlines(), "options.json", "this build", lineterm="", n=2):
        print(f"# {line}")
    print("# if this was meant: python3 tests/plugin/write-options.py build/tools/lode build/plugins")


def main():
    command, plugins = sys.argv[1:3]
    if sys.argv[3:] == ["--check"]:
        compare(command, plugins)
    else:
        KEPT.write_text(gather(command, plugins), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
