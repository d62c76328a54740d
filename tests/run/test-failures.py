#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bad input, full disks, damaged files, two processes: a message that says what to do, the right exit
code, and nothing half-written.

Usage: test-failures.py LODE SOURCE-ROOT [CHECK…]. Prints TAP.
"""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys

import command
from command import DATA, DONE, FAILED, PLUGIN, SMALL, STOPPED, USAGE, Run, same_results

SEARCH, TRAIN = 0, 1
QUICK = ("quickstart.cfg", *SMALL, "checkpoint=0")
# A perceptron whose weights grow a thousandfold a step.
AWAY = (
    "mlp.cfg", "data.train=128", "data.valid=0", "backbone.mlp.hidden=[8]", "fit.batch=16", "fit.rate=100",
    "fit.decay=10", "fit.clip=0", "fit.momentum=0", "fit.epochs=9")


def refused(done, code, *words):
    """Each message is one line that begins with the program's name."""
    done.expect(code, *words)
    assert not done.out, f"stdout is not empty: {done.out[:200]}"
    for line in done.err.splitlines():
        assert line.startswith("lode: "), f"not a message of ours: {line}"
    return done


def nothing_made(lode):
    assert not (lode.folder / "runs").exists(), "a run directory was made"


def check_typos(lode):
    """All slips at once, each with its place and the nearest spelling; nothing is made."""
    path = lode.folder / "mine.cfg"
    path.write_text('backbon = { type = "mlp"; };\nfit = { epoch = 3; batch = "many"; };\n', encoding="utf-8")
    done = lode.call("run", "mlp.cfg", "mine.cfg", "sed=3", "data.side=-1", "loss.type=cee")
    refused(
        done, USAGE, 'mine.cfg:1: ', 'did you mean "backbone"?', "mine.cfg:2: ", 'did you mean "epochs"?',
        "batch must be an integer", "command line: sed=3", 'did you mean "seed"?', "side = -1 is out of range",
        "cee")
    assert len(done.err.splitlines()) == 6, f"6 slips, {len(done.err.splitlines())} messages: {done.err}"
    nothing_made(lode)


def check_syntax(lode):
    path = lode.folder / "mine.cfg"
    path.write_text('experiment = "a";\nfit = { epochs = 3,5; };\n', encoding="utf-8")
    refused(lode.call("run", "mine.cfg"), USAGE, "mine.cfg:2: ")
    nothing_made(lode)


def check_usage(lode):
    refused(lode.call("run"), USAGE, "no configuration file")
    refused(lode.call("run", "mlp.cfg", "--thread", 3), USAGE, "--threads")
    refused(lode.call("run", "mlp.cfg", "--threads", -3), USAGE, "--threads")
    refused(lode.call("run", "mlp.cfg", "--json"), USAGE, "--plan")
    refused(lode.call("run", "nothing.cfg"), USAGE, "nothing.cfg", "LODE_CONF_PATH")
    refused(lode.call("resume"), USAGE, "one run directory")
    nothing_made(lode)


def check_unknown_plugin(lode):
    refused(lode.call("run", "mlp.cfg", "backbone.type=resnett"), USAGE, "command line: backbone.type=resnett", '"resnet"')
    refused(lode.call("run", "mlp.cfg", "--plugin", "loss_none.so"), PLUGIN, "loss_none.so")
    nothing_made(lode)


def check_isa(lode):
    refused(lode.call("run", *QUICK, LODE_ISA="sparc"), USAGE, "sparc", "portable")
    nothing_made(lode)


def check_combination(lode):
    refused(lode.call("run", *QUICK, "backbone.type=resnet"), USAGE, "search darts", "backbone resnet", "gates")
    refused(lode.call("run", *QUICK, "search.type=random"), USAGE, "evaluator", "lode list evaluator")
    nothing_made(lode)


def check_data(lode):
    """Missing, empty and truncated files, a wrong magic number: exit code 3 and the file's name."""
    name = "train-images-idx3-ubyte"
    for number, (damage, word) in enumerate({
            lambda path: path.unlink(): name,
            lambda path: path.write_bytes(b""): "empty",
            lambda path: path.write_bytes(path.read_bytes()[:-100]): name,
            lambda path: path.write_bytes(b"\1" + path.read_bytes()[1:]): name,
            lambda path: shutil.rmtree(path.parent): "LODE_DATA_PATH"}.items()):
        folder = lode.folder / f"data-{number}"
        shutil.copytree(lode.data / "fashion-mnist", folder / "mine")
        damage(folder / "mine" / name)
        refused_run(lode, lode.call("run", *QUICK, "data.idx.folder=mine", LODE_DATA_PATH=folder), DATA, word)
        shutil.rmtree(lode.folder / "runs")


