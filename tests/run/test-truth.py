#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A space trained whole into a benchmark file, and scorings ranked against each other.

Usage: test-truth.py LODE SOURCE-ROOT [CHECK…]. Prints TAP.
"""
import csv
import signal
import sys
import time

import command
from command import DONE, STOPPED, USAGE

SMALL = """
experiment = "small";
data = { type = "noise"; noise = { side = 8; classes = 3; train = 60; test = 30; }; valid = 12; };
backbone = { type = "nb201"; nb201 = { channels = 4; cells = 1; operations = [ "none", "skip" ]; }; };
fit = { epochs = 1; batch = 16; validate = 0; };
checkpoint = 0.0;
stages = { train = { type = "train"; }; test = { type = "evaluate"; net = "train"; }; };
table = {
  file = "small.bench";
  title = "Small";
  seeds = 2;
  sets = { even = { }; tail = { data = { profile = "exp"; ratio = 4.0; }; }; };
};
"""
RANK = """
experiment = "rank";
data = { type = "noise"; noise = { side = 8; classes = 3; train = 60; test = 30; }; valid = 12; };
backbone = { type = "nb201"; nb201 = { channels = 4; cells = 1; operations = [ "none", "skip" ]; }; };
fit = { epochs = 1; batch = 16; validate = 0; };
stages = { rank = { type = "rank"; }; };
"""


def built(lode, *words):
    (lode.folder / "small.cfg").write_text(SMALL, encoding="utf-8")
    (lode.folder / "rank.cfg").write_text(RANK, encoding="utf-8")
    return lode.call("data", "build-table", "small.cfg", "-o", lode.data / "small.bench", *words)


def runs(lode):
    return [command.Run(path) for path in sorted((lode.folder / "runs").glob("small/*/s*"))]


def check_table(lode):
    """64 cells of none and skip: the input comes through none to four times, which are five networks."""
    out = built(lode, "--list").expect(DONE).out
    assert out.split()[0] == "64", out
    networks = int(out.split()[2])
    done = built(lode, "--jobs", 2, "-q").expect(DONE, f"{networks} networks trained 4 times each, answering for 64")
    assert 2 <= networks < 12 and len(runs(lode)) == 4 * networks, (networks, done.out)
    first = (lode.data / "small.bench").read_bytes()
    built(lode, "-q").expect(DONE)
    assert (lode.data / "small.bench").read_bytes() == first, "the same trainings give another file"
    run = lode.run("rank.cfg", "stages.rank.table=small.bench", "stages.rank.x=valid_even.1", "stages.rank.y=test_tail",
                   "stages.rank.sample=0")
    figures = run.json("result.json")["stages"]["rank"]["figures"]
    assert figures["architectures"] == networks and "ceiling_kendall" in figures, figures
    rows = list(csv.DictReader(run.read("rank/pairs.csv").decode().splitlines()))
    assert len(rows) == networks and len({row["key"] for row in rows}) == networks, rows
    truth = {}
    for one in runs(lode):
        figure = one.json("result.json")
        text = figure["stages"]
        label = one.path.parent.name
        config = one.read("config.cfg").decode()
        arch = config.split('arch = "')[1].split('"')[0]
        truth.setdefault((label, arch), []).append(
            (figure["seed"], text["train"]["figures"]["valid_accuracy"], text["test"]["figures"]["test_accuracy"]))
    for row in rows:
        even = sorted(truth["even", row["architecture"]])
        tail = sorted(truth["tail", row["architecture"]])
        assert float(row["x"]) == even[0][1], (row, even)
        assert abs(float(row["y"]) - sum(value[2] for value in tail) / 2) < 1e-12, (row, tail)


def check_killed(lode):
    """Stopped by a signal or killed: no file is there before its time, the same command goes on."""
    (lode.folder / "small.cfg").write_text(SMALL, encoding="utf-8")
    words = ("data", "build-table", "small.cfg", "-o", lode.folder / "small.bench", "--jobs", 2, "-q",
             'backbone.nb201.operations=["skip","conv3x3"]', "table.seeds=1")
    for sign in (signal.SIGTERM, signal.SIGKILL):
        before = sum((run.path / "result.json").exists() for run in runs(lode))
        process = lode.start(*words)
        while process.poll() is None and sum((run.path / "result.json").exists() for run in runs(lode)) < before + 2:
            time.sleep(0.002)
        process.send_signal(sign)
        done = lode.ended(process)
        assert done.code in (STOPPED, -signal.SIGKILL), (done.code, done.err)
        assert not (lode.folder / "small.bench").exists(), "a file before all is trained"
    lode.call(*words).expect(DONE, "trained 2 times each")


def check_refusals(lode):
    built(lode, "table.sets=1").expect(USAGE)
    built(lode, "table.seed=2").expect(USAGE, "seeds")
    built(lode, "data.noise.classes=1", "--list").expect(USAGE)
    (lode.folder / "none.cfg").write_text(SMALL.replace("table", "tables"), encoding="utf-8")
    lode.call("data", "build-table", "none.cfg", "-o", "x.bench").expect(USAGE, "table.sets is missing")
    lode.call("run", "rank.cfg", "stages.rank.sample=0").expect(USAGE, "sample")
    lode.call("run", "rank.cfg", "stages.rank.x=valid").expect(USAGE, "name the file")
    lode.call("run", "rank.cfg").expect(USAGE, "no evaluator is chosen")


def check_evaluators(lode):
    """Scores of an evaluator against themselves, by way of a saved file; the executor changes nothing."""
    (lode.folder / "rank.cfg").write_text(RANK.replace('[ "none", "skip" ]', '[ "skip", "conv3x3" ]'), encoding="utf-8")
    words = ("rank.cfg", "evaluator.type=train", "stages.rank.sample=9", "stages.rank.top=[1,3]")
    run = lode.run(*words)
    rows = list(csv.DictReader(run.read("rank/pairs.csv").decode().splitlines()))
    assert len({row["key"] for row in rows}) == 9 and all(row["x"] == row["y"] for row in rows), rows
    figures = run.json("result.json")["stages"]["rank"]["figures"]
    assert figures["regret_top3"] == 0, figures
    again = lode.run(*words, "executor.type=local", f"stages.rank.scores={run.path / 'rank/pairs.csv'}",
                     "stages.rank.y=scores:x")
    assert again.read("rank/pairs.csv") == run.read("rank/pairs.csv")
    assert again.json("result.json")["stages"]["rank"]["figures"]["architectures"] == 9


def check_tail(lode):
    """Classes thin out by a constant factor: 2,000 to 20 come to 4,958."""
    counts = [int(2000 * 100 ** (-c / 9) + 1e-9) for c in range(10)]
    assert sum(counts) == 4958, counts
    command.write_idx(lode.data / "long", train=3000, test=10)
    words = ("data.valid=100", "data.profile=exp", "data.ratio=100", "data.most=200")
    out = lode.call("data", "stats", lode.data / "long", *words).expect(DONE).out
    lines = [line.split() for line in out.splitlines()[1:11]]
    assert [int(line[1]) for line in lines] == [int(200 * 100 ** (-c / 9) + 1e-9) for c in range(10)], out
    assert all(line[3] == "10" for line in lines), out
    out = lode.call("data", "stats", lode.data / "long", *words[:1], "data.profile=step", *words[2:]).expect(DONE).out
    assert [int(line.split()[1]) for line in out.splitlines()[1:11]] == [200] * 5 + [2] * 5, out
    lode.call("data", "stats", lode.data / "long", "data.profile=exp", "data.most=301").expect(USAGE, "of which 300 are left")


if __name__ == "__main__":
    sys.exit(command.main("truth", globals()))
