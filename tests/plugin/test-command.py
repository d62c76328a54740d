#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`lode list`, `show` and `doctor` as a user meets them: output, JSON, exit codes, time.

Usage: test-command.py LODE BROKEN-PLUGINS SANITIZER. Prints TAP. LODE_PLUGIN_PATH names the plugins
of the build; SANITIZER is what it was built with, or none.
"""
import hashlib
import json
import os
import pathlib
import pty
import re
import shutil
import subprocess
import sys
import tempfile
import time

DONE, FAILED, USAGE, PLUGIN = 0, 1, 2, 4
VERBS = ("list", "show", "doctor")
BACKBONE = {"shared weights", "several options at once, with gates", "free depth and width"}


class Skip(Exception):
    """What the test needs is not there."""


class Tree:
    """The command and where its plugins lie."""

    def __init__(self, command, broken, sanitizer, scratch):
        self.command, self.broken, self.scratch = command, pathlib.Path(broken), pathlib.Path(scratch)
        self.sanitizer = sanitizer.split(",")[0]

    def run(self, *words, code=DONE, command=None, drop=(), preexec=None, stdout=subprocess.PIPE, **more):
        """Standard output of the command; fails if it ends with another code."""
        where = {key: value for key, value in os.environ.items() if key not in drop}
        where.update(more)
        done = subprocess.run([command or self.command, *map(str, words)], env=where, stdin=subprocess.DEVNULL,
                              stdout=stdout, stderr=subprocess.PIPE, preexec_fn=preexec, encoding="utf-8",
                              timeout=100, check=False)
        assert done.returncode == code, f"{words} ended with {done.returncode}, expected {code}: {done.stderr}"
        for line in done.stderr.splitlines():
            assert code == DONE or line.startswith("lode: ") or not words, f"{words} said: {line}"
        self.said = done.stderr
        return done.stdout

    def json(self, *words, **more):
        return json.loads(self.run(*words, "--json", **more))

    def folder(self, *names):
        """A folder with some of the broken plugins."""
        folder = pathlib.Path(tempfile.mkdtemp(dir=self.scratch))
        for name in names:
            shutil.copy(self.broken / f"loss_{name}.so", folder)
        return folder

    def copies(self, count):
        """A folder with that many plugins that differ in their names alone."""
        folder = self.folder()
        sound = (self.broken / "loss_sound.so").read_bytes()
        assert sound.count(b"\0sound\0") == 1, "the fixture's name stands in its file otherwise than expected"
        for number in range(count):
            copy = sound.replace(b"\0sound\0", f"\0s{number:04}\0".encode())
            (folder / f"loss_s{number:04}.so").write_bytes(copy)
        return folder


def fastest(count, function):
    """The least of several times, in seconds: others use this machine too."""
    times = []
    for _ in range(count):
        start = time.monotonic()
        function()
        times.append(time.monotonic() - start)
    return min(times)


def check_help(lode):
    """Help names every verb, and each verb's help gives examples."""
    text = lode.run("--help")
    assert lode.run("help") == text and lode.run("-h") == text
    verbs = re.findall(r"^  ([a-z]+) ", text.split("Verbs:\n")[1].split("Options:")[0], re.MULTILINE)
    assert set(VERBS) <= set(verbs), verbs
    for verb in verbs:
        about = lode.run(verb, "--help")
        assert lode.run("help", verb) == about and lode.run(verb, "-h") == about
        ours = ("Examples:", "Exit codes:", "--json", "--plugin-folder") if verb in VERBS else ()
        for word in (f"lode {verb}", "Example", *ours):
            assert word in about, f"{verb} --help lacks {word}"
    assert lode.run(code=USAGE) == "" and "Usage:" in lode.said


def check_help_examples(lode):
    """The examples of the help do what it says."""
    for verb in VERBS:
        about = lode.run(verb, "--help").split("Examples:\n")[1]
        for line in about.splitlines():
            words = line.strip().split("   ")[0].split()
            # --full takes minutes, and has a test of its own
            if not words or "build/plugins" in line or ">" in line or "--full" in words:
                continue
            assert words[0] == "lode", line
            assert lode.run(*words[1:]), f"{line}: nothing was printed"


def check_version(lode):
    text = lode.run("--version")
    assert text.startswith("lode ") and "plugin interface 0." in text, text


