# SPDX-License-Identifier: Apache-2.0
"""Run directories for the tests of `lode report`, in the layout that the core writes."""
import json
import math
import pathlib

# Stands in every text of the nasty fixture: markup, entities, quotes, a letter beyond ASCII, a control.
NASTY = "<script>alert(1)</script> & \"two\" 'one' </style> é \x01"

SVG = """<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">
<!-- Title: cells -->
<svg width="216pt" height="80pt" viewBox="0 0 216 80" xmlns="http://www.w3.org/2000/svg"
 xmlns:xlink="http://www.w3.org/1999/xlink" onload="alert(1)">
<script>alert(1)</script>
<style>@import url(http://example.org/x.css);</style>
<g id="graph0" class="graph" transform="translate(4 76)">
<title>cells</title>
<polygon fill="white" stroke="transparent" points="-4,4 -4,-76 212,-76 212,4 -4,4"/>
<g id="node1" class="node"><title>a</title>
<a xlink:href="http://example.org/" xlink:title="a">
<ellipse fill="#cfe3cf" stroke="black" cx="40" cy="-36" rx="27" ry="18" onclick="alert(1)"/></a>
<text text-anchor="middle" x="40" y="-32" font-size="14">c_&lt;1&gt;</text></g>
<path fill="none" stroke="black" d="M67,-36C90,-36 110,-36 140,-36"/>
<image xlink:href="http://example.org/x.png"/>
<rect x="140" y="-54" width="60" height="36" fill="url(http://example.org/y.svg#z)" stroke="black"/>
<text text-anchor="middle" x="170" y="-32" font-size="14">sep_conv</text>
</g>
</svg>
"""


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text if isinstance(text, str) else json.dumps(text, indent=2), encoding="utf-8")


def line(stage, step, epoch, values, phase="search"):
    """A line of metrics.jsonl; what is not finite is null there."""
    plain = {name: value if math.isfinite(value) else None for name, value in values.items()}
    return json.dumps({
        "stage": stage, "step": step, "epoch": epoch, "phase": phase, "samples": 640 * step, "distinct": 2000,
        "labels": 4000, "macs": 31_000_000 * step, "scores": 0, "cpu_s": 1.9 * step, "wall_s": 1.0 * step,
        "values": plain}) + "\n"


def stage_result(figures, plugins, space=True, seconds=754.2, name=str):
    result = {
        "plugins": {kind: name(plugin) for kind, plugin in plugins.items()},
        "data": {"type": name("idx"), "sha256": "ab" * 32, "height": 14, "width": 14, "channels": 1, "classes": 10,
                 "train": 2000, "arch": 2000, "valid": 0, "test": 0},
        "figures": figures,
        "cost": {"samples": 128000, "distinct": 2000, "labels": 4000, "macs": 1_234_567_890_123, "scores": 0,
                 "cpu_s": 1.9 * seconds, "wall_s": seconds},
        "peak_memory_bytes": 300 << 20,
    }
    if space:
        result["space"] = {"decisions": 28, "log10_architectures": 25.3}
    return result


def curves(stage, epochs, losses=("train_loss", "arch_loss")):
    """What a search reports, epoch after epoch."""
    text = ""
    for i in range(1, epochs + 1):
        values = {losses[0]: 2.3 * 0.95 ** i + 0.02 * math.sin(i), losses[1]: 2.3 * 0.96 ** i + 0.03 * math.cos(i),
                  "train_accuracy": 1 - 0.9 * 0.95 ** i, "arch_accuracy": 1 - 0.9 * 0.96 ** i,
                  "rate": 0.0125 * (1 + math.cos(math.pi * i / epochs)), "gate_entropy": 2.08 * 0.985 ** i}
        if 20 <= i < 24:
            values[losses[1]] = math.nan
        text += line(stage, 10 * i, float(i), values)
    return text


def environment(name=str):
    return {
        "lode": "0.1.0", "compiler": "12.2.0", "isa": "x86-64-v3", "blas": "Haswell", "threads": 2, "abi": "0.7",
        "plugins": [{"kind": kind, "name": name(plugin), "version": name("1.0"),
                     "path": "/usr/lib/lode/" + name(f"{kind}_{plugin}.so"), "sha256": "0123456789abcdef" * 4}
                    for kind, plugin in [("stage", "search"), ("search", "darts"), ("loss", "ce")]],
        "references": [name("search darts: Liu, Simonyan and Yang 2019, DARTS: Differentiable Architecture Search")],
    }


def quoted(text):
    """A text of a configuration file."""
    plain = "".join(letter if letter >= " " else f"\\x{ord(letter):02x}" for letter in text.replace("\\", "\\\\"))
    return '"' + plain.replace('"', '\\"') + '"'


