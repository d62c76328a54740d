#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The same seed gives the same bits: for any number of threads, killed, stopped and resumed anywhere.

Usage: test-resume.py LODE SOURCE-ROOT [CHECK…]. Prints TAP.
"""
import signal
import sys
import time

import command
from command import DONE, FAILED, SMALL, STOPPED, Run, same_results

SEARCH, TRAIN, TEST = 0, 1, 2
QUICK = ("quickstart.cfg", *SMALL, "checkpoint=0")
# Random search whose scores take a while: five trainings, in steps of three and two.
SCORES = (
    "random.cfg", *SMALL, "search.random.trials=5", "search.random.batch=3", "data.valid=32",
    "stages.train.data.arch=0", "fit.epochs=3", "checkpoint=0")
_whole = {}


def whole(lode, words=QUICK):
    """The run of these words that nothing interrupts, made once."""
    if words not in _whole:
        run = lode.run(*words)
        names = ["ckpt/state.safetensors", "search/arch.txt", "search/trajectory.csv", "train/net.safetensors"]
        names += ["search/scores.jsonl"] if words == SCORES else []
        _whole[words] = Kept(run, names)
    return _whole[words]


class Kept(Run):
    """Files of a run whose folder is gone."""

    def __init__(self, run, names):
        super().__init__(run.path)
        self.leaf = run.path.relative_to(run.path.parents[2])
        self.names = names
        self.files = {name: run.read(name) for name in (*names, "metrics.jsonl")}

    def read(self, name):
        return self.files[name]


def resume(lode, run, *words, code=DONE):
    lode.call("resume", run.path, *words).expect(code)
    assert run.status() == "done", run.status()


def obstructed(lode, words, *more, name="search/arch.txt"):
    """A run that cannot hand on what its stage found: its checkpoint is that of the last step but one."""
    root = lode.root()
    run = Run(root / whole(lode, words).leaf)
    run.obstruct(name)
    lode.call("run", *words, *more, LODE_RUNS=root).expect(FAILED, name)
    assert run.status() == "failed", run.status()
    return run


def check_threads(lode):
    """1, 2 and 4 threads: the same results, and the same state of all in the midst of both stages."""
    for threads in (1, 2, 4):
        same_results(whole(lode), lode.run(*QUICK, "--threads", threads))
    for name in ("search/arch.txt", "train/net.safetensors"):
        states = [
            obstructed(lode, QUICK, "--threads", threads, name=name).read("ckpt/state.safetensors")
            for threads in (1, 2, 4)]
        assert len(states[0]) > 20000, "the checkpoint holds next to nothing"
        assert states[0] == states[1] == states[2], f"the state before {name} depends on the threads"


def check_killed_in_search(lode):
    run, _ = lode.kill_at((SEARCH, 3), *QUICK)
    assert run.status() == "running" and run.place()[0] == SEARCH, (run.status(), run.place())
    resume(lode, run)
    same_results(whole(lode), run, *whole(lode).names)


def check_killed_in_training(lode):
    run, _ = lode.kill_at((TRAIN, 3), *QUICK)
    assert run.place()[0] == TRAIN, run.place()
    resume(lode, run)
    same_results(whole(lode), run, *whole(lode).names)


def check_killed_between(lode):
    run, _ = lode.kill_at((TRAIN, 0), *QUICK)
    resume(lode, run)
    same_results(whole(lode), run, *whole(lode).names)


def check_killed_three_times(lode):
    """Killed in every stage, resumed with another number of threads each time."""
    run, _ = lode.kill_at((SEARCH, 2), *QUICK)
    for threads, place in ((2, (SEARCH, 5)), (1, (TRAIN, 4))):
        process = lode.start("resume", run.path, "--threads", threads)
        command.wait_for(process, run.path.parents[2], lambda run, place=place: run.place() >= place)
        process.kill()
        lode.ended(process)
    resume(lode, run)
    same_results(whole(lode), run, *whole(lode).names)


def check_killed_before_a_checkpoint(lode):
    """Nothing was saved: the resumed run begins again, and cuts off what the first one wrote."""
    words = [*QUICK, "checkpoint=1000"]
    process, root = lode.begin(*words)
    command.wait_for(process, root, lambda run: (run.path / "search/trajectory.csv").exists())
    process.kill()
    lode.ended(process)
    run = lode.found(root)
    resume(lode, run)
    same_results(whole(lode), run, *whole(lode).names)


def check_terminated(lode):
    """TERM: a checkpoint, exit code 75, a status that says so, and how to go on."""
    run, done = lode.kill_at((SEARCH, 3), *QUICK, sign=signal.SIGTERM)
    done.expect(STOPPED, "checkpoint", f"lode resume {run.path}")
    assert run.status() == "checkpointed", run.status()
    assert run.place()[0] == SEARCH, run.place()
    resume(lode, run)
    same_results(whole(lode), run, *whole(lode).names)


def check_interrupted(lode):
    """INT: the same as TERM; without a wish for checkpoints, the signal makes the only one."""
    process, root = lode.begin(*QUICK, "checkpoint=1000")
    command.wait_for(process, root, lambda run: (run.path / "search/trajectory.csv").exists())
    process.send_signal(signal.SIGINT)
    lode.ended(process).expect(STOPPED)
    run = lode.found(root)
    assert run.place() > (0, 0), "no checkpoint was made"
    resume(lode, run)
    same_results(whole(lode), run, *whole(lode).names)


def check_resumed_from_elsewhere(lode):
    """A run moved to another folder goes on from another working directory."""
    run, _ = lode.kill_at((TRAIN, 2), *QUICK)
    moved = lode.folder / "moved é"
    run.path.rename(moved)
    other = lode.folder / "other"
    other.mkdir()
    lode.call("resume", "../moved é", cwd=other).expect(DONE)
    same_results(whole(lode), Run(moved), *whole(lode).names)


def check_obstacle_removed(lode):
    """What failed for a reason outside of it goes on when the reason is gone."""
    run = obstructed(lode, QUICK, name="train/net.safetensors")
    run.clear("train/net.safetensors")
    resume(lode, run)
    same_results(whole(lode), run, *whole(lode).names)


def check_second_order(lode):
    """So does a search of second order: mid-state and results."""
    words = (*QUICK, "search.darts.order=2")
    run, _ = lode.kill_at((SEARCH, 2), *words)
    resume(lode, run)
    same_results(whole(lode, words), run)
    states = [obstructed(lode, words, "--threads", threads).read("ckpt/state.safetensors") for threads in (1, 2)]
    assert states[0] == states[1], "the state depends on the threads"


def check_probes_leave_no_trace(lode):
    """With an architecture that does not move, second order trains the weights as first order does:
    its passes at other weights leave weights, momenta and statistics bit for bit untouched."""
    first, second = (
        obstructed(lode, (*QUICK, "search.darts.rate=1e-300", f"search.darts.order={order}")).tensors()
        for order in (1, 2))
    kept = [name for name in first if name.startswith(("net.", "optim.", "search.alpha"))]
    assert sum(len(first[name]) for name in kept) > 20000, "next to nothing was compared"
    assert set(first) == set(second), set(first) ^ set(second)
    for name in kept:
        assert first[name] == second[name], f"{name} was changed"
    moving = obstructed(lode, (*QUICK, "search.darts.order=2")).tensors()
    assert moving["search.alpha"] != second["search.alpha"], "the architecture never moves"


def wait_for_scores(process, root, count):
    def reached(run):
        path = run.path / "search/scores.jsonl"
        return path.exists() and path.read_bytes().count(b"\n") >= count

    command.wait_for(process, root, reached)


def without_times(scores):
    return [{key: value for key, value in score.items() if key not in ("seconds", "cost_cpu_s")} for score in scores]


def killed_between_scores(lode, sign):
    """What was scored is kept, nothing is scored twice, and the ledger counts each score once."""
    process, root = lode.begin(*SCORES)
    wait_for_scores(process, root, 2)
    process.send_signal(sign)
    done = lode.ended(process)
    run = lode.found(root)
    kept = run.scores()
    assert 2 <= len(kept) < 5, f"{len(kept)} scores"
    resume(lode, run)
    scores = run.scores()
    assert scores[:len(kept)] == kept, "scores were lost or made again"
    keys = [score["key"] for score in scores]
    assert len(keys) == len(set(keys)), "scored twice"
    assert without_times(scores) == without_times(whole(lode, SCORES).scores())
    same_results(whole(lode, SCORES), run, *whole(lode, SCORES).names[:4])
    cost = run.json("result.json")["stages"]["search"]["cost"]
    assert cost["scores"] == 5 and cost["distinct"] == 96 and cost["labels"] == 128, cost
    return done


def check_scores_killed(lode):
    killed_between_scores(lode, signal.SIGKILL)


def check_scores_terminated(lode):
    killed_between_scores(lode, signal.SIGTERM).expect(STOPPED)


def check_half_a_score(lode):
    """A line of which only half was written is scored again, whole ones are not."""
    process, root = lode.begin(*SCORES)
    wait_for_scores(process, root, 2)
    process.kill()
    lode.ended(process)
    run = lode.found(root)
    path = run.path / "search/scores.jsonl"
    kept = path.read_bytes()
    path.write_bytes(kept[:-20])
    resume(lode, run)
    assert path.read_bytes().startswith(kept[:kept[:-1].rindex(b"\n") + 1])
    assert without_times(run.scores()) == without_times(whole(lode, SCORES).scores())


def check_subset(lode):
    """The selections of a sampler are written down as without the kill."""
    words = (*QUICK, "sampler.type=uniform", "sampler.uniform.size=0.5", "sampler.uniform.resample=true")
    plain = lode.run(*words)
    assert len(plain.read("search/subset.bin")) == 2 * (8 + 12 * 32), "not two selections of 32 examples"
    run, _ = lode.kill_at((SEARCH, 3), *words)
    resume(lode, run)
    same_results(plain, run, "search/subset.bin", "train/subset.bin", "train/net.safetensors")


def check_heartbeat(lode):
    """status.json says where a run is while it goes."""
    process, root = lode.begin(*QUICK, "fit.epochs=200")
    command.wait_for(process, root, lambda run: run.place() >= (SEARCH, 2))
    status = lode.found(root).json("status.json")
    assert status["status"] == "running" and status["stage"] == "search" and status["pid"] == process.pid, status
    assert abs(status["updated"] - time.time()) < 60, status
    process.kill()
    lode.ended(process)


if __name__ == "__main__":
    sys.exit(command.main("resume", globals()))
