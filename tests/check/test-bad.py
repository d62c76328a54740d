#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`lode check` finds what is wrong with the plugins of tests/check/bad, each by the right test in one line.

Usage: test-bad.py LODE BAD-PLUGINS SANITIZER. Prints TAP. LODE_PLUGIN_PATH names the plugins of the build.
"""
import json
import pathlib
import re
import subprocess
import sys

DONE, FAILED, USAGE, PLUGIN = 0, 1, 2, 4

WORK = ("life", "determinism", "state", "bounds", "robust")  # groups in which every instance works

# Plugin: the test that must find it, its outcome, words of its line; and groups that may suffer too.
BAD = {
    "backbone_op": ("gradients/op", "fail", "expected the gradient .* factor of 0\\.99[45]", ("gradients",)),
    "backbone_overrun": (
        "op/bounds", "fail", "stay within its output of [0-9]+ bytes, found a byte behind it written|found byte 1 behind it written",
        WORK + ("gradients", "backbone", "robust", "options"),
    ),
    "loss_beyond": ("bounds/buffers", "fail", "stay within its labels of [0-9]+ bytes, found byte 1 behind it read", ()),
    "loss_calm": ("robust/loss", "fail", "expected logits that are NaN to show in value or gradient, found 0", ()),
    "loss_dirt": ("determinism/twice", "fail", "expected the same bits", ("gradients", "determinism")),
    "loss_drift": ("determinism/twice", "fail", "expected the same bits .* values of rows", ("determinism",)),
    "loss_leak": ("life/growth", "fail", "expected no growth over .* found [234][0-9] bytes a round", ()),
    "loss_outside": (
        "bounds/buffers", "fail", "stay within its values of [0-9]+ bytes, found byte 4 before it written",
        WORK + ("gradients", "loss", "robust"),
    ),
    "loss_refuse": ("options/extremes", "fail", "order = 9.* expected an error that says why", ("options",)),
    "loss_slope": ("gradients/loss", "fail", "expected the gradient .* factor of 0\\.99[45]", ()),
    "loss_spill": ("robust/loss", "fail", "expected logits of nan in one row to leave the others alone", ("determinism",)),
    "loss_talk": (
        "loss/finite", "fail", "expected it to print nothing, found: prepared for",
        ("life", "gradients", "determinism", "bounds", "robust"),
    ),
    "sampler_again": ("sampler/select", "fail", "expected each example once .* found .* again", WORK),
    "sampler_beyond": ("sampler/select", "fail", "expected indices below 48, found 48", WORK),
    "sampler_listen": (
        "bounds/buffers", "fail", "expected it not to touch labels that it did not declare .* found byte 1 of them read",
        ("robust",),
    ),
    "sampler_overrun": ("sampler/select", "fail", "expected it to write within its room of 48", WORK),
    "sampler_peek": ("robust/labels", "fail", "expected it to read no label that it did not declare", ()),
    "search_brittle": ("robust/scores", "fail", "expected it to go on where all scores fail, found: the score is bad", ("state",)),
    "search_crash": ("search/steps", "error", r"it crashed \(SIGSEGV\)", WORK),
    "search_forget": ("state/continue", "fail", "expected it to go on alike after save and load", ()),
    "search_hang": ("search/steps", "timeout", "it did not end within", WORK),
    "search_propose": ("search/steps", "fail", "expected legal architectures, found one at lode_score", WORK),
    "search_quit": ("search/steps", "error", "it ended the process with exit code 3", WORK),
    "search_stray": ("search/steps", "fail", "expected a legal architecture from best", WORK),
}
# What a sanitizer's own heap hides from the suite, or reports in its own way.
SANITIZED = {"backbone_overrun", "loss_beyond", "loss_dirt", "loss_outside", "search_crash"}


class Tree:
    """The command and where the bad plugins lie."""

    def __init__(self, command, bad, sanitizer):
        self.command, self.bad, self.sanitizer = command, pathlib.Path(bad), sanitizer

    def run(self, *words, code):
        done = subprocess.run([self.command, "check", *map(str, words)], stdin=subprocess.DEVNULL, capture_output=True,
                              encoding="utf-8", check=False)
        assert done.returncode == code, f"{words}: code {done.returncode}, expected {code}: {done.stdout}{done.stderr}"
        return done.stdout, done.stderr

    def path(self, name):
        return self.bad / f"{name}.so"


def check_plugin(tree, name):
    test, outcome, words, suffers = BAD[name]
    short = ("--timeout", "4", "--only", "search") if name == "search_hang" else ()
    out, _ = tree.run("--json", *short, tree.path(name), code=FAILED)
    report = json.loads(out)
    found = {one["test"]: one for one in report["plugins"][0]["tests"]}
    assert found[test]["outcome"] == outcome, f"{test}: {found[test]}"
    assert re.search(words, found[test]["text"]), f"{test} says: {found[test]['text']}"
    assert "\n" not in found[test]["text"], found[test]["text"]
    for other, one in found.items():
        group = other.split("/")[0]
        innocent = other != test and group != test.split("/")[0] and group not in suffers
        assert not innocent or one["outcome"] in ("pass", "skip"), f"{other} too: {one}"
    assert report["failed"] == sum(one["outcome"] not in ("pass", "skip") for one in found.values())


def check_text(tree):
    """One line a test, colours off, and the counts at the end."""
    out, said = tree.run(tree.path("loss_slope"), "--only", "gradients", code=FAILED)
    lines = out.splitlines()
    assert lines[0] == f"loss/slope  {tree.path('loss_slope')}", lines[0]
    assert lines[1].startswith("  fail     gradients/loss: expected the gradient "), lines[1]
    assert lines[2:] == ["0 passed, 1 failed, 0 skipped"], lines
    assert not said, said


def check_choice(tree):
    """--only by group, by name, by pattern; a name of no test is a mistake; --list runs nothing."""
    listed, _ = tree.run("--list", "--only", "state", code=DONE)
    assert len(listed.splitlines()) >= 4 and all(line.startswith("state/") for line in listed.splitlines()), listed
    one, _ = tree.run("loss/ce", "--only", "life/null", code=DONE)
    assert one.splitlines()[1:] == ["  pass     life/null", "1 passed, 0 failed, 0 skipped"], one
    some, _ = tree.run("loss/ce", "--only", "*/text*", code=DONE)
    assert some.endswith("2 passed, 0 failed, 0 skipped\n"), some
    _, said = tree.run("loss/ce", "--only", "nothing", code=USAGE)
    assert said.startswith("lode: no test is called"), said
    names = json.loads(tree.run("--list", "--json", tree.path("search_hang"), code=DONE)[0])
    assert {"search/steps", "state/continue"} <= {entry["test"] for entry in names}


def check_refused(tree):
    """What is no plugin is told with code 4, the others are checked all the same."""
    _, said = tree.run(tree.bad / "loss_none.so", code=PLUGIN)
    assert said.startswith("lode: ") and said.count("\n") == 1, said
    out, _ = tree.run(tree.command, "loss/ce", "--only", "life/null", code=PLUGIN)
    assert out.endswith("1 passed, 0 failed, 0 skipped\n"), out
    tree.run("loss/no-such", code=PLUGIN)
    tree.run(code=USAGE)


def check_seed(tree):
    """The same seed, the same line; another seed, other numbers."""

    def line(*words):
        return tree.run(tree.path("loss_slope"), "--only", "gradients", *words, code=FAILED)[0].splitlines()[1]

    assert line("--seed", "7") == line("--seed", "7")
    assert line("--seed", "7") != line("--seed", "8")


def check_in_process(tree):
    """Without a child the result is the same, and a crash is the command's own."""
    out, _ = tree.run(tree.path("loss_slope"), "--only", "gradients", "--in-process", code=FAILED)
    assert "fail     gradients/loss" in out, out
    if tree.sanitizer == "none":
        tree.run(tree.path("search_crash"), "--only", "search/steps", "--in-process", code=-11)


