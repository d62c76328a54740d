#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Manual pages, completion and the module file of an installed tree, by the programs that read them.

Usage: test-packaging.py SOURCE-ROOT BUILD-ROOT PREFIX COMPILER…. Prints TAP.
"""
import json
import os
import pty
import re
import select
import subprocess
import sys
import time

from prefix import Skip, main, need


def about(place):
    return json.loads(place.run("help", "--json").stdout)


def pages(place):
    return sorted((place.tree / "share/man").rglob("*.[1-9]"))


def check_pages(place):
    """A page for every verb, and in it every option that the verb has."""
    for verb in about(place)["verbs"]:
        text = place.one(f"lode-{verb['name']}.1").read_text(encoding="utf-8")
        for entry in verb["options"] + [option for word in verb.get("verbs", []) for option in word["options"]]:
            name = "--" + entry["long"]
            assert name.replace("-", "\\-") in text, f"{verb['name']}: no {name}"
    assert {path.name for path in pages(place)} >= {"lode.1", "lode-site.cfg.5", "lode-plugins.7"}


def check_render(place):
    """man and mandoc have nothing to complain of."""
    man = need("man")
    for path in pages(place):
        done = subprocess.run([man, "--warnings", "-l", str(path)], env=place.environment(MANWIDTH="80"),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", check=True)
        assert not done.stderr, f"{path.name}: {done.stderr}"
        assert len(done.stdout) > 300, f"{path.name}: {done.stdout}"


def check_whatis(place):
    """mandb indexes all of them by their names and summaries."""
    mandb, whatis = need("mandb"), need("whatis")
    folder = str(place.tree / "share/man")
    done = subprocess.run([mandb, "--create", "--user-db", folder], env=place.environment(MANPATH=folder),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", check=False)
    if done.returncode != 0:
        raise Skip(f"mandb does not work here: {done.stderr.strip()[:80]}")
    trouble = [line for line in done.stderr.splitlines() if "warning" in line and "MANPATH set" not in line]
    assert not trouble, trouble[0]
    said = subprocess.run([whatis, "lode-run"], env=place.environment(MANPATH=folder), stdout=subprocess.PIPE,
                          encoding="utf-8", check=False).stdout
    assert "run an experiment" in said, said


def check_environment(place):
    """The variables that lode(1) lists are those that the sources ask for."""
    asked = set()
    for folder in ("core", "tools/lode"):
        for path in (place.source / folder).rglob("*.c"):
            asked.update(re.findall(r'getenv \("(LODE_[A-Z_]+)"\)', path.read_text(encoding="utf-8")))
    asked.discard("LODE_CHECK_AGAIN")  # the command's word to itself
    told = {entry["name"] for entry in about(place)["environment"] if entry["name"].startswith("LODE_")}
    assert told == asked, f"listed and not asked for: {told - asked}; asked for and not listed: {asked - told}"


# What is typed, and what has to be among the completions, and what must not.
LINES = (
    ("lode re", {"report", "resume"}, {"run"}),
    ("lode run qu", {"quickstart.cfg"}, {"mlp.cfg"}),
    ("lode run studies/f", {"studies/first.cfg"}, {"quickstart.cfg"}),
    ("lode run --th", {"--threads"}, {"--quiet"}),
    ("lode list b", {"backbone"}, {"loss"}),
    ("lode show loss/", {"loss/ce", "loss/mse"}, {"search/darts"}),
    ("lode data ", {"check", "stats", "sheet", "import", "list"}, {"run"}),
    ("lode data check --o", {"--output"}, {"--json"}),
    ("lode doctor --", {"--full", "--plugins", "--author", "--json"}, {"--threads"}),
    ("lode help sw", {"sweep"}, {"run"}),
)


def complained(wanted, unwanted, found, line):
    words = {word.rstrip("=") for word in found}
    assert wanted <= words, f"{line!r}: expected {sorted(wanted)}, found {sorted(words)}"
    assert not unwanted & words, f"{line!r}: {sorted(unwanted & words)} should not be offered"


BASH = r"""
source "$1"; shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
compopt () { :; }
_lode
printf '%s\n' "${COMPREPLY[@]}"
"""


def bash_words(place, *words):
    done = subprocess.run([need("bash"), "--norc", "-c", BASH, "bash", str(place.one("completions") / "lode"), *words],
                          env=place.environment(), cwd=place.room("empty"), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          encoding="utf-8", check=True)
    assert not done.stderr, done.stderr
    return done.stdout.split()


def check_bash(place):
    """The function, called as bash calls it; '=' divides words there."""
    for line, wanted, unwanted in LINES:
        complained(wanted, unwanted, bash_words(place, *line.split(" ")), line)
    for words in (("search.type", "="), ("stages.search.search.type", "=", "")):
        complained({"darts", "random"}, {"ce"}, bash_words(place, "lode", "run", "x.cfg", *words), str(words))
    complained({"noise"}, {"ce"}, bash_words(place, "lode", "run", "x.cfg", "data.type", "=", "no"), "data.type=no")


def type_keys(place, words, lines, wanted, patience=20.0):
    """A shell on a terminal, to which lines are typed; all that it shows until it shows what is wanted."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(place.folder)
        os.execve(words[0], words, place.environment(PS1="> ", TERM="dumb", HISTFILE="/dev/null"))
    shown, end = b"", time.monotonic() + patience
    for line in lines:
        os.write(terminal, line.encode())
    while wanted.encode() not in shown and time.monotonic() < end:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                shown += os.read(terminal, 4096)
            except OSError:
                break
    os.close(terminal)
    os.waitpid(child, 0)
    return shown.decode(errors="replace")