def check_usage(lode):
    """What is mistyped is told with what is nearest, and ends with 2."""
    for words, says in (
        (("lisst",), 'did you mean "list"?'),
        (("frobnicate",), "`lode --help` names them"),
        (("--vresion",), "no option --vresion"),
        (("list", "--jsno"), "did you mean --json?"),
        (("list", "--frobnicate"), "`lode list --help` names the options"),
        (("list", "losses"), 'did you mean "loss"?'),
        (("list", "loss", "sampler"), "found 2 words"),
        (("list", "loss", "--matrix"), 'leave "loss" out'),
        (("list", "--stage", "search"), "--matrix"),
        (("list", "--stage"), "Missing argument"),
        (("show",), "found 0"),
        (("show", "loss"), "not KIND/NAME"),
        (("show", "loss/"), "not KIND/NAME"),
        (("show", "a/b/c"), "not KIND/NAME"),
        (("doctor", "now"), 'found "now"'),
        (("help", "shoow"), 'did you mean "show"?'),
    ):
        assert lode.run(*words, code=USAGE) == "", f"{words} printed something"
        assert says in lode.said, f"{words}: {lode.said}"
        assert lode.said.count("\n") == 1, f"{words}: more than one line: {lode.said}"


def check_list(lode):
    """Every plugin of the build, sorted; a kind alone; the same as JSON."""
    files = sorted(path.stem.replace("_", "/", 1) for path in pathlib.Path(os.environ["LODE_PLUGIN_PATH"]).glob("*.so"))
    lines = lode.run("list").splitlines()
    assert [line.split()[0] for line in lines] == files, lines
    found = lode.json("list")
    assert [f"{one['kind']}/{one['name']}" for one in found] == files
    for one, line in zip(found, lines):
        assert list(one) == ["kind", "name", "version", "summary", "path"], one
        assert pathlib.Path(one["path"]).is_file() and all(str(text) in line for text in one.values()), line
    assert lode.json("list", "search") == [one for one in found if one["kind"] == "search"]


def check_list_first(lode):
    """A folder on the command line comes before LODE_PLUGIN_PATH, in the order given."""
    one, two = lode.folder("sound"), lode.folder("sound", "old")
    found = {item["name"]: item["path"] for item in lode.json("list", "loss", "-P", one, "--plugin-folder", two)}
    assert found["sound"] == str(one / "loss_sound.so") and found["old"] == str(two / "loss_old.so"), found
    assert "ce" in found, found
    lode.run("list", "loss", "-P", one, "-P", lode.folder("sound"))
    assert f"{one}/loss_sound.so; " in lode.said and "is hidden by it" in lode.said, lode.said


def check_list_broken(lode):
    """Every way to be refused has its word; those that load are unharmed."""
    words = {
        "asan": "sanitizer", "crash": "crash", "entry": "no-entry", "exit": "crash", "fast": "build", "fpenv": "fpenv",
        "kind": "name", "magic": "magic", "major": "abi", "members": "ops", "minor": "abi", "name": "name",
        "ops": "ops", "options": "options", "short": "abi", "state": "ops", "table": "options", "texts": "name",
        "tsan": "sanitizer", "undefined": "open", "under_score": "name", "sound": None, "old": None,
    }
    folder = lode.folder(*words)
    (folder / "loss_text.so").write_text("no plugin", encoding="utf-8")
    shutil.copy(folder / "loss_sound.so", folder / "loss_open.so")
    (folder / "loss_open.so").chmod(0o666)
    words.update({"text": "open", "open": "unsafe"})
    found = {one["name"]: one for one in lode.json("list", "loss", "-P", folder, code=PLUGIN)}
    said = lode.said.splitlines()
    refused = 0
    for name, word in words.items():
        code = found[name].get("error", {}).get("code")
        if (name, lode.sanitizer) in (("asan", "address"), ("tsan", "thread")):
            word = None
        assert code == word, f"{name}: {code}, expected {word}"
        refused += code is not None
        assert (found[name]["version"] is None) == (code is not None), found[name]
        if code:
            assert f"lode: {found[name]['error']['message']}" in said, f"{name} is not in {said}"
    assert len(said) == refused, said
    assert "error" not in found["ce"], found["ce"]


