#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `lode compare` makes of runs whose figures are known: groups, pairs, verdicts, refusals, forms.

Usage: test-compare.py LODE SOURCE-ROOT [CHECK…]. Prints TAP. LODE_TEST_COMPARE=10000 times as many runs.
"""
import csv
import io
import json
import os
import pathlib
import re
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "run"))
import command
from command import DONE, USAGE

CONFIG = """experiment = "made";
label = "{label}";
runs = "";
seed = {seed};
search_seed = {search};
train_seed = {train};
threads = 0;
checkpoint = 60.0;
stages = {{
  search = {{
    type = "search";
    data = {{ type = "idx"; idx = {{ folder = "fashion-mnist"; }}; train = 4000.0; side = 14; }};
    backbone = {{ type = "darts"; darts = {{ channels = 8; cells = 5; }}; }};
    search = {{ type = "{method}"; {method} = {{ order = {order}; }}; }};
    executor = {{ type = "{executor}"; }};
    fit = {{ epochs = {search_epochs}; batch = 64; }};
  }};
  train = {{
    type = "train";
    arch = "search";
    data = {{ type = "idx"; idx = {{ folder = "fashion-mnist"; }}; train = 24000.0; side = 28; }};
    backbone = {{ type = "darts"; darts = {{ channels = 8; cells = 5; }}; }};
    fit = {{ epochs = {epochs}; batch = 48; }};
  }};
  test = {{
    type = "evaluate";
    net = "train";
    data = {{ type = "idx"; idx = {{ folder = "fashion-mnist"; }}; train = 24000.0; side = 28; }};
    fit = {{ epochs = {epochs}; batch = 48; }};
  }};
}};
"""
DEFAULTS = {"label": "main", "method": "random", "order": 1, "executor": "here", "search_epochs": 8, "epochs": 4}


def stage(kind, figures, search=None, space=None, **cost):
    plugins = {"dataset": "idx", "backbone": "darts", "loss": "ce", "sampler": "full", "stage": kind}
    if search:
        plugins["search"] = search
    spent = {"samples": 1000, "distinct": 500, "labels": 600, "macs": 10 ** 12, "scores": 0, "cpu_s": 10.5, "wall_s": 11.0}
    spent.update(cost)
    result = {"plugins": plugins, "data": {"type": "idx", "sha256": "ab12", "height": 28, "test": 10000}}
    if search:
        result["space"] = {"decisions": 28, "log10_architectures": 18.0, **(space or {})}
    return {**result, "figures": figures, "cost": spent, "peak_memory_bytes": 200000000}


def make(root, name, seed, accuracy, search=None, train=None, sha="ab12", decisions=28, balanced=None, **changes):
    """A run with those figures, as the command would have left it."""
    settings = {**DEFAULTS, **changes}
    folder = root / settings["label"] / f"s{seed}-{name}"
    folder.mkdir(parents=True, exist_ok=True)
    seeds = {"seed": seed, "search": -1 if search is None else search, "train": -1 if train is None else train}
    (folder / "config.cfg").write_text(CONFIG.format(**settings, **seeds))
    stages = {
        "search": stage("search", {"macs": 5e6, "params": 9e4}, search=settings["method"], cpu_s=100.0, macs=2 * 10 ** 13,
                        space={"decisions": decisions}),
        "train": stage("train", {"valid_accuracy": accuracy - 0.01, "macs": 6e6, "params": 8.8e4}),
        "test": stage("evaluate", {"test_accuracy": accuracy, "test_balanced_accuracy": balanced or accuracy,
                                   "test_loss": 1 - accuracy}, cpu_s=1.0),
    }
    stages["test"]["data"]["sha256"] = sha
    result = {"experiment": "made", "label": settings["label"], "seed": seed,
              "search_seed": seed if search is None else search, "train_seed": seed if train is None else train,
              "stages": stages}
    (folder / "result.json").write_text(json.dumps(result, indent=2))
    return folder


def compared(lode, *words):
    return json.loads(lode.call("compare", "--json", *words).expect(DONE).out)


def arms(root, values, **more):
    """Runs of several methods: name → accuracies by seed from 1 on."""
    for name, accuracies in values.items():
        for seed, accuracy in enumerate(accuracies, 1):
            make(root, name, seed, accuracy, label=name, method=name, **more)


def check_arms(lode):
    """Groups by label, paired by seed, differences and tests as computed by hand."""
    arms(lode.folder / "runs", {"alpha": [0.90, 0.91, 0.92, 0.90, 0.91, 0.90], "beta": [0.88, 0.90, 0.89, 0.89, 0.90, 0.87]})
    found = compared(lode, "runs")
    assert [(group["group"], group["runs"], group["seeds"]) for group in found["groups"]] == [("alpha", 6, 6), ("beta", 6, 6)]
    group = found["groups"][0]
    assert abs(group["metric_mean"] - 5.44 / 6) < 1e-12 and abs(group["metric_sd"] - 0.00816496580927726) < 1e-12, group
    assert (group["search_cpu_s_mean"], group["search_macs_mean"], group["final_cpu_s_mean"]) == (100, 2e13, 10.5), group
    assert (group["labels_mean"], group["params_mean"], group["macs_mean"]) == (600, 8.8e4, 6e6), group
    pair, = found["pairs"]
    assert (pair["a"], pair["b"], pair["pairs"], pair["seeds"]) == ("beta", "alpha", 6, 6), pair
    assert abs(pair["difference"] + 0.11 / 6) < 1e-12 and pair["p"] == 2 / 64 and pair["p_holm"] == 2 / 64, pair
    assert pair["low"] < pair["difference"] < pair["high"] < 0 and pair["wins"] == 0, pair
    assert (pair["verdict"], pair["better"]) == ("better", "alpha"), pair
    text = lode.call("compare", "runs").expect(DONE, "alpha better", "90.67 ± 0.82", "beta − alpha", "set train_seed apart")
    assert "12 runs in 2 groups" in text.err
    wilcoxon = compared(lode, "runs", "--test", "wilcoxon")["pairs"][0]
    assert wilcoxon["p"] == 2 / 64 and wilcoxon["test"] == "wilcoxon"
    loss = compared(lode, "runs", "--metric", "test_loss")["pairs"][0]
    assert loss["better"] == "alpha" and loss["difference"] > 0 and loss["wins"] == 0, loss


def check_few(lode):
    """Four seeds: numbers, no verdict, however clear they look."""
    arms(lode.folder / "runs", {"alpha": [0.9, 0.91, 0.92, 0.9], "beta": [0.5, 0.51, 0.52, 0.5]})
    pair, = compared(lode, "runs")["pairs"]
    assert pair["verdict"] == "too-few" and pair["better"] is None and pair["low"] is not None, pair
    lode.call("compare", "runs").expect(DONE, "no verdict: 4 independent pairs")


def check_leans(lode):
    """Five seeds whose interval leaves 0 out: a leaning, since five cannot give p below 0.0625."""
    arms(lode.folder / "runs", {"alpha": [0.90, 0.91, 0.92, 0.90, 0.91], "beta": [0.88, 0.90, 0.89, 0.89, 0.90]})
    pair, = compared(lode, "runs")["pairs"]
    assert pair["p"] == 0.0625 and (pair["verdict"], pair["better"]) == ("leans", "alpha"), pair
    lode.call("compare", "runs").expect(DONE, "leans to alpha: 5 pairs cannot tell more")


def check_crossing(lode):
    """Never "better" where the interval holds 0, whichever way and at whatever size."""
    import random
    rng = random.Random(3)
    for case in range(12):
        root = lode.folder / f"runs{case}"
        seeds = rng.choice((5, 7, 12))
        shift = rng.choice((0.0, 0.003, 0.01))
        arms(root, {"alpha": [0.9 + rng.gauss(shift, 0.01) for _ in range(seeds)],
                    "beta": [0.9 + rng.gauss(0, 0.01) for _ in range(seeds)]})
        pair, = compared(lode, root)["pairs"]
        crosses = pair["low"] <= 0 <= pair["high"]
        assert crosses == (pair["verdict"] == "none"), pair
        assert pair["verdict"] != "better" or pair["p_holm"] <= 0.05, pair
        if pair["better"]:
            assert pair["better"] == (pair["a"] if pair["difference"] > 0 else pair["b"]), pair


def check_other_factors(lode):
    """By one factor, pairs hold the other too; those that share a seed count as one."""
    root = lode.folder / "runs"
    for method, plus in (("alpha", 0.02), ("beta", 0.0)):
        for epochs in (5, 10, 20):
            for seed in range(1, 6):
                make(root, f"{method}{epochs}", seed, 0.8 + plus + epochs / 1000 + seed * seed / 10000,
                     method=method, search_epochs=epochs)
    found = compared(lode, "runs", "--by", "search.type")
    assert found["by"] == ["stages.search.search.type"] and any("fit.epochs" in path for path in found["paired_by"]), found["by"]
    pair, = found["pairs"]
    assert pair["pairs"] == 15 and pair["seeds"] == 5 and abs(pair["difference"] + 0.02) < 1e-12, pair
    assert pair["verdict"] == "leans", "fifteen pairs of five seeds are five"
    assert [group["seeds"] for group in found["groups"]] == [5, 5] and found["groups"][0]["runs"] == 15
    assert found["groups"][0]["group"] == "search.type=alpha"
    everything = compared(lode, "runs")
    assert len(everything["groups"]) == 6 and len(everything["pairs"]) == 15
    names = [group["group"] for group in everything["groups"]]
    assert len(set(names)) == 6 and all("fit.epochs=" in name for name in names), names
    lode.call("compare", "runs", "--by", "fit.rate").expect(USAGE, "the same in all of these runs; what differs is", "search.type")


def check_holm(lode):
    """Three groups: p values of three comparisons are corrected together; a baseline leaves two."""
    arms(lode.folder / "runs", {
        "alpha": [0.90, 0.91, 0.92, 0.90, 0.91, 0.92, 0.9], "beta": [0.88, 0.90, 0.89, 0.89, 0.90, 0.9, 0.87],
        "gamma": [0.91, 0.9, 0.92, 0.91, 0.9, 0.91, 0.91]})
    found = {(pair["a"], pair["b"]): pair for pair in compared(lode, "runs")["pairs"]}
    p = sorted(pair["p"] for pair in found.values())
    assert sorted(pair["p_holm"] for pair in found.values()) == [3 * p[0], max(3 * p[0], min(1, 2 * p[1])), max(p[2], 2 * p[1])], p
    pairs = compared(lode, "runs", "--baseline", "beta")["pairs"]
    assert [(pair["a"], pair["b"]) for pair in pairs] == [("alpha", "beta"), ("gamma", "beta")]
    lode.call("compare", "runs", "--baseline", "delta").expect(USAGE, "no group is called so")


def check_mixed(lode):
    """Other data, space or recipe: refused, by name; --force mixes, --by compares."""
    cases = {"recipe": {"epochs": 9}, "data": {"sha": "cd34"}, "space": {"decisions": 14}}
    for number, (part, change) in enumerate(cases.items()):
        root = lode.folder / f"runs{number}"
        arms(root, {"alpha": [0.9] * 5})
        arms(root, {"beta": [0.8] * 5}, **change)
        lode.call("compare", root).expect(USAGE, "not of one benchmark", part)
        done = lode.call("compare", root, "--force").expect(DONE, "mixed all the same")
        assert part in done.err
    lode.call("compare", lode.folder / "runs0", "--by", "fit.epochs").expect(DONE, "fit.epochs=9")
    root = lode.folder / "method"  # how a search goes about it is its own affair
    arms(root, {"alpha": [0.9] * 5})
    arms(root, {"beta": [0.8] * 5}, search_epochs=99, executor="local")
    lode.call("compare", root).expect(DONE)


def check_executor(lode):
    """Where jobs ran makes no group of its own."""
    root = lode.folder / "runs"
    for seed in range(1, 7):
        make(root, "a", seed, 0.9, executor="here" if seed % 2 else "local")
    found = compared(lode, "runs")
    assert len(found["groups"]) == 1 and found["groups"][0]["runs"] == 6 and found["pairs"] == []
    lode.call("compare", "runs").expect(DONE, "90.00 ± 0.00")


def check_variance(lode):
    """Search and training seeds apart: shares of the variance, crossed and nested."""
    crossed, nested = lode.folder / "crossed", lode.folder / "nested"
    for search in range(1, 5):
        for train in range(1, 4):
            value = 0.8 + 0.01 * search + 0.001 * train
            make(crossed, f"t{train}", 1, value, search=search, train=train, label=f"l{search}{train}")
            make(nested, f"t{train}", 1, value, search=search, train=10 * search + train, label=f"l{search}{train}")
    # rows 4, columns 3, exactly additive: components are the variances of the effects, nothing is left
    group = compared(lode, crossed)["groups"][0]
    assert group["variance_design"] == "crossed" and group["runs"] == 12 and group["seeds"] == 4, group
    assert abs(group["variance_search_seed"] - 1e-4 * 5 / 3) < 1e-12 and abs(group["variance_training_seed"] - 1e-6) < 1e-12
    assert abs(group["variance_together"]) < 1e-12
    lode.call("compare", crossed).expect(DONE, "99 %", "1 %", "variance of group")
    group = compared(lode, nested)["groups"][0]
    assert group["variance_design"] == "nested" and abs(group["variance_training_seed"] - 1e-6) < 1e-12, group
    assert abs(group["variance_search_seed"] - (1e-4 * 5 / 3 - 1e-6 / 3)) < 1e-12, group


def check_repeated(lode):
    """A run that was made twice counts once; unfinished and damaged ones are named."""
    root = lode.folder / "runs"
    arms(root, {"alpha": [0.9, 0.91, 0.92, 0.93, 0.94]})
    make(root, "alpha-2", 1, 0.95, label="alpha", method="alpha")
    (root / "alpha" / "s9-open").mkdir()
    (root / "alpha" / "s9-open" / "config.cfg").write_text("x = 1;")
    broken = make(root, "broken", 7, 0.5, label="alpha")
    (broken / "result.json").write_text('{ "seed": 1, "stages": { "search": {')
    done = lode.call("compare", "runs").expect(DONE, "1 runs repeat others", "1 runs are not done", "left out:")
    assert "93.00 ± 1.58" in done.out, done.out
    lode.call("compare", "nowhere").expect(USAGE, "there is no folder")
    (lode.folder / "empty").mkdir()
    lode.call("compare", "empty").expect(USAGE, "no finished runs")
    lode.call("compare", "runs", "--metric", "beauty").expect(USAGE, "has a figure beauty")
    lode.call("compare", "runs", "--format", "html").expect(USAGE, "expected text, csv")


def check_forms(lode):
    """Every form holds the same numbers and can be read back."""
    for seed in range(1, 7):
        for order, label in enumerate(("al_pha", "be,ta")):
            make(lode.folder / "runs", "x", seed, 0.9 + order / 50 + seed * (order + 1) / 1000, label=label, order=order)
    found = compared(lode, "runs")
    text = lode.call("compare", "runs", "--format", "csv").expect(DONE).out
    groups, pairs = (list(csv.DictReader(io.StringIO(part))) for part in text.split("\n\n"))
    assert [row["group"] for row in groups] == ["al_pha", "be,ta"], groups
    for row, group in zip(groups + pairs, found["groups"] + found["pairs"]):
        for name, value in row.items():
            expected = group[name]
            same = value == (expected or "") if isinstance(expected, (str, type(None))) else abs(float(value) - expected) <= 1e-12 * max(1, abs(expected))
            assert same, (name, value, expected)
    markdown = lode.call("compare", "runs", "--format", "markdown").expect(DONE).out.splitlines()
    assert len({line.count("|") for line in markdown[:4]}) == 1 and markdown[1].startswith("|---|---:|"), markdown
    latex = lode.call("compare", "runs", "--format", "latex").expect(DONE).out
    assert latex.count("\\begin{tabular}") == latex.count("\\end{tabular}") == 2 and "al\\_pha" in latex and "$\\pm$" in latex
    rows = [line for line in latex.splitlines() if line.endswith("\\\\")]
    columns = [len(spec) for spec in re.findall(r"\{tabular\}\{(l[r]*)\}", latex)]
    assert [row.count(" & ") + 1 for row in rows[:3]] == [columns[0]] * 3 and "%" not in latex.replace("\\%", "")


def check_many(lode):
    """Thousands of runs, in few large groups and in many small ones."""
    many = int(os.environ.get("LODE_TEST_COMPARE", "400"))
    import random
    rng = random.Random(1)
    for name, groups in (("few", 8), ("many", many // 5)):
        root = lode.folder / name
        for group in range(groups):
            for seed in range(many // groups):
                make(root, f"{group:04}", seed, 0.9 + group / 1e5 + rng.gauss(0, 0.01), order=group)
        begun = time.monotonic()
        found = compared(lode, root)
        spent = time.monotonic() - begun
        print(f"# {groups} groups of {many // groups} runs: {spent:.2f} s, {len(found['pairs'])} pairs")
        assert len(found["groups"]) == groups and sum(group["runs"] for group in found["groups"]) == many // groups * groups
        assert spent < 5, spent


def check_real(lode):
    """Runs that the command made itself, from a sweep to the table."""
    words = ("quickstart.cfg", *command.SMALL, "search.type=darts,random", "evaluator.type=train", "data.valid=16", "seed=1..5")
    done = lode.call("sweep", *words, "--jobs", 2, LODE_RUNS=lode.folder / "runs").expect(DONE)
    line = done.out.split("try next\n")[1].split()
    lode.call(*line[1:], cwd=lode.folder).expect(DONE, "search.type=darts", "search.type=random")
    found = compared(lode, "--by", "search.type", "runs")
    assert [group["runs"] for group in found["groups"]] == [5, 5] and found["pairs"][0]["seeds"] == 5
    for group in found["groups"]:
        for column in ("test_accuracy", "search_cpu_s", "search_macs", "final_macs", "labels", "distinct", "params", "peak_memory_bytes"):
            assert group[f"{column}_mean"] > 0, column


if __name__ == "__main__":
    sys.exit(command.main("compare", globals()))