def refused_run(lode, done, code, *words):
    """A run that began and failed: the same said by status.json."""
    done.expect(code, *words)
    status = lode.found().json("status.json")
    assert status["status"] == "failed", status
    for word in words:
        assert word in status["message"], status
    assert not done.out, done.out


def check_too_little_data(lode):
    refused_run(lode, lode.call("run", *QUICK, "data.train=5000"), USAGE, "data.train", "200")


def check_refused_options(lode):
    """A plugin that refuses what it was configured for says so as a mistake in the configuration."""
    refused_run(lode, lode.call("run", "quickstart.cfg", *SMALL, "backbone.darts.channels=5"), USAGE, "stage search", "even")


def check_no_architecture(lode):
    """A space with decisions, and no architecture to train."""
    done = lode.call("run", "mlp.cfg", "data.valid=0", "backbone.type=darts")
    refused_run(lode, done, USAGE, "stage train", "arch = ")


def check_not_finite(lode):
    """Weights that run away: where, which examples, and the last good checkpoint."""
    done = lode.call("run", *AWAY, "checkpoint=0")
    refused_run(lode, done, FAILED, "stage train, step ", "examples ", "last good checkpoint is ")
    run = lode.found()
    step = run.place()[1]
    assert f"step {step}:" in done.err and step > 1, (done.err, run.place())
    assert str(run.path / "ckpt/state.safetensors") in done.err
    refused_again = lode.call("resume", run.path).expect(FAILED, f"step {step}:")
    assert not refused_again.out
    assert not (run.path / "train/net.safetensors").exists()


def check_not_finite_at_once(lode):
    """Before any checkpoint, none is named."""
    done = lode.call("run", *AWAY, "checkpoint=1000")
    refused_run(lode, done, FAILED, "no checkpoint")


