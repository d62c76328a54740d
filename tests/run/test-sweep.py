#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sweeps: what they expand to, that they go on after anything, and that several on one folder of runs
do each run exactly once, whoever is killed.

Usage: test-sweep.py LODE SOURCE-ROOT [CHECK…]. Prints TAP. LODE_TEST_CONTEST="200 8 120" (runs, sweeps,
kills) makes the contest as large as that.
"""
import collections
import json
import os
import pathlib
import random
import re
import signal
import sys
import time

import command
from command import DONE, FAILED, STOPPED, USAGE, Run

TINY = """
experiment = "tiny";
data = { type = "noise"; noise = { side = 8; channels = 1; }; train = 64; valid = 16; };
backbone = { type = "mlp"; mlp = { hidden = [ 8 ]; }; };
fit = { epochs = 2; batch = 16; };
stages = { train = { type = "train"; }; test = { type = "evaluate"; net = "train"; }; };
"""
STUDY = TINY.replace('"tiny"', '"study"') + """
sweep = {
  arms = {
    slow = { fit = { rate = 0.01; }; };
    fast = { fit = { rate = 0.1; }; label = "quick"; };
  };
  seeds = "1..3";
  axes = ( { path = "fit.momentum"; values = [ 0.0, 0.9 ]; } );
  sizes = {
    smoke = { fit = { epochs = 1; }; sweep = { seeds = "1..2"; arms = { fast = { fit = { rate = 0.2; }; }; }; }; };
    full = { };
  };
};
"""


def prepare(lode, text=TINY, name="tiny.cfg"):
    (lode.folder / name).write_text(text, encoding="utf-8")
    return name


def listed(lode, *words, **more):
    return json.loads(lode.call("sweep", *words, "--list", "--json", **more).expect(DONE).out)


def words_of(points):
    return [point["words"] for point in points]


def check_grid(lode):
    """Combinations of all axes, in their order; lists in brackets and texts in quotes are values."""
    name = prepare(lode)
    points = listed(lode, name, "fit.rate=0.1,0.05", "seed=1..5..2", "fit.epochs=1")
    assert words_of(points) == [f"fit.rate={rate} seed={seed}" for rate in ("0.1", "0.05") for seed in (1, 3, 5)]
    assert {point["state"] for point in points} == {"open"}
    assert len({point["path"] for point in points}) == 6
    points = listed(lode, name, "backbone.mlp.hidden=[8,4],[6]", 'label="a","b"', "fit.epochs=2")
    assert words_of(points) == [
        f'backbone.mlp.hidden={hidden} label="{label}"' for hidden in ("[8,4]", "[6]") for label in "ab"]
    assert words_of(listed(lode, name)) == ["the only run"]
    assert not (lode.folder / "runs").exists(), "--list makes files"


def check_zip(lode):
    name = prepare(lode)
    points = listed(lode, name, "--zip", "fit.rate=0.1,0.05", "fit.epochs=3,5", "seed=1,2")
    assert words_of(points) == [
        f"fit.rate={rate} fit.epochs={epochs} seed={seed}" for rate, epochs in (("0.1", 3), ("0.05", 5)) for seed in (1, 2)]
    lode.call("sweep", name, "--zip", "fit.rate=0.1,0.05", "fit.epochs=3,5,7").expect(USAGE, "has 3 values")


def check_study(lode):
    """Arms, seeds, axes and sizes of a file; the command line takes the place of an axis."""
    name = prepare(lode, STUDY, "study.cfg")
    lode.call("sweep", name).expect(USAGE, "choose one of smoke, full with --size")
    lode.call("sweep", name, "--size", "tiny").expect(USAGE, "there are smoke, full")
    points = listed(lode, name, "--size", "full")
    assert len(points) == 12 and points[0]["words"] == "arm=slow seed=1 fit.momentum=0", points[0]
    assert "/study/slow/s1-" in points[0]["path"] and "/study/quick/s1-" in points[6]["path"], points
    assert len(listed(lode, name, "--size", "smoke")) == 8
    assert len(listed(lode, name, "--size", "smoke", "seed=1..4", "fit.momentum=0.5,0.6,0.7")) == 24
    assert words_of(listed(lode, name, "--size", "smoke", "seed=7"))[:2] == [
        "arm=slow seed=7 fit.momentum=0", "arm=slow seed=7 fit.momentum=0.9"]
    lode.call("sweep", name, "--size", "smoke", "--jobs", 2).expect(DONE, "8 runs: 8 done (8 now), 0 failed")
    run = Run(listed(lode, name, "--size", "smoke")[-1]["path"])
    config = run.read("config.cfg").decode()
    assert "rate = 0.2" in config and "epochs = 1;" in config and "momentum = 0.9" in config, config
    lode.call("run", name).expect(USAGE, "lode sweep study.cfg")


def check_mistakes(lode):
    """All mistakes before any run begins, each once, with the point that has it."""
    name = prepare(lode)
    done = lode.call("sweep", name, "fit.rat=1,2", "seed=1..3").expect(USAGE, "fit.rat=1 seed=1", 'did you mean "rate"')
    assert len(done.err.splitlines()) == 2, done.err
    for words, said in ((("fit.rate=1,1",), "twice"), (("seed=5..1",), "a range like 1..5"), (("fit.rate=0.1,",), "missing"),
                        (("seed=0..1000000",), "a range like"), (("checkpoint=1,2",), "are the same run"),
                        (("seed=1,2", "--jobs", "-1"), "--jobs"), (("seed=1,2", "--executor", "her"), "here")):
        lode.call("sweep", name, *words).expect(4 if "--executor" in words else USAGE, said)
    lode.call("sweep", "seed=1..3").expect(USAGE, "no configuration file")
    text = TINY + "sweep = { seed = 3; arms = { a = 1; }; axes = [ 1 ]; };"
    lode.call("sweep", prepare(lode, text, "bad.cfg")).expect(
        USAGE, 'did you mean "seeds"', "the arm a must be a group", "expected { path =")
    assert not list((lode.folder / "runs").rglob("status.json")), "a run was begun"


def check_again(lode):
    """What is done stays; a larger sweep does what it adds; a run of `lode run` counts too."""
    name = prepare(lode)
    lode.call("run", name, "fit.rate=0.1", "seed=2").expect(DONE)
    lode.call("sweep", name, "fit.rate=0.1,0.05", "seed=1..2", "--jobs", 2).expect(DONE, "4 runs: 4 done (3 now)")
    before = {path: path.read_bytes() for path in (lode.folder / "runs").rglob("result.json")}
    lode.call("sweep", name, "fit.rate=0.1,0.05", "seed=1..2").expect(DONE, "4 done (0 now)")
    lode.call("sweep", name, "fit.rate=0.1,0.05", "seed=1..3").expect(DONE, "6 done (2 now)")
    assert all(path.read_bytes() == text for path, text in before.items())


def check_failures(lode):
    """One arm fails: it is said at once and at the end, the others are done; --retry goes on with it."""
    name = prepare(lode)
    points = listed(lode, name, "seed=1..5")
    blocked = Run(points[1]["path"])
    blocked.obstruct("train/net.safetensors")
    done = lode.call("sweep", name, "seed=1..5", "--jobs", 2).expect(FAILED, "5 runs: 4 done (4 now), 1 failed", "failed     seed=2")
    assert "lode: failed: seed=2" in done.err and blocked.status() == "failed"
    again = lode.call("sweep", name, "seed=1..5").expect(FAILED, "4 done (0 now), 1 failed", "net.safetensors")
    assert "lode: failed" not in again.err
    blocked.clear("train/net.safetensors")
    lode.call("sweep", name, "seed=1..5", "--retry").expect(DONE, "5 done (1 now), 0 failed")


def check_same_bits(lode):
    """A run of a sweep is the run of `lode run`, bit for bit, in worker processes and here."""
    name = prepare(lode)
    plain = lode.run(name, "seed=2")
    for executor in ("local", "here"):
        root = lode.root()
        lode.call("sweep", name, "seed=1..3", "--executor", executor, LODE_RUNS=root).expect(DONE)
        run = Run(root / plain.path.relative_to(plain.path.parents[2]))
        command.same_results(plain, run, "train/net.safetensors", "config.cfg", "ckpt/state.safetensors")
        assert (run.path / "report.html").exists() and run.read("overrides.txt") == plain.read("overrides.txt")


def check_seeds(lode):
    """Search and training have seeds of their own, which are the run's unless told otherwise."""
    words = ("quickstart.cfg", *command.SMALL)
    plain = lode.run(*words)
    same = lode.run(*words, "search_seed=1", "train_seed=1")
    command.same_results(plain, same)
    trained = lode.run(*words, "train_seed=7")
    assert trained.read("search/arch.txt") == plain.read("search/arch.txt")
    assert trained.read("search/trajectory.csv") == plain.read("search/trajectory.csv")
    assert trained.read("train/net.safetensors") != plain.read("train/net.safetensors")
    searched = lode.run(*words, "search_seed=7")
    assert searched.metrics()[0] != plain.metrics()[0], "the search did not notice its seed"
    result = trained.json("result.json")
    assert (result["seed"], result["search_seed"], result["train_seed"]) == (1, 1, 7), result
    assert 0 <= result["stages"]["test"]["figures"]["test_balanced_accuracy"] <= 1


