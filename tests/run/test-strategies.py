#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every search goes on after a kill with the same bits, keeps to its budget, and hands on what it found.

Usage: test-strategies.py LODE SOURCE-ROOT [CHECK…]. Prints TAP.
"""
import csv
import io
import json
import sys

import command
from command import DONE, USAGE, Run, same_results

SMALL = ("data.train=128", "data.valid=32", "data.side=14", "fit.epochs=3", "fit.batch=16")
CELLS = ("backbone.type=nb201", "backbone.nb201.channels=4", "backbone.nb201.cells=1", "backbone.nb201.stem_stride=2")
ONE = 'experiment = "one";\ndata = { type = "idx"; idx = { folder = "fashion-mnist"; }; };\nstages = { search = { type = "search"; }; };\n'
SCORED = (*CELLS, "evaluator.type=train", "fit.epochs=1", "data.train=64")
GRADIENT = (*CELLS, "data.arch=0.5")
# Of each search: its options, and a checkpoint to be killed at.
SEARCHES = {
    "random": (SCORED, ("trials=6",)),
    "ea": (SCORED, ("scores=9", "population=4", "sample=2", "batch=2")),
    "reinforce": (SCORED, ("trials=8", "batch=2")),
    "spos": (CELLS, ("sampling=fair",)),
    "darts": (GRADIENT, ("curvature=1", "skip_aid=1", "shrink=5")),
    "pdarts": (GRADIENT, ("cells=[1,2,3]", "keep=[3,2]", "skip_dropout=[0.0,0.4,0.7]", "warmup=1", "group=cell")),
    "tas": (("backbone.type=tas-resnet", "backbone.tas-resnet.depth=8", "backbone.tas-resnet.width=4", "data.arch=0.5"), ()),
}


def words(lode, name, *more):
    (lode.folder / "one.cfg").write_text(ONE, encoding="utf-8")
    groups, options = SEARCHES[name]
    return ("one.cfg", *SMALL, *groups, f"search.type={name}", *(f"search.{name}.{option}" for option in options), *more)


def resumed(name):
    """Killed at several places and resumed: the same architecture, net, figures and measured values."""

    def check(lode):
        files = ["search/arch.txt", "search/trajectory.csv"]
        whole = lode.run(*words(lode, name, "checkpoint=0"))
        if (whole.path / "search/shared.safetensors").exists():
            files.append("search/shared.safetensors")
        assert len(files) == 3 or name in ("random", "ea", "reinforce"), "no super-network was handed on"
        for step in (1, 3):
            run, _ = lode.kill_at((0, step), *words(lode, name))
            lode.call("resume", run.path, "--threads", 1).expect(DONE)
            assert run.status() == "done"
            same_results(whole, run, *files)
            one, other = whole.json("result.json"), run.json("result.json")
            assert one["stages"]["search"]["figures"] == other["stages"]["search"]["figures"]
            for cost in ("scores", "samples", "macs", "labels"):
                assert one["stages"]["search"]["cost"][cost] == other["stages"]["search"]["cost"][cost], cost

    return check


def check_resumed_stage(lode):
    """Killed within each of three stages that search in deeper and deeper networks."""
    whole = lode.run(*words(lode, "pdarts", "checkpoint=0"))
    stages = [line["stage"] for line in whole.metrics() if "stage" in line]
    assert stages, "nothing was reported"
    for step in (4, 14, 24):
        run, _ = lode.kill_at((0, step), *words(lode, "pdarts"))
        lode.call("resume", run.path).expect(DONE)
        same_results(whole, run, "search/arch.txt", "search/shared.safetensors")


def spent(run):
    return run.json("result.json")["stages"]["search"]["cost"]


def check_budgets(lode):
    """A search ends behind the step in which a budget is spent, the same one every time."""
    full = spent(lode.run(*words(lode, "spos")))
    for budget, value in (("samples", full["samples"] // 2), ("macs", full["macs"] // 2)):
        runs = [lode.run(*words(lode, "spos", f"stages.search.{budget}={value}")) for _ in range(2)]
        cost = [spent(run)[budget] for run in runs]
        assert value <= cost[0] < 0.7 * full[budget] and cost[0] == cost[1], (budget, value, cost)
        same_results(*runs, "search/arch.txt", "search/shared.safetensors")
    run = lode.run(*words(lode, "ea", "stages.search.scores=6"))
    assert 6 <= spent(run)["scores"] <= 7, spent(run)
    assert run.json("result.json")["stages"]["search"]["figures"]["best_score"] == max(
        score["value"] for score in run.scores())


def check_never_twice(lode):
    """Evolution scores no canonical form twice."""
    run = lode.run(*words(lode, "ea", "search.ea.mode=generations", "search.ea.parents=2", "search.ea.scores=16"))
    keys = [score["key"] for score in run.scores()]
    assert len(keys) == 16 == len(set(keys)), keys


def check_repeat(lode):
    """Repetition i is what a run with its seed plus i finds; nothing else changes."""
    base = words(lode, "ea", "search.ea.scores=5")
    many = lode.run(*base, "stages.search.repeat=3", "seed=7")
    rows = list(csv.DictReader(io.StringIO(many.read("search/repeats.csv").decode())))
    assert [row["repetition"] for row in rows] == ["0", "1", "2"], rows
    assert all(row["scores"] == "5" for row in rows), rows
    single = lode.run(*base, "seed=7")
    figure = single.json("result.json")["stages"]["search"]["figures"]["best_score"]
    assert float(rows[0]["best_score"]) == figure, (rows[0], figure)
    assert rows[0]["architecture"] == single.read("search/arch.txt").decode().strip()
    other = lode.run(*base, "search_seed=8", "seed=7")
    assert float(rows[1]["best_score"]) == other.json("result.json")["stages"]["search"]["figures"]["best_score"]
    figures = many.json("result.json")["stages"]["search"]["figures"]
    mean = sum(float(row["best_score"]) for row in rows) / 3
    assert abs(figures["best_score_mean"] - mean) < 1e-12, figures
    run, _ = lode.kill_at((0, 1), *base, "stages.search.repeat=3", "seed=7")
    lode.call("resume", run.path).expect(DONE)
    again = list(csv.DictReader(io.StringIO(run.read("search/repeats.csv").decode())))
    strip = [{key: value for key, value in row.items() if key != "seconds"} for row in rows]
    assert strip == [{key: value for key, value in row.items() if key != "seconds"} for row in again]


def check_guard_changes_nothing(lode):
    """Looking at the curvature moves no bit of the search."""
    plain, watched = (
        lode.run(*words(lode, "darts", f"search.darts.curvature={every}", "search.darts.curvature_ratio=0"))
        for every in (0, 1))
    same = [line for line in plain.metrics()]
    look = [line for line in watched.metrics()]
    assert plain.read("search/shared.safetensors") == watched.read("search/shared.safetensors")
    assert any("curvature" in json.dumps(line) for line in look) and not any("curvature" in json.dumps(line) for line in same)


def check_teacher(lode):
    """A student hears its teacher: without, it is refused; with, it differs from one that learns alone;
    killed and resumed, it is the same."""
    stages = ("stages.teacher.type=train", "stages.teacher.arch=search", "stages.student.type=train",
              "stages.student.arch=search", "stages.student.loss.type=kd")
    base = words(lode, "random", "search.random.trials=1", *stages)
    lode.call("run", *base, LODE_RUNS=lode.root()).expect(USAGE, "loss kd needs a teacher")
    files = ("student/net.safetensors", "teacher/net.safetensors")
    whole = lode.run(*base, "stages.student.teacher=teacher")
    alone = lode.run(*base, "stages.student.teacher=teacher", "stages.student.loss.kd.weight=0")
    assert whole.read(files[0]) != alone.read(files[0]), "the teacher is not heard"
    assert whole.read(files[1]) == alone.read(files[1])
    run, _ = lode.kill_at((2, 2), *base, "stages.student.teacher=teacher")
    lode.call("resume", run.path).expect(DONE)
    same_results(whole, run, *files)
    assert isinstance(run, Run)


def check_chosen(lode):
    """Evolution among the paths of a trained super-network: scores by its weights, planned and run, the
    net unharmed; a kill between generations changes nothing."""
    stages = ("stages.pick.type=search", "stages.pick.net=search", "stages.pick.search.type=ea",
              "stages.pick.search.ea.mode=generations", "stages.pick.search.ea.scores=12",
              "stages.pick.search.ea.population=4", "stages.pick.search.ea.parents=2",
              "stages.pick.evaluator.type=shared", "stages.pick.evaluator.shared.recalibrate=2")
    base = words(lode, "spos", *stages)
    lode.call("run", *base, "--plan", LODE_RUNS=lode.root()).expect(DONE)
    whole = lode.run(*base)
    assert len(whole.scores("pick")) == 12
    run, _ = lode.kill_at((1, 1), *base)
    lode.call("resume", run.path).expect(DONE)
    same_results(whole, run, "search/shared.safetensors", "pick/arch.txt", "pick/trajectory.csv")
    values = [[score["value"] for score in one.scores("pick")] for one in (whole, run)]
    assert values[0] == values[1] and len(set(values[0])) > 1, values


CHECKS = {f"check_resumed_{name}": resumed(name) for name in SEARCHES}

if __name__ == "__main__":
    sys.exit(command.main("strategies", {**CHECKS, **globals()}))