def check_list_crash(lode):
    """A plugin that dies takes nothing along, and what it prints goes nowhere."""
    lines = lode.run("list", "loss", "-P", lode.folder("crash", "exit", "sound"), code=PLUGIN).splitlines()
    table = {line.split()[0]: line for line in lines}
    assert "does not load" in table["loss/crash"] and "does not load" in table["loss/exit"], lines
    assert "a fixture" in table["loss/sound"] and "loss/ce" in table, lines
    assert len(lines) == len(table) and not any("licence" in line for line in lines), lines
    assert "SIGSEGV" in lode.said and "exit code 7" in lode.said, lode.said


def check_list_none(lode):
    """Nowhere to look is said so, and is no failure."""
    bare = lode.folder() / "bin" / "lode"
    bare.parent.mkdir()
    shutil.copy(lode.command, bare)
    assert lode.run("list", command=bare, drop=("LODE_PLUGIN_PATH",)) == ""
    assert "LODE_PLUGIN_PATH" in lode.said, lode.said
    assert json.loads(lode.run("list", "--json", command=bare, drop=("LODE_PLUGIN_PATH",))) == []


def check_list_time(lode):
    """200 plugins, and the start alone."""
    folder = lode.copies(200)
    assert len(lode.json("list", "loss", "-P", folder)) >= 200
    many = fastest(5, lambda: lode.run("list", "-P", folder))
    start = fastest(5, lambda: lode.run("list", "executor"))
    print(f"# 200 plugins listed in {many * 1000:.0f} ms, one in {start * 1000:.0f} ms")
    assert many < 1 and start < 0.5, f"{many:.3f} s, {start:.3f} s"


def shown(lode, kind):
    return {one["name"]: lode.json("show", f"{kind}/{one['name']}") for one in lode.json("list", kind)}


def check_matrix(lode):
    """Legal is what the needs and abilities that `show` prints say."""
    matrix = lode.json("list", "--matrix")
    gives = set(lode.json("show", "stage/search")["gives"])
    searches = shown(lode, "search")
    others = {kind: shown(lode, kind) for kind in ("backbone", "loss", "sampler", "evaluator")}
    cans = [set(one["can"]) for one in others["backbone"].values()]
    assert len(matrix) == len(searches) * sum(map(len, others.values()))
    for pair in matrix:
        needs = set(searches[pair["search"]]["needs"])
        other = others[pair["kind"]][pair["name"]]
        if pair["kind"] != "evaluator" or "scores of architectures" in needs:
            needs |= set(other.get("needs", []))
        able = [set(other["can"])] if pair["kind"] == "backbone" else cans
        legal = needs - BACKBONE <= gives and any(needs & BACKBONE <= can for can in able)
        assert pair["legal"] == legal, f"{pair}: needs {needs}"
        assert (pair["why"] is None) == legal and (legal or "needs" in pair["why"]), pair
    text = lode.run("list", "--matrix")
    assert text.count("search × ") == 4 and "why not:" in text, text


def check_matrix_stage(lode):
    """A stage that gives less allows less."""
    matrix = lode.json("list", "--matrix", "--stage", "train")
    legal = [one for one in matrix if one["search"] == "random" and one["legal"]]
    assert not legal, f"a stage without scores allows {legal}"
    lode.run("list", "--matrix", "--stage", "traiin", code=PLUGIN)
    assert 'did you mean "train"?' in lode.said, lode.said


def check_show(lode):
    """Every plugin in full: the file's own digest, every option with a default within its range."""
    for one in lode.json("list"):
        plugin = f"{one['kind']}/{one['name']}"
        about, text = lode.json("show", plugin), lode.run("show", plugin)
        assert about["sha256"] == hashlib.sha256(pathlib.Path(one["path"]).read_bytes()).hexdigest()
        for key in ("kind", "name", "version", "summary", "path"):
            assert about[key] == one[key] and str(one[key]) in text, f"{plugin}: {key}"
        assert about["license"] in text and about["sha256"] in text
        assert about["bibtex"] is None or about["bibtex"].strip() in text, plugin
        for option in about["options"]:
            assert option["name"] in text and option["doc"] in text, f"{plugin}: {option['name']}"
            assert option["required"] or option["default"] is not None
            if option["min"] is not None and isinstance(option["default"], (int, float)):
                assert option["min"] <= option["default"], option
                assert option["max"] is None or option["default"] <= option["max"], option