def check_tap(tree):
    out, _ = tree.run("--tap", tree.path("loss_slope"), "loss/ce", "--only", "gradients", code=FAILED)
    lines = out.splitlines()
    assert lines[0] == "1..2" and lines[1] == "not ok 1 loss/slope gradients/loss", lines
    assert lines[2].startswith("# fail: expected the gradient") and lines[3] == "ok 2 loss/ce gradients/loss", lines


def main():
    tree = Tree(*sys.argv[1:])
    checks = {f"/bad/{name}": (lambda tree, name=name: check_plugin(tree, name)) for name in BAD}
    checks.update({"/text": check_text, "/choice": check_choice, "/refused": check_refused, "/seed": check_seed,
                   "/in-process": check_in_process, "/tap": check_tap})
    print(f"1..{len(checks)}")
    for number, (name, check) in enumerate(checks.items(), 1):
        if tree.sanitizer != "none" and name.split("/")[-1] in SANITIZED:
            print(f"ok {number} {name} # SKIP the sanitizer has the heap and the signals")
            continue
        try:
            check(tree)
            print(f"ok {number} {name}", flush=True)
        except Exception as wrong:  # a test that breaks is a test that fails
            print(f"not ok {number} {name}")
            print(f"{name}: {wrong!r}", file=sys.stderr, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
