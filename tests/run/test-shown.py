#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a person sees: the summary and the commands it ends with, the plan and how true it comes, a bar
on a terminal and nothing of the kind anywhere else.

Usage: test-shown.py LODE SOURCE-ROOT [CHECK…]. Prints TAP.
"""
import json
import os
import pty
import re
import select
import shlex
import sys

import command
from command import DONE, SMALL

QUICK = ("quickstart.cfg", *SMALL)


def verbs(lode):
    return re.findall(r"^  (\w+) ", lode.call("--help").out.split("Verbs:")[1], re.M)


def check_summary(lode):
    """What was searched, found, spent, where it lies; the one line that tests look for."""
    done = lode.call("run", *QUICK).expect(DONE)
    run = lode.found()
    figures = run.json("result.json")["stages"]
    accuracy = figures["test"]["figures"]["test_accuracy"]
    assert re.search(rf"^test accuracy {100 * accuracy:.2f} % \[[0-9.]+, [0-9.]+\]$", done.out, re.M), done.out
    for words in ("28 decisions", "of darts, by darts", "64 examples of idx, 14×14×1", "64 more",
                  run.read("search/arch.txt").decode().strip(), f"run        {run.path}"):
        assert words in done.out, f"nothing says {words}: {done.out}"
    for stage in figures:
        assert re.search(rf"^cost +{stage} .*samples, .*multiply-adds", done.out, re.M), stage


def check_next_commands(lode):
    """The summary ends with three commands, which work as they stand, from a folder with a blank too."""
    done = lode.call("run", *QUICK, LODE_RUNS=lode.folder / "all my runs").expect(DONE)
    commands = done.out.split("try next\n")[1].splitlines()
    assert len(commands) == 3 and all(line.startswith("  lode ") for line in commands), commands
    known = verbs(lode)
    for line in commands:
        words = shlex.split(line)[1:]
        if words[0] in known:
            lode.call(*words).expect(DONE)
        else:
            assert words[0] == "report", f"there is no verb {words[0]}"


def check_quiet(lode):
    """-q: the summary, and nothing on stderr. Otherwise stages are announced; -v says no less."""
    done = lode.call("run", *QUICK, "-q").expect(DONE)
    assert not done.err, done.err
    assert "test accuracy" in done.out
    loud = lode.call("run", *QUICK, "seed=2").expect(DONE, "stage 1/3 search begins", "stage 3/3 test done")
    very = lode.call("run", *QUICK, "seed=3", "-v").expect(DONE, "stage 1/3 search begins")
    for said in (done, loud, very):
        assert "\r" not in said.err + said.out and "\033" not in said.err + said.out, "a bar without a terminal"


def on_terminal(lode, *words, **more):
    """Exit code and what a terminal shows of the command's stderr (stdout is thrown away)."""
    environment = lode.environment(**{"TERM": "xterm", **more})
    child, fd = pty.fork()
    if child == 0:
        os.chdir(lode.folder)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.execve(lode.binary, [lode.binary, *map(str, words)], environment)
    shown = b""
    while select.select([fd], [], [], 100)[0]:
        try:
            piece = os.read(fd, 65536)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    os.close(fd)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), shown.decode()


def check_bar(lode):
    """On a terminal: a bar with the share done and the time left, taken off before the next line."""
    code, shown = on_terminal(lode, "run", *QUICK, "fit.epochs=8")
    assert code == DONE, shown[-500:]
    bars = [piece for piece in shown.split("\r") if "[" in piece and "]" in piece]
    assert bars, f"no bar: {shown[-500:]}"
    assert re.search(r"1/3 search \[#*-*\] +\d+ %  search  [\d.]+ s left", shown), bars[-1]
    for line in shown.split("\n"):
        end = line.split("\r\033[K")[-1] if line.rfind("\r\033[K") > line.rfind("left") else line
        assert "left" not in end.strip("\r"), f"a bar was left on its line: {line[-200:]!r}"
    assert "search done in" in shown and not shown.rstrip("\r\n").endswith("left"), shown[-200:]


def check_no_colour(lode):
    """NO_COLOR: the bar without any colour; a dumb terminal and -q: none at all."""
    _, shown = on_terminal(lode, "run", *QUICK, NO_COLOR=1)
    assert not re.search(r"\033\[[0-9;]*m", shown), "a colour"
    code, shown = on_terminal(lode, "run", *QUICK, "seed=2", "-q")
    assert code == DONE and not shown, shown
    code, shown = on_terminal(lode, "run", *QUICK, "seed=3", TERM="dumb")
    assert code == DONE and "\033" not in shown and "search begins" in shown, shown


def check_bar_and_signal(lode):
    """A message that comes in the midst of a bar stands on a line of its own."""
    code, shown = on_terminal(lode, "run", *QUICK, "fit.rate=100", "fit.decay=10", "fit.clip=0")
    assert code == command.FAILED, code
    last = shown.replace("\r\n", "\n").rstrip("\n").split("\n")[-1]
    assert last.split("\033[K")[-1].lstrip("\r").startswith("lode: stage search, step "), last[-300:]


def planned(lode, *words):
    done = lode.call("run", "--plan", "--json", *words).expect(DONE)
    assert not (lode.folder / "runs").exists(), "a plan wrote something"
    return {entry["stage"]: entry for entry in json.loads(done.out)}


def compare_plan(lode, *words):
    """Samples and multiply-adds within a factor of 1.5; time within two orders of magnitude, since these
    runs last a fraction of a second on a machine that may be busy."""
    plan = planned(lode, *words)
    costs = {name: stage["cost"] for name, stage in lode.run(*words).json("result.json")["stages"].items()}
    assert list(plan) == list(costs), (list(plan), list(costs))
    for name, cost in costs.items():
        for key, most in (("samples", 1.5), ("macs", 1.5)):
            ratio = plan[name][key] / cost[key]
            assert 1 / most <= ratio <= most, f"{name}: {key} planned {plan[name][key]}, came {cost[key]}"
        assert plan[name]["wall_s"] < 100 * cost["wall_s"] + 10, f"{name}: {plan[name]['wall_s']} s planned"
        assert plan[name]["weights"] > 0 and plan[name]["steps"] > 0 and plan[name]["peak_memory_bytes"] > 1e6


def check_plan_search(lode):
    compare_plan(lode, *QUICK, "fit.epochs=10", "stages.train.fit.epochs=10")


def check_plan_second_order(lode):
    compare_plan(lode, *QUICK, "search.darts.order=2", "fit.epochs=6")


def check_plan_scores(lode):
    compare_plan(lode, "random.cfg", *SMALL, "data.valid=64", "search.random.trials=12",
                 "search.random.batch=1", "fit.epochs=6", "stages.train.fit.epochs=20")


def check_plan_validation(lode):
    """As many examples to validate on as to train on."""
    compare_plan(lode, "mlp.cfg", "data.train=190", "data.valid=95", "fit.batch=16", "fit.epochs=21")


def check_plan_table(lode):
    """A table on stdout, one row a stage and one for all."""
    done = lode.call("run", "--plan", *QUICK).expect(DONE, "measuring stage search")
    lines = done.out.splitlines()
    assert [line.split()[0] for line in lines] == ["stage", "search", "train", "test", "all"], done.out
    for head in ("steps", "weights", "samples", "multiply-adds", "peak memory", "time"):
        assert head in lines[0], lines[0]
    assert not (lode.folder / "runs").exists(), "a plan wrote something"
    assert not lode.call("run", "--plan", "-q", *QUICK).expect(DONE).err


if __name__ == "__main__":
    sys.exit(command.main("shown", globals()))