def check_show_file(lode):
    """A file by its path; the fixture's options as they are declared."""
    about = lode.json("show", lode.folder("sound") / "loss_sound.so")
    assert about["name"] == "sound" and about["needs"] == [] and not about["state"], about
    rate, epochs = about["options"]
    assert (rate["type"], rate["default"], rate["min"], rate["max"], rate["unit"]) == ("number", 0.5, 0, 1, None), rate
    assert (epochs["type"], epochs["default"], epochs["max"], epochs["unit"]) == ("integer", 3, 9, "epochs"), epochs


def check_show_fails(lode):
    for words, says in (
        (("loss/cee",), 'did you mean "ce"?'),
        (("losses/ce",), 'did you mean "loss"?'),
        (("loss/crash", "-P", lode.folder("crash")), "SIGSEGV"),
        (("loss/members", "-P", lode.folder("members")), "create, prepare"),
        (("nowhere/loss_x.so",), "not a readable file"),
        (("mine.so",), "<kind>_<name>.so"),
    ):
        assert lode.run("show", *words, code=PLUGIN) == "" and says in lode.said, f"{words}: {lode.said}"


def check_doctor(lode):
    """Facts of this machine, the same in text and JSON."""
    about, text = lode.json("doctor"), lode.run("doctor")
    for key in ("version", "compiler", "program", "isa", "blas_core", "locale"):
        assert about[key] and about[key] in text, key
    assert 1 <= about["threads"] <= about["threads_why"]["online"]
    assert about["threads_why"]["affinity"] == len(os.sched_getaffinity(0))
    folders = {one["path"]: one for one in about["plugin_folders"]}
    build = folders[os.environ["LODE_PLUGIN_PATH"]]
    assert build["found"] == build["load"] == len(list(pathlib.Path(build["path"]).glob("*.so"))), build
    assert sum(one["found"] for one in about["conf_folders"]) > 0 and about["site"] is None
    assert all(advice in text for advice in about["advice"])


def check_doctor_threads(lode):
    """One processor, by affinity or by the site."""
    one = min(os.sched_getaffinity(0))
    about = lode.json("doctor", preexec=lambda: os.sched_setaffinity(0, {one}))
    assert about["threads"] == about["threads_why"]["affinity"] == 1, about
    site = lode.folder() / "site.cfg"
    site.write_text('threads = 1;\ntrusted_groups = ["staff"];\n', encoding="utf-8")
    about = lode.json("doctor", drop=("LODE_NO_SITE",), LODE_SITE=str(site))
    assert about["threads"] == about["threads_why"]["site_limit"] == 1 and about["site"] == str(site), about


def check_doctor_site(lode):
    """A broken configuration of the site is told with its line."""
    for text, says in (("threads = ;", ":1:"), ("\nthread = 2;", 'did you mean "threads"?'),
                       ('threads = "two";', "integer"), ("runs = 3;", "text in quotes"),
                       ("trusted_groups = [1];", "list of texts")):
        site = lode.folder() / "site.cfg"
        site.write_text(text, encoding="utf-8")
        about = lode.json("doctor", code=USAGE, drop=("LODE_NO_SITE",), LODE_SITE=str(site))
        assert any(says in advice and str(site) in advice for advice in about["advice"]), about["advice"]


def check_doctor_isa(lode):
    assert lode.json("doctor", LODE_ISA="portable")["isa"] == "portable"
    about = lode.json("doctor", code=USAGE, LODE_ISA="sparc")
    assert about["isa"] is None and any("LODE_ISA=sparc" in advice for advice in about["advice"]), about


def check_doctor_missing(lode):
    """What is missing is said with what to do."""
    about = lode.json("doctor", PATH="/nowhere")
    assert about["dot"] is None and any("graphviz" in advice for advice in about["advice"]), about
    about = lode.json("doctor", code=PLUGIN, LODE_PLUGIN_PATH=str(lode.folder("crash")))
    assert any("SIGSEGV" in advice for advice in about["advice"]), about
    bare = lode.folder() / "bin" / "lode"
    bare.parent.mkdir()
    shutil.copy(lode.command, bare)
    drop = ("LODE_PLUGIN_PATH", "LODE_CONF_PATH")
    about = lode.json("doctor", code=PLUGIN, command=bare, drop=drop)
    for word in ("no plugin was found", "no example configuration"):
        assert any(word in advice for advice in about["advice"]), about["advice"]