def check_bash_typed(place):
    """In a bash that somebody types into: one candidate is filled in, and the line works."""
    script = place.one("completions") / "lode"
    shown = type_keys(place, [need("bash"), "--norc", "--noprofile", "-i"],
                      [f"source '{script}'\n", "lode sho\tloss/m\t\n"], "mean squared error")
    assert "lode show loss/mse" in shown and "mean squared error" in shown, shown[-500:]


def check_zsh(place):
    """zsh reads it, and fills in what there is one of."""
    zsh, script = need("zsh"), place.one("_lode")
    subprocess.run([zsh, "-n", str(script)], check=True)
    shown = type_keys(place, [zsh, "-f", "-i"],
                      [f"fpath=('{script.parent}' $fpath); autoload -Uz compinit; compinit -u -D\n", "lode sho\tloss/m\t\n"],
                      "mean squared error")
    assert "mean squared error" in shown, shown[-500:]


def check_fish(place):
    fish, script = need("fish"), place.one("lode.fish")
    for line, wanted, unwanted in LINES:
        done = subprocess.run([fish, "--no-config", "-c", f'source "{script}"; complete -C "{line}"'],
                              env=place.environment(), cwd=place.room("empty"), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              encoding="utf-8", check=True)
        complained(wanted, unwanted, [found.split("\t")[0] for found in done.stdout.splitlines()], line)


def load(place, folder, **more):
    """The environment after `module load lode` from a folder of module files."""
    command = need("modulecmd")
    env = place.environment(MODULEPATH=str(folder), **more)
    done = subprocess.run([command, "python", "load", "lode"], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          encoding="utf-8", check=True)
    probe = done.stdout + "\nimport json, os\nprint('\\n' + json.dumps(dict(os.environ)))\n"
    said = subprocess.run([sys.executable, "-c", probe], env=env, stdout=subprocess.PIPE, encoding="utf-8", check=True).stdout
    return json.loads(said.strip().split("\n")[-1])


def check_module(place):
    """`module load lode` finds the tree where it lies now, also by a link from another folder."""
    folder = place.tree / "share/lode/modulefiles"
    elsewhere = place.room("modules")
    (elsewhere / "lode").mkdir()
    (elsewhere / "lode/1").symlink_to(next((folder / "lode").iterdir()))
    for modules in (folder, elsewhere):
        env = load(place, modules, PATH="/usr/bin:/bin")
        assert env["PATH"].split(":")[0] == str(place.tree / "bin"), env["PATH"]
        assert env["MANPATH"].split(":")[0] == str(place.tree / "share/man"), env["MANPATH"]
        assert env["XDG_DATA_DIRS"].split(":")[0] == str(place.tree / "share"), env["XDG_DATA_DIRS"]
        assert "/usr/share" in env["XDG_DATA_DIRS"].split(":"), env["XDG_DATA_DIRS"]
        assert list(place.tree.rglob("lode.pc"))[0].parent.samefile(env["PKG_CONFIG_PATH"].split(":")[0]), env["PKG_CONFIG_PATH"]


def check_side_by_side(place):
    """Two trees do not know of each other: each command has its own plugins and configurations."""
    other = place.folder / "other version"
    place.install(other)
    for tree in (place.tree, other):
        done = subprocess.run([str(tree / "bin/lode"), "list", "--json"], env=place.environment(), stdout=subprocess.PIPE, check=True)
        for entry in json.loads(done.stdout):
            assert str(tree) in entry["path"], f"{tree}: {entry['path']}"


CHECKS = {
    "/packaging/pages": check_pages,
    "/packaging/render": check_render,
    "/packaging/whatis": check_whatis,
    "/packaging/environment": check_environment,
    "/packaging/bash": check_bash,
    "/packaging/bash-typed": check_bash_typed,
    "/packaging/zsh": check_zsh,
    "/packaging/fish": check_fish,
    "/packaging/module": check_module,
    "/packaging/side-by-side": check_side_by_side,
}

if __name__ == "__main__":
    sys.exit(main(CHECKS))
