#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Scores made by worker processes: the same bits and the same costs as in one process, whatever dies.

Usage: test-workers.py LODE SOURCE-ROOT [CHECK…]. Prints TAP.
"""
import os
import pathlib
import signal
import sys
import time

import command
from command import DONE, SMALL, STOPPED

SCORES = (
    "random.cfg", *SMALL, "search.random.trials=7", "search.random.batch=4", "data.valid=32",
    "stages.train.data.arch=0", "fit.epochs=3", "checkpoint=0")
LOCAL = (*SCORES, "executor.type=local", "executor.local.workers=3")
TIMES = ("seconds", "cost_cpu_s")
_whole = {}


def figures(run):
    """Everything of a run that no clock measured."""
    result = run.json("result.json")
    for stage in result["stages"].values():
        for name in ("cpu_s", "wall_s"):
            assert stage["cost"].pop(name) >= 0
        stage["plugins"].pop("executor", None)
        stage.pop("peak_memory_bytes")
    scores = sorted(({key: value for key, value in score.items() if key not in TIMES and not key.startswith("cost")}
                     for score in run.scores()), key=lambda score: score["key"])
    return result, scores, run.read("search/arch.txt"), run.read("train/net.safetensors"), run.metrics()


def whole(lode):
    """What one process gives."""
    if not _whole:
        run = lode.run(*SCORES)
        _whole["figures"] = figures(run)
        _whole["cpu"] = run.json("result.json")["stages"]["search"]["cost"]["cpu_s"]
    return _whole["figures"]


def sums(run):
    scores = run.scores()
    return {name: sum(score[name] for score in scores) for name in ("cost_samples", "cost_macs", "cost_labels")}


def check_same(lode):
    """One process, one worker, three: the same results, and all that the workers spent is in the ledger."""
    for workers in (1, 3):
        run = lode.run(*LOCAL, f"executor.local.workers={workers}")
        assert figures(run) == whole(lode), f"{workers} workers give something else"
        cost = run.json("result.json")["stages"]["search"]["cost"]
        assert cost["scores"] == 7 and cost["distinct"] == 96 and cost["labels"] == 128, cost
        assert sums(run) == {"cost_samples": cost["samples"], "cost_macs": cost["macs"], "cost_labels": cost["labels"]}
        assert cost["cpu_s"] > _whole["cpu"] / 3, f"{cost['cpu_s']} of {_whole['cpu']} seconds"


def check_sampler(lode):
    """With a sampler that draws, scores stay the same, and their selections are nobody's file."""
    words = (*SCORES, "sampler.type=uniform", "sampler.uniform.size=0.5", "sampler.uniform.resample=true")
    one, three = lode.run(*words), lode.run(*words, "executor.type=local", "executor.local.workers=3")
    assert figures(one) == figures(three)
    assert not (one.path / "search/subset.bin").exists() and not (three.path / "search/subset.bin").exists()
    assert one.read("train/subset.bin") == three.read("train/subset.bin")


def children(pid):
    try:
        return [int(word) for word in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def scored(root, count):
    files = list(root.glob("*/*/s*/search/scores.jsonl"))
    return files and files[0].read_bytes().count(b"\n") >= count


def begin(lode, count):
    """A run with workers, once it has so many scores."""
    process, root = lode.begin(*LOCAL, "fit.epochs=30")
    while not scored(root, count):
        assert process.poll() is None, "the run ended too early"
        time.sleep(0.001)
    return process, root


def long_run(lode):
    if "long" not in _whole:
        _whole["long"] = figures(lode.run(*SCORES, "fit.epochs=30"))
    return _whole["long"]


def check_worker_killed(lode):
    """Two workers that die cost nothing but time: their jobs are given again."""
    process, root = begin(lode, 1)
    killed = 0
    for _ in range(2):
        for child in children(process.pid)[:1]:
            os.kill(child, signal.SIGKILL)
            killed += 1
        time.sleep(0.05)
    assert killed, "there was no worker"
    lode.ended(process).expect(DONE)
    assert figures(lode.found(root)) == long_run(lode)


def check_killed(lode):
    """The run is killed while scores are made: no worker outlives it, what was scored is kept."""
    process, root = begin(lode, 2)
    workers = children(process.pid)
    process.kill()
    lode.ended(process)
    deadline = time.monotonic() + 20
    while any(pathlib.Path(f"/proc/{pid}/cmdline").exists() and pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
              for pid in workers):
        assert time.monotonic() < deadline, "a worker outlives its run"
        time.sleep(0.01)
    run = lode.found(root)
    kept = run.scores()
    assert 2 <= len(kept) < 7, len(kept)
    lode.call("resume", run.path).expect(DONE)
    assert run.scores()[:len(kept)] == kept and len(run.scores()) == 7, "scores were lost or made again"
    assert figures(run) == long_run(lode)


def check_terminated(lode):
    """TERM: what is being scored is noted, nothing more is begun."""
    process, root = begin(lode, 1)
    process.send_signal(signal.SIGTERM)
    lode.ended(process).expect(STOPPED)
    run = lode.found(root)
    kept = run.scores()
    assert 1 <= len(kept) < 7, len(kept)
    lode.call("resume", run.path).expect(DONE)
    assert run.scores()[:len(kept)] == kept and figures(run) == long_run(lode)




if __name__ == "__main__":
    sys.exit(command.main("workers", globals()))
