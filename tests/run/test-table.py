#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Searches on a benchmark file: imported, asked, paid in simulated time, repeated, killed.

Usage: test-table.py LODE SOURCE-ROOT [CHECK…]. Prints TAP.
"""
import csv
import json
import math
import sys

import command
from command import DATA, DONE, USAGE

TRUTH = """
experiment = "truth";
data = { type = "noise"; noise = { side = 8; classes = 2; train = 12; test = 4; }; };
backbone = { type = "nb201"; nb201 = { channels = 4; cells = 1; }; };
search = { type = "random"; random = { trials = 100000; }; };
evaluator = { type = "table"; table = { file = "nasbench201.bench"; quote = ["val12_c10", "test200_c10", "val200_c10"]; }; };
checkpoint = 0.0;
stages = { search = { type = "search"; }; };
"""


def prepare(lode):
    """A made-up benchmark and an experiment on it; gives the rows by digits."""
    found = command.write_benchmark(lode)
    (lode.folder / "truth.cfg").write_text(TRUTH, encoding="utf-8")
    return found


OPS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")


def digits(text):
    return "".join(str(OPS.index(part.split("~")[0])) for part in text.replace("+", "").split("|") if part)


def result(run):
    return run.json("result.json")["stages"]["search"]


def repeats(run):
    return list(csv.DictReader(run.read("search/repeats.csv").decode().splitlines()))


def check_search(lode):
    """What is found is what the table says; the time is that of the trainings, cut off at the budget."""
    truth = prepare(lode)
    run = lode.run("truth.cfg", "stages.search.seconds=3000")
    figures, cost = result(run)["figures"], result(run)["cost"]
    row = truth[digits(run.read("search/arch.txt").decode().strip())]
    assert figures["val12_c10"] == row["val12_c10"] and figures["test200_c10"] == row["test200_c10"], (figures, row)
    assert figures["val200_c10"] == (row["val200_c10"] if row["c10val_3seed"] else None), (figures, row)
    assert cost["simulated_s"] == 3000 and cost["samples"] == 0, cost
    scores = run.scores()
    assert len(scores) == cost["scores"]
    paid = sum(score["seconds"] for score in scores)
    assert paid > 3000 > paid - scores[-1]["seconds"], paid
    assert max(score["value"] for score in scores[:-1]) == row["val12_c10"], row
    for score in scores:
        assert score["params"] >= 1000 and score["macs"] >= 10 ** 6, score
    journal = run.metrics()
    assert journal and all("simulated_s" in line for line in journal), journal[-1]
    other = lode.run("truth.cfg", "stages.search.seconds=3000", "evaluator.table.select=val200_c10")
    assert result(other)["cost"]["scores"] < 15, result(other)["cost"]


def check_budgets(lode):
    prepare(lode)
    assert result(lode.run("truth.cfg", "stages.search.scores=40"))["cost"]["scores"] == 40
    run = lode.run("truth.cfg", "evaluator.type=train", "data.valid=2", "fit.epochs=1", "fit.batch=2", "search.random.trials=50",
                   "stages.search.samples=20")
    assert 20 <= result(run)["cost"]["samples"] < 40, result(run)["cost"]


def check_refusals(lode):
    """A search cannot select by a test figure; what is not there is named."""
    prepare(lode)
    for words, said in {
            "evaluator.table.select=test200_c10": "expected a validation figure",
            "evaluator.table.select=val13_c10": "has no column",
            'evaluator.table.quote=["nothing"]': "has no column",
            "backbone.type=darts": "space of 6 decisions"}.items():
        lode.call("run", "truth.cfg", words).expect(USAGE, said)
    lode.call("run", "truth.cfg", "evaluator.table.file=none.bench").expect(DATA, "none.bench")
    text = (lode.folder / "t.tsv").read_text(encoding="utf-8").splitlines()
    for change, said in ((lambda line: line.replace("\t", "\tx", 1), ":2: ops"), (lambda line: line + "\t1", ":2: 27 columns"),
                         (lambda line: line.replace("60", "sixty", 1), "expected a number")):
        (lode.folder / "bad.tsv").write_text("\n".join([text[0], change(text[1])]), encoding="utf-8")
        lode.call("data", "import", "nb201", "bad.tsv", "bad.bench").expect(DATA, said)
        assert not (lode.folder / "bad.bench").exists()
    (lode.folder / "twice.tsv").write_text("\n".join([text[0], text[1], text[1]]), encoding="utf-8")
    lode.call("data", "import", "nb201", "twice.tsv", "bad.bench").expect(DATA, "twice")
    lode.call("data", "import", "nb201", "t.tsv", lode.data / "nasbench201.bench").expect(USAGE, "already there")


def check_repeats(lode):
    """Repetitions are searches of their own: the first is the one without repetition, any executor the same."""
    prepare(lode)
    words = ("truth.cfg", "stages.search.seconds=2000")
    once, many = lode.run(*words), lode.run(*words, "stages.search.repeat=9")
    table, figures = repeats(many), result(many)["figures"]
    assert len(table) == 9, table
    assert len({row["architecture"] for row in table}) > 4, table
    assert table[0]["architecture"] == once.read("search/arch.txt").decode().strip()
    assert float(table[0]["test200_c10"]) == result(once)["figures"]["test200_c10"]
    assert many.read("search/arch.txt") == once.read("search/arch.txt")
    found = [float(row["test200_c10"]) for row in table]
    mean = sum(found) / 9
    deviation = math.sqrt(sum((value - mean) ** 2 for value in found) / 8)
    assert abs(figures["test200_c10_mean"] - mean) < 1e-9 and abs(figures["test200_c10_sd"] - deviation) < 1e-9, figures
    assert abs(figures["test200_c10_ci"] - 2.306004135204166 * deviation / 3) < 1e-9, figures
    assert all(float(row["seconds"]) == 2000 for row in table), table
    assert abs(result(many)["cost"]["simulated_s"] - 9 * 2000) < 1e-6, result(many)["cost"]
    spread = lode.run(*words, "stages.search.repeat=9", "executor.type=local", "executor.local.workers=2",
                      "search.random.batch=4")
    assert all(float(row["seconds"]) == 2000 for row in repeats(spread)), repeats(spread)
    here = lode.run(*words, "stages.search.repeat=9", "search.random.batch=4")
    assert repeats(here) == repeats(spread), (repeats(here), repeats(spread))


def check_killed(lode):
    """Killed and resumed: the same repetitions, the same bill."""
    prepare(lode)
    words = ("truth.cfg", "stages.search.seconds=2500", "stages.search.repeat=12")
    whole = lode.run(*words)
    run, _ = lode.kill_at((0, 4), *words)
    lode.call("resume", run.path).expect(DONE)
    assert run.read("search/repeats.csv") == whole.read("search/repeats.csv")
    assert result(run)["cost"]["simulated_s"] == result(whole)["cost"]["simulated_s"]
    single = ("truth.cfg", "stages.search.seconds=6000")
    whole = lode.run(*single)
    run, _ = lode.kill_at((0, 9), *single)
    lode.call("resume", run.path).expect(DONE)
    for name in ("scores", "simulated_s"):
        assert result(run)["cost"][name] == result(whole)["cost"][name], name
    assert result(run)["figures"] == result(whole)["figures"] and run.metrics() == whole.metrics()


def check_contract(lode):
    prepare(lode)
    done = lode.call("check", "evaluator/table", "--set", "file=nasbench201.bench").expect(DONE)
    assert done.out.strip().splitlines()[-1].endswith("0 failed, 3 skipped"), done.out
    report = json.loads(lode.call("check", "evaluator/table", "--json").expect(DONE).out)
    assert report, "nothing was checked without a file"


if __name__ == "__main__":
    sys.exit(command.main("table", globals()))
