#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every file of conf/ runs, at reduced size and on data made up in the right format.

Usage: test-conf.py LODE SOURCE-ROOT [CHECK…]. Prints TAP.
"""
import json
import pathlib
import re
import sys

import command
from command import DONE

# What makes a run small. Only options that a file could set somewhere are listed; each is set for the
# experiment and again for every stage, which may have set it too.
FIT = ("fit.epochs=1", "fit.batch=16")
DATA = ("data.train=64", "data.test=20")
BACKBONES = {
    "darts": ("channels=4", "cells=3"),
    "nb201": ("channels=4", "cells=1"),
    "resnet": ("depth=8", "width=4"),
    "mlp": ("hidden=[8]",),
    "conv4": ("filters=4",),
    "chain": ("slots=2", "widths=[2,3]", "halve_at=[0]"),
    "tas-resnet": ("depth=8", "width=4"),
}
SEARCHES = {"random": ("trials=2", "batch=2"), "ea": ("scores=4", "population=2", "parents=2")}


def chosen(text, group):
    found = re.search(rf'^{group} = {{[^}}]*?type = "([-\w]+)"', text, re.M)
    return found and found[1]


def reductions(text):
    backbone, search = chosen(text, "backbone"), chosen(text, "search")
    words = [*FIT, *DATA, *(("data.valid=16",) if "valid" in text else ())]
    words += ["fit.milestones=[0.5]"] if "milestones" in text else []
    words += [f"backbone.{backbone}.{option}" for option in BACKBONES.get(backbone, ())]
    words += [f"search.{search}.{option}" for option in SEARCHES.get(search, ())]
    below = text[text.index("stages = {"):]
    stages = re.findall(r"^  (\w+) = {", below, re.M)
    words += [f"stages.{stage}.{word}" for stage in stages for word in words if not word.startswith("search")]
    # a stage's search of its own
    for stage, own in re.findall(r'^  (\w+) = {(?:(?!^  }|};$).)*?search = { type = "(\w+)"', below, re.M | re.S):
        words += [f"stages.{stage}.search.{own}.{option}" for option in SEARCHES.get(own, ())]
    return words


def check_of(path):
    def check(lode):
        text = path.read_text(encoding="utf-8")
        run = lode.run(path.name, *reductions(text))
        figures = run.json("result.json")["stages"]
        if "test" in figures:
            assert 0 <= figures["test"]["figures"]["test_accuracy"] <= 1, figures
        first = next(iter(figures))
        assert figures[first]["cost"]["samples"] >= 32, figures
        if "search" in figures:
            assert run.json("search/arch.json")["text"] == run.read("search/arch.txt").decode().strip()
        # What the run resolved is complete: it is the same experiment again, found by its hash.
        again = lode.call("run", run.path / "config.cfg", LODE_RUNS=run.path.parents[2]).expect(DONE)
        other = command.Run(f"{run.path}-2")
        assert other.read("config.cfg") == run.read("config.cfg"), again.err
        if "train" in figures:
            assert other.read("train/net.safetensors") == run.read("train/net.safetensors")
        for stage in figures:
            assert other.json("result.json")["stages"][stage]["figures"] == figures[stage]["figures"]

    return check


def check_study(path):
    """A study: the size that is made to be a test, all arms, from the first run to the table."""

    def check(lode):
        name = f"studies/{path.name}"
        sizes = [json.loads(lode.call("sweep", name, "--size", size, "--list", "--json").expect(DONE).out)
                 for size in ("smoke", "hour", "full")]
        arms = [{point["words"].split()[0] for point in points} for points in sizes]
        assert arms[0] == arms[1] == arms[2] and len(arms[0]) > 1, arms
        done = lode.call("sweep", name, "--size", "smoke", "--jobs", 2).expect(DONE, "0 failed")
        folder = done.out.split("lode compare ")[1].strip()
        table = json.loads(lode.call("compare", "--json", folder).expect(DONE).out)
        assert {f"arm={group['group']}" for group in table["groups"]} == arms[0], table["groups"]
        assert all(pair["seeds"] >= 2 for pair in table["pairs"]), table["pairs"]

    return check


def check_table(path):
    """A table: what there is to train, with all that it is made of there."""

    def check(lode):
        command.write_idx(lode.data / "fashion-mnist", train=30000)
        out = lode.call("data", "build-table", f"tables/{path.name}", "--list").expect(DONE).out
        assert re.match(r"\d+ architectures, \d+ networks, \d+ trainings, 0 of them done", out), out

    return check


def main():
    files = sorted((pathlib.Path(sys.argv[2]) / "conf").rglob("*.cfg"))
    studies = [path for path in files if path.parent.name == "studies"]
    tables = [path for path in files if path.parent.name == "tables"]
    files = [path for path in files if path not in studies + tables]
    assert files, "conf/ is empty"

    def with_cifar(check):
        def checked(lode):
            command.write_cifar10(lode.data / "cifar10")
            command.write_manifest(lode.data / "pictures", each=60, colour=True)
            command.write_table(lode.data / "table.csv", rows=200)
            command.write_benchmark(lode)
            check(lode)

        return checked

    checks = {f"check_{path.stem}": with_cifar(check_of(path)) for path in files}
    checks.update({f"check_table_{path.stem}": check_table(path) for path in tables})
    checks.update({f"check_study_{path.stem}": with_cifar(check_study(path)) for path in studies})
    return command.main("conf", checks)


if __name__ == "__main__":
    sys.exit(main())