def check_doctor_data(lode):
    data = lode.folder()
    (data / "fashion-mnist").mkdir()
    (data / "cifar-10-batches-bin").mkdir()
    about = lode.json("doctor", LODE_DATA_PATH=str(data))
    found = {one["name"]: one["path"] for one in about["data_sets"]}
    site = data / "site.cfg"
    site.write_text(f'data_path = ["{data}/shared"];', encoding="utf-8")
    shared = lode.json("doctor", drop=("LODE_NO_SITE",), LODE_SITE=str(site))["data_folders"]
    assert f"{data}/shared" in shared, shared
    assert found["Fashion-MNIST"] == str(data / "fashion-mnist"), found
    assert found["CIFAR-10"] == str(data / "cifar-10-batches-bin"), found
    assert about["data_folders"][0] == str(data), about["data_folders"]
    assert not any("Fashion-MNIST" in advice for advice in about["advice"]), about["advice"]


def check_closed(lode):
    """Started without standard streams but its output, it still tells good from bad."""
    def close():
        os.close(0)
        os.close(2)

    for names, code in ((("sound",), DONE), (("crash", "sound"), PLUGIN)):
        lode.run("list", "loss", "-P", lode.folder(*names), code=code, preexec=close)


def check_full_disk(lode):
    if not os.path.exists("/dev/full"):
        raise Skip("no /dev/full")
    with open("/dev/full", "w", encoding="utf-8") as full:
        lode.run("list", code=FAILED, stdout=full)
    assert "cannot write the output" in lode.said, lode.said


def on_terminal(lode, **more):
    """What the command prints on a terminal."""
    ours, theirs = pty.openpty()
    where = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    where.update({"TERM": "xterm", **more})
    subprocess.run([lode.command, "list", "executor"], env=where, stdout=theirs, stderr=theirs, timeout=100, check=True)
    os.close(theirs)
    text = b""
    while True:
        try:
            piece = os.read(ours, 4096)
        except OSError:
            piece = b""
        if not piece:
            os.close(ours)
            return text
        text += piece


def check_colours(lode):
    """On a terminal that wants them, and nowhere else."""
    assert b"\033[" in on_terminal(lode)
    assert b"\033[" not in on_terminal(lode, NO_COLOR="1")
    assert b"\033[" not in on_terminal(lode, TERM="dumb")
    assert "\033[" not in lode.run("list", TERM="xterm", drop=("NO_COLOR",))


def check_locales(lode):
    """No locale changes what a program reads, nor breaks on letters beyond ASCII."""
    plain = lode.run("show", "sampler/uniform", "--json", LC_ALL="C.UTF-8")
    folder = lode.folder() / "é ü"
    folder.mkdir()
    for name in ("C", "de_DE.UTF-8", "nonsense"):
        assert lode.run("show", "sampler/uniform", "--json", LC_ALL=name) == plain
        lode.run("list", "-P", folder, LC_ALL=name)
        lode.run("doctor", LC_ALL=name)


CHECKS = {
    "/command/help": check_help,
    "/command/help-examples": check_help_examples,
    "/command/version": check_version,
    "/command/usage": check_usage,
    "/command/list": check_list,
    "/command/list-first": check_list_first,
    "/command/list-broken": check_list_broken,
    "/command/list-crash": check_list_crash,
    "/command/list-none": check_list_none,
    "/command/list-time": check_list_time,
    "/command/matrix": check_matrix,
    "/command/matrix-stage": check_matrix_stage,
    "/command/show": check_show,
    "/command/show-file": check_show_file,
    "/command/show-fails": check_show_fails,
    "/command/doctor": check_doctor,
    "/command/doctor-threads": check_doctor_threads,
    "/command/doctor-site": check_doctor_site,
    "/command/doctor-isa": check_doctor_isa,
    "/command/doctor-missing": check_doctor_missing,
    "/command/doctor-data": check_doctor_data,
    "/command/closed": check_closed,
    "/command/full-disk": check_full_disk,
    "/command/colours": check_colours,
    "/command/locales": check_locales,
}


def main():
    print(f"1..{len(CHECKS)}")
    for number, (name, check) in enumerate(CHECKS.items(), 1):
        verdict, note = "ok", ""
        with tempfile.TemporaryDirectory() as scratch:
            try:
                check(Tree(*sys.argv[1:4], scratch))
            except Skip as why:
                note = f" # SKIP {why}"
            except (AssertionError, KeyError, ValueError, OSError, subprocess.SubprocessError) as why:
                verdict = "not ok"
                print(f"{name}: {type(why).__name__}: {why}", file=sys.stderr)
        print(f"{verdict} {number} {name}{note}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
