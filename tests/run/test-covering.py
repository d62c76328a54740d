#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Any search with any sampler, loss, backbone and data set: it runs, or is refused for a reason.

All pairs of plugins that `lode list` names are covered by rows of one plugin a kind. A row that makes
three steps covers its pairs; a refusal covers the pair that it names, and the row's others are left for
rows without it. A new plugin joins by existing; a data set that needs options, by a line in OPTIONS.

Usage: test-covering.py LODE SOURCE-ROOT [CHECK…]. Prints TAP.
"""
import itertools
import json
import random
import signal
import sys

import command
from command import DONE, STOPPED, USAGE

# What data sets cannot do without, written by `prepare` below.
OPTIONS = {
    "idx": ["data.idx.folder=fashion-mnist"],
    "cifar": ["data.cifar.folder=cifar10"],
    "folder": ["data.folder.folder=pictures"],
    "manifest": ["data.manifest.file=listed/manifest.csv"],
    "npy": ["data.npy.file=arrays"],
    "omniglot": ["data.omniglot.folder=omniglot"],
    "table": ["data.table.file=table.csv"],
}
GROUP = {"dataset": "data"}
KINDS = ("search", "sampler", "loss", "backbone", "dataset", "evaluator")
SMALL = ("data.train=60", "data.valid=0.34", "data.arch=0.5", "data.side=16", "fit.batch=4", "fit.epochs=1")
STEPS = 3
CONFIGURATION = 'experiment = "covering";\nstages = { search = { type = "search"; }; };\n'


def prepare(lode):
    command.write_cifar10(lode.data / "cifar10", a_file=20)
    command.write_pictures(lode.data / "pictures", each=30)
    command.write_manifest(lode.data / "listed", each=30, colour=True)
    command.write_arrays(lode.data / "arrays")
    command.write_omniglot(lode.data / "omniglot")
    command.write_table(lode.data / "table.csv")
    command.write_benchmark(lode)
    (lode.folder / "covering.cfg").write_text(CONFIGURATION, encoding="utf-8")


def plugins(lode):
    found = json.loads(lode.call("list", "--json").expect(DONE).out)
    return {kind: sorted(entry["name"] for entry in found if entry["kind"] == kind) for kind in KINDS}


def pairs(row):
    return {frozenset(pair) for pair in itertools.combinations(row, 2)}


def complete(pair, names, todo, refused, rng):
    """The row of all kinds with that pair that covers most pairs to do, of some tried; or None: every
    one holds a refused pair."""
    best, most = None, -1
    given = dict(pair)
    for _ in range(200):
        row = [(kind, given[kind] if kind in given else rng.choice(names[kind])) for kind in KINDS]
        new = len(pairs(row) & todo)
        if new > most and not pairs(row) & refused:
            best, most = row, new
    return best


def step(lode, row, number):
    """The command on a row, ended after so many steps: its exit code, messages, and whether it made them."""
    words = [f"{GROUP.get(kind, kind)}.type={name}" for kind, name in row]
    words += [word for kind, name in row if kind == "dataset" for word in OPTIONS.get(name, ())]
    root = lode.root()
    process = lode.start("run", "covering.cfg", *SMALL, *words, f"label=row-{number}", "checkpoint=0", LODE_RUNS=root)
    try:
        command.wait_for(process, root, lambda run: run.place() >= (0, STEPS))
        process.send_signal(signal.SIGTERM)
    except command.Ended:
        pass
    done = lode.ended(process)
    ran = done.code in (DONE, STOPPED)
    assert not ran or lode.found(root).place() >= (0, STEPS), f"{words}: less than {STEPS} steps"
    return done, ran


def reason(row, said):
    """The plugins that a refusal names, as "kind name"."""
    return [(kind, name) for kind, name in row if f"{kind} {name}" in said or f"{kind}/{name}" in said]


def drop(entry, names, todo):
    """A plugin that this stage has no place for is out of all pairs."""
    names[entry[0]].remove(entry[1])
    todo -= {pair for pair in todo if entry in pair}


def cover(lode, names, todo):
    """Covers all pairs to do; gives rows that ran, and refused pairs with what was said."""
    rng, refused, ran, number = random.Random(1), {}, 0, 0
    while todo:
        pair = min(todo, key=sorted)
        row = complete(pair, names, todo, set(refused), rng)
        if not row:
            todo.discard(pair)
            continue
        number += 1
        done, well = step(lode, row, number)
        if well:
            todo -= pairs(row)
            ran += 1
            continue
        done.expect(USAGE)
        named = reason(row, done.err)
        if len(named) == 1 and "stage search does not give" in done.err:
            drop(named[0], names, todo)
            refused[frozenset(named)] = done.err
            continue
        assert len(named) == 2, f"{row} was refused, but the reason does not name two of its plugins: {done.err}"
        refused[frozenset(named)] = done.err
        todo.discard(frozenset(named))
    return ran, refused


def check_pairs(lode):
    prepare(lode)
    names = plugins(lode)
    assert all(names.values()), f"a kind without a plugin: {names}"
    every = [(kind, name) for kind in KINDS for name in names[kind]]
    todo = {frozenset(pair) for pair in itertools.combinations(every, 2) if pair[0][0] != pair[1][0]}
    count = len(todo)
    ran, refused = cover(lode, names, todo)
    print(f"# {count} pairs: {ran} rows ran, {len(refused)} pairs were refused")
    for said in refused.values():
        print(f"# {said.strip().splitlines()[-1]}")
    assert ran, "nothing ran"


if __name__ == "__main__":
    sys.exit(command.main("covering", globals()))