def config(experiment, label):
    return (f'experiment = {quoted(experiment)};\nlabel = {quoted(label)};\nseed = 3;\nstages = {{\n'
            '  search = { type = "search"; };\n  train = { type = "train"; arch = "search"; };\n'
            '  test = { type = "evaluate"; net = "train"; };\n};\n')


def arch(folder, name=str):
    text = name("Genotype(normal=[('sep_conv_3x3', 0), ('skip_connect', 1)], reduce=[])")
    write(folder / "arch.txt", text + "\n")
    write(folder / "arch.json", {"text": text, "key": text, "macs": 26_312_345, "params": 312_345,
                                 "decisions": {name(f"normal.{i}"): name("sep_conv_3x3") for i in range(4)}})
    write(folder / "arch.svg", SVG)


def scores(n):
    text = ""
    for i in range(n):
        value = None if i % 17 == 5 else 0.6 + 0.3 * (1 - 0.97 ** i) + 0.05 * math.sin(7 * i)
        text += json.dumps({"key": f"k{i}", "fidelity": 1.0 if i % 3 else 0.5, "id": i, "value": value, "seconds": 1.5,
                            "macs": 1000, "params": 10, "failed": int(value is None)}) + "\n"
    return text


def trajectory(n, name=str):
    text = "step,samples,macs,scores,architecture\n"
    for i in range(n):
        text += f'{10 * i},{640 * i},{10 ** 6 * i},{i},"{name(f"a({i}, 1), b")}"\n'
    return text


def rich(run, name=str):
    """A run that came to its end, with everything; name() changes each text in it."""
    run = pathlib.Path(run)
    write(run / "config.cfg", config(name("quickstart"), name("default")))
    write(run / "overrides.txt", f'experiment = {quoted(name("quickstart"))}    quickstart.cfg:3\n'
          'seed = 3    command line: seed=3\ncheckpoint = 600.0    default\n')
    write(run / "env.json", environment(name))
    write(run / "status.json", {"status": "done", "stage": "", "done": 1.0, "message": "", "host": "here", "pid": 1,
                                "updated": 1893456000})
    stages = {
        "search": stage_result({"macs": 26312345.0, "params": 312345.0},
                               {"stage": "search", "search": "darts", "sampler": "full", "loss": "ce",
                                "backbone": "darts", "dataset": "idx"}, name=name),
        "train": stage_result({"valid_accuracy": 0.9134}, {"stage": "train", "loss": "ce"}, False, 4210, name),
        "test": stage_result({name("test_accuracy"): 0.9087, "test_loss": 0.2714, "broken": None},
                             {"stage": "evaluate"}, False, 9.37, name),
    }
    for stage, result in stages.items():
        write(run / stage / "result.json", result)
    write(run / "result.json", {"experiment": name("quickstart"), "label": name("default"), "seed": 3,
                                "stages": stages})
    extra = line("train", 0, 0.0, {name("odd"): 1.0}) if name is not str else ""
    write(run / "metrics.jsonl", curves("search", 60) + curves("train", 40, ("train_loss", "valid_loss")) + extra)
    arch(run / "search", name)
    write(run / "search/trajectory.csv", trajectory(120, name))
    write(run / "search/scores.jsonl", scores(150))
    return run


def odd(run, points=10000):
    """A run that failed in its second stage, with curves of every awkward kind and half a last line."""
    run = pathlib.Path(run)
    write(run / "config.cfg", config("odd curves", "all of them"))
    write(run / "status.json", {"status": "failed", "stage": "train", "done": 0.41,
                                "message": "stage train, step 812: the loss is not finite; the last good checkpoint is "
                                "ckpt/state.safetensors", "host": "here", "pid": 1, "updated": 1893456000})
    write(run / "search/result.json", stage_result({"macs": 1e6}, {"stage": "search", "search": "random"}))
    write(run / "search/arch.txt", "op=3 width=2\n")
    text = line("search", 1, 0.0, {"once": 0.25, "never": math.nan, "huge": 1.7e308})
    for i in range(1, 4):
        text += line("search", i, 0.0, {"same": 0.125, "below_zero": -3.5 * i, "huge": -1.7e308, "tiny": 1 + 1e-13 * i})
    for i in range(1, 30):
        text += line("search", i, float(i % 10), {f"skips_{k}": float((i * k) % 9) for k in range(1, 3)})
        text += line("search", i, float(i), {f"part{k}_loss": 0.1 * k + 1 / i for k in range(1, 9)})
    for i in range(1, points + 1):
        value = 1e9 if i == points // 3 else 1e-5 + 10 * math.exp(-i / 900) * (1 + 0.3 * math.sin(i))
        text += line("train", i, i / 100, {"train_loss": value, "gap": math.nan if 4000 < i < 6000 else i % 97})
    write(run / "metrics.jsonl", text + '{"stage":"train","step":99999,"epoch":1,"val')
    return run