def check_stopped(lode):
    """TERM: every run makes a checkpoint; the same command goes on and ends with the same bits."""
    name = prepare(lode)
    words = (name, "fit.epochs=3000", "seed=1..3", "--jobs", 2, "checkpoint=1000")
    whole = lode.root()
    lode.call("sweep", *words, LODE_RUNS=whole).expect(DONE)
    process = lode.start("sweep", *words)
    deadline = time.monotonic() + 30
    while len(list((lode.folder / "runs").rglob("metrics.jsonl"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    done = lode.ended(process).expect(STOPPED, "stopped with checkpoints", "3 to go")
    states = [Run(path.parent).status() for path in (lode.folder / "runs").rglob("status.json")]
    assert states == ["checkpointed"] * 2, (states, done.err)
    lode.call("sweep", *words).expect(DONE, "3 done (3 now)")
    for path in sorted((lode.folder / "runs").rglob("net.safetensors")):
        assert path.read_bytes() == (whole / path.relative_to(lode.folder / "runs")).read_bytes(), path


def children(pid):
    try:
        return [int(word) for word in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def check_deadly(lode):
    """A run whose workers die again and again is a failure of that run; the others are done."""
    name = prepare(lode)
    words = (name, "fit.epochs=1,1500", "--jobs", 2, "seed=1")
    process = lode.start("sweep", *words)
    victim = pathlib.Path(listed(lode, *words)[1]["path"])
    killed = set()
    while process.poll() is None:
        try:
            holder = json.loads((victim / "hold").read_text())["pid"]
        except (FileNotFoundError, ValueError):
            holder = None
        if holder and holder not in killed:
            killed.add(holder)
            os.kill(holder, signal.SIGKILL)
        time.sleep(0.005)
    lode.ended(process).expect(FAILED, "1 done (1 now), 1 failed", "was lost 3 times", "signal 9")
    assert len(killed) == 3, killed
    lode.call("sweep", *words).expect(DONE, "2 runs: 2 done (1 now), 0 failed")


def strike(processes, rng):
    """Kills a sweep or one of its workers; whether it was a sweep."""
    alive = [process for process in processes if process.poll() is None]
    if not alive:
        return None
    process = rng.choice(alive)
    workers = children(process.pid)
    if workers and rng.random() < 0.5:
        try:
            os.kill(rng.choice(workers), signal.SIGKILL)
        except ProcessLookupError:
            pass
        return False
    process.kill()
    return True


def ended_runs(text):
    return re.findall(r"^lode: \[\d+/\d+\] (seed=\d+) done in", text, re.M)


def contest(lode, runs, sweeps, kills):
    """Sweeps of the same runs side by side, of which one after the other is killed and begun again."""
    rng = random.Random(7)
    name = prepare(lode)
    words = ("sweep", name, f"seed=1..{runs}", "fit.epochs=30", "checkpoint=0", "--jobs", 1)
    processes = [lode.start(*words) for _ in range(sweeps)]
    said, sweeps_killed, workers_killed = [], 0, 0
    for _ in range(kills):
        time.sleep(rng.uniform(0.01, 0.12))
        struck = strike(processes, rng)
        if struck is None:
            break
        workers_killed += not struck
        sweeps_killed += struck
        for i, process in enumerate(processes):
            if process.poll() is not None:
                said.append(lode.ended(process).err)
                processes[i] = lode.start(*words)
    codes = collections.Counter()
    for process in processes:
        done = lode.ended(process, timeout=280)
        codes[done.code] += 1
        said.append(done.err)
    lode.call(*words).expect(DONE, f"{runs} runs: {runs} done (", "0 failed")
    for path in (lode.folder / "runs/tiny").glob("sweep-*.new"):
        path.unlink()  # of a sweep that was killed as it began; the next one after ten minutes removes it
    print(f"# {runs} runs, {sweeps} sweeps: {sweeps_killed} sweeps and {workers_killed} workers killed; codes {dict(codes)}")
    return collections.Counter(run for text in said for run in ended_runs(text))


def check_contest(lode):
    """Every run is done exactly once, none is lost, none is torn: the bits are those of a lone sweep."""
    runs, sweeps, kills = map(int, os.environ.get("LODE_TEST_CONTEST", "24 4 16").split())
    ended = contest(lode, runs, sweeps, kills)
    assert max(ended.values()) == 1, f"done twice: {ended.most_common(3)}"
    points = listed(lode, "tiny.cfg", f"seed=1..{runs}", "fit.epochs=30", "checkpoint=0")
    assert [point["state"] for point in points] == ["done"] * runs
    found = sorted((lode.folder / "runs/tiny/main").iterdir())
    assert sorted(str(path) for path in found) == sorted(point["path"] for point in points), "runs too many"
    whole = lode.root()
    lode.call("sweep", "tiny.cfg", f"seed=1..{runs}", "fit.epochs=30", "checkpoint=0", LODE_RUNS=whole).expect(DONE)
    for path in found:
        one, other = Run(path), Run(whole / "tiny/main" / path.name)
        command.same_results(one, other, "train/net.safetensors", "ckpt/state.safetensors", "config.cfg")
        stages = one.json("result.json")["stages"], other.json("result.json")["stages"]
        assert all(stages[0][name]["figures"] == stages[1][name]["figures"] for name in stages[1])
        for name, stage in stages[1].items():
            counted = [{key: value for key, value in stages[k][name]["cost"].items() if not key.endswith("_s")} for k in (0, 1)]
            assert counted[0] == counted[1], (path, stage)
    print(f"# {sum(ended.values())} endings were told, {len(found)} runs are there")


def states(lode, *words):
    found = json.loads(lode.call("status", "--json", *words).expect(DONE).out)
    return {run["path"].split("/")[-1].split("-")[0]: run for run in found}


def check_status(lode):
    """What runs, waits, was killed, failed, stopped and is done, with the time that is left."""
    name = prepare(lode)
    lode.call("status").expect(USAGE, "there is no folder")
    words = (name, "fit.epochs=2000", "checkpoint=0.05")
    points = listed(lode, *words, "seed=1..6")
    Run(points[1]["path"]).obstruct("train/net.safetensors")
    lode.call("sweep", *words, "seed=1..2", "--jobs", 2).expect(FAILED)
    process = lode.start("sweep", *words, "seed=1..6", "--jobs", 1)
    running = pathlib.Path(points[2]["path"])
    while not (running / "ckpt/state.safetensors").exists():
        assert process.poll() is None
        time.sleep(0.01)
    found = states(lode)
    assert {seed: run["state"] for seed, run in found.items()} == {
        "s1": "done", "s2": "failed", "s3": "running", "s4": "queued", "s5": "queued", "s6": "queued"}, found
    assert found["s3"]["pid"] == children(process.pid)[0] and found["s3"]["stage"] == "train", found["s3"]
    took = found["s1"]["seconds"]
    assert took > 0 and abs(found["s4"]["seconds_left"] - took) < 1e-6, (found["s1"], found["s4"])
    assert 0 <= found["s3"]["seconds_left"] <= took, found["s3"]
    assert "folder is in the way" in found["s2"]["message"] and found["s4"]["words"].startswith("seed=4"), found
    table = lode.call("status").expect(DONE, "tiny/main", "is in the way", "running")
    assert re.search(r"tiny/main +1 +3 +– +– +1 +1 ", table.out), table.out
    assert "queued  " not in table.out.split("\n\n")[1] and "queued  " in lode.call("status", "--all").out
    process.kill()
    lode.ended(process)
    assert states(lode)["s3"]["state"] == "stale"
    lode.call("resume", running).expect(DONE)
    found = states(lode, lode.folder / "runs/tiny/main")
    assert found["s3"]["state"] == "done" and len(found) == 3, "below a label there are no manifests"


def check_waits(lode):
    """A sweep that has nothing left but what another works on waits for it, and takes over if it dies."""
    name = prepare(lode)
    words = (name, "fit.epochs=150", "seed=1..1", "checkpoint=0")
    first = lode.start("sweep", *words)
    deadline = time.monotonic() + 30
    while not list((lode.folder / "runs").rglob("state.safetensors")) and time.monotonic() < deadline:
        time.sleep(0.01)
    second = lode.start("sweep", *words)
    time.sleep(0.3)
    first.kill()
    lode.ended(first)
    done = lode.ended(second).expect(DONE, "1 done (1 now)")
    assert "waiting for 1 run" in done.err, done.err


if __name__ == "__main__":
    sys.exit(command.main("sweep", globals()))