def check_unwritable(lode):
    """A file in the way, a folder that may not be written."""
    (lode.folder / "runs").write_text("")
    refused(lode.call("run", *QUICK), FAILED, str(lode.folder / "runs"))
    closed = lode.folder / "closed"
    closed.mkdir(mode=0o555)
    # Root writes wherever it likes, unless it gives its capabilities away (as another user it might not
    # be let into the folder of the command).
    bound = ["setpriv", "--bounding-set=-all"] if os.geteuid() == 0 else []
    process = subprocess.run(
        [*bound, lode.binary, "run", *QUICK], env=lode.environment(LODE_RUNS=closed / "runs"), cwd=lode.folder,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    refused(command.Done(process.returncode, process.stdout, process.stderr), FAILED, str(closed), "ermission")
    assert not list(closed.iterdir())


def check_full_disk(lode):
    """A disk that fills up at different moments; when there is room again, the run goes on."""
    whole = lode.run(*QUICK)
    for limit in (500, 3000, 30000):
        root = lode.root()
        done = lode.call("run", *QUICK, LODE_RUNS=root, limit=limit).expect(FAILED, "too large")
        assert not done.out, done.out
        command.no_leftovers(lode.folder)
        run = lode.found(root)
        for path in run.path.rglob("*.json"):
            run.json(path)
        if not (run.path / "config.cfg").exists():
            lode.call("run", *QUICK, LODE_RUNS=root).expect(DONE)
        else:
            lode.call("resume", run.path).expect(DONE)
        same_results(whole, run)


def check_held(lode):
    """Two processes, one directory: the second one is told who works there."""
    process, root = lode.begin(*QUICK, "fit.epochs=500")
    command.wait_for(process, root, lambda run: run.place() >= (SEARCH, 2))
    run = lode.found(root)
    who = (str(process.pid), socket.gethostname())
    refused(lode.call("run", *QUICK, "fit.epochs=500", LODE_RUNS=root), USAGE, "--again", *who)
    done = lode.call("resume", run.path)
    refused(done, FAILED, *who)
    assert process.poll() is None, "the first one was disturbed"
    process.send_signal(signal.SIGTERM)
    lode.ended(process).expect(STOPPED)


def check_killed_run_is_found(lode):
    """`lode run` again: a killed run is not begun again by accident."""
    run, _ = lode.kill_at((SEARCH, 2), *QUICK)
    root = run.path.parents[2]
    refused(lode.call("run", *QUICK, LODE_RUNS=root), USAGE, "killed", f"lode resume {run.path}", "--again")
    lode.call("run", "--again", *QUICK, LODE_RUNS=root).expect(DONE)
    other = Run(f"{run.path}-2")
    assert other.status() == "done" and run.status() == "running"
    lode.call("resume", run.path).expect(DONE)
    same_results(run, other)


def check_finished_run(lode):
    """A finished run stays; the same command makes another beside it, resume has nothing to do."""
    lode.call("run", *QUICK).expect(DONE)
    run = lode.found()
    before = run.read("result.json")
    refused(lode.call("resume", run.path), USAGE, "done", "nothing to resume")
    lode.call("run", *QUICK).expect(DONE)
    assert run.read("result.json") == before
    same_results(run, Run(f"{run.path}-2"))


def check_no_run(lode):
    refused(lode.call("resume", "nowhere"), USAGE, "nowhere", "config.cfg")
    (lode.folder / "empty").mkdir()
    refused(lode.call("resume", "empty"), USAGE, "empty", "config.cfg")


def check_plugin_changed(lode):
    """Other plugins would give other bits: refused by name, unless forced."""
    plugins = lode.folder / "plugins"
    shutil.copytree(os.environ["LODE_PLUGIN_PATH"], plugins, ignore=lambda _, names: [
        name for name in names if not name.endswith(".so")])
    run, _ = lode.kill_at((SEARCH, 2), *QUICK, LODE_PLUGIN_PATH=plugins)
    with open(plugins / "sampler_full.so", "ab") as file:
        file.write(b"\0")
    before = run.read("ckpt/state.safetensors")
    done = lode.call("resume", run.path, LODE_PLUGIN_PATH=plugins)
    refused(done, USAGE, "sampler full", "sha256", "--force")
    assert run.read("ckpt/state.safetensors") == before and run.status() == "running"
    lode.call("resume", "--force", run.path, LODE_PLUGIN_PATH=plugins).expect(DONE)


def check_other_machine(lode):
    """Another processor level, BLAS kernel or version, or nothing known of them."""
    run, _ = lode.kill_at((SEARCH, 2), *QUICK)
    text = run.read("env.json").decode()
    for key in ("isa", "blas", "lode"):
        was = run.json("env.json")[key]
        (run.path / "env.json").write_text(text.replace(f'"{was}"', '"another"'), encoding="utf-8")
        refused(lode.call("resume", run.path), USAGE, "another", was, "--force")
        (run.path / "env.json").write_text(text, encoding="utf-8")
    refused(lode.call("resume", run.path, LODE_ISA="portable"), USAGE, "portable", "--force")
    (run.path / "env.json").write_text("{", encoding="utf-8")
    refused(lode.call("resume", run.path), USAGE, "env.json", "--force")


def check_data_changed(lode):
    """The same name, other pixels."""
    folder = lode.folder / "data"
    shutil.copytree(lode.data / "fashion-mnist", folder / "fashion-mnist")
    run, _ = lode.kill_at((SEARCH, 2), *QUICK, LODE_DATA_PATH=folder)
    path = folder / "fashion-mnist/train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-5000] + bytes(5000))
    lode.call("resume", run.path, LODE_DATA_PATH=folder).expect(DATA, "sha256")


def check_damaged_checkpoint(lode):
    """Whatever happened to the file, it is named, and what it stood for is not touched."""
    run, _ = lode.kill_at((SEARCH, 2), *QUICK)
    path = run.path / "ckpt/state.safetensors"
    whole = path.read_bytes()
    damages = (b"", whole[:5], whole[:len(whole) // 2], b"x" * 200, whole[:200] + b"\xff" * 9 + whole[209:], whole + b"1")
    for damaged in damages:
        path.write_bytes(damaged)
        refused(lode.call("resume", "-q", run.path), FAILED, "state.safetensors")
        assert path.read_bytes() == damaged
    path.write_bytes(whole)
    lode.call("resume", run.path).expect(DONE)


def check_damaged_status(lode):
    """`lode run` does not guess what an unreadable status says."""
    run, _ = lode.kill_at((SEARCH, 2), *QUICK)
    (run.path / "status.json").write_text("{", encoding="utf-8")
    refused(lode.call("run", *QUICK, LODE_RUNS=run.path.parents[2]), FAILED, "status.json")
    lode.call("resume", run.path).expect(DONE)


def check_files_cut(lode):
    """Files that the checkpoint knows to be longer were changed by someone."""
    words = (*QUICK, "sampler.type=uniform", "sampler.uniform.size=0.5", "fit.epochs=20")
    for name in ("metrics.jsonl", "search/trajectory.csv", "search/subset.bin"):
        run, _ = lode.kill_at((SEARCH, 7), *words)
        path = pathlib.Path(run.path / name)
        path.write_bytes(path.read_bytes()[:5])
        lode.call("resume", run.path).expect(FAILED, name)


def check_damaged_config(lode):
    run, _ = lode.kill_at((SEARCH, 2), *QUICK)
    (run.path / "config.cfg").write_text("experiment = ", encoding="utf-8")
    refused(lode.call("resume", run.path), USAGE, "config.cfg:1")


if __name__ == "__main__":
    sys.exit(command.main("failures", globals()))
