# SPDX-License-Identifier: Apache-2.0
"""What the tests of `lode run` and `lode resume` share: the real command in an environment of its own,
small data sets made on the spot, run directories read back, TAP.

A test is a function `check_name(lode)`; `main` runs all of a module, each in a folder of its own.
"""
import itertools
import json
import math
import os
import pathlib
import random
import resource
import signal
import struct
import subprocess
import sys
import tempfile
import time
import zlib

DONE, FAILED, USAGE, DATA, PLUGIN, STOPPED = 0, 1, 2, 3, 4, 75
# A search, a training and a look at the test split in half a second.
SMALL = (
    "data.train=128", "data.valid=0", "data.side=14", "backbone.darts.channels=4", "backbone.darts.cells=3",
    "fit.epochs=2", "fit.batch=16", "stages.train.data.train=96", "stages.train.data.valid=32",
    "stages.train.data.side=14", "stages.train.backbone.darts.channels=4",
    "stages.train.backbone.darts.cells=3", "stages.train.fit.epochs=2", "stages.train.fit.batch=16")


class Ended(AssertionError):
    """A command that should still run does not."""


class Skip(Exception):
    """What the test needs is not there."""


def write_idx(folder, train=200, test=60, side=28, classes=10):
    """An IDX data set: a pattern a class, and noise over it."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(1)
    patterns = [rng.randbytes(side * side) for _ in range(classes)]
    for name, count in (("train", train), ("t10k", test)):
        labels = bytes(i % classes for i in range(count))
        pixels = b"".join(
            bytes((3 * a + b) // 4 for a, b in zip(patterns[label], rng.randbytes(side * side)))
            for label in labels)
        head = struct.pack(">IIII", 0x803, count, side, side)
        (folder / f"{name}-images-idx3-ubyte").write_bytes(head + pixels)
        (folder / f"{name}-labels-idx1-ubyte").write_bytes(struct.pack(">II", 0x801, count) + labels)


def write_cifar10(folder, a_file=40):
    """CIFAR-10 in its binary version, with few records."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(2)
    patterns = [rng.randbytes(3072) for _ in range(10)]
    for name in [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]:
        records = (bytes([i % 10]) + patterns[i % 10][:1536] + rng.randbytes(1536) for i in range(a_file))
        (folder / name).write_bytes(b"".join(records))


def png(pixels, width, colour=False):
    """A PNG file of 8 bits: rows of that many pixels."""
    row = width * (3 if colour else 1)
    lines = b"".join(b"\0" + pixels[i:i + row] for i in range(0, len(pixels), row))

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, len(pixels) // row, 8, 2 if colour else 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


def write_pictures(folder, each=20, classes=("cat", "dog", "fish"), side=16, colour=False, seed=3):
    """A folder a class, its pictures a pattern under noise; their names below the folder."""
    rng = random.Random(seed)
    size = side * side * (3 if colour else 1)
    names = []
    for name in classes:
        (folder / name).mkdir(parents=True, exist_ok=True)
        pattern = rng.randbytes(size)
        for i in range(each):
            pixels = bytes((3 * a + b) // 4 for a, b in zip(pattern, rng.randbytes(size)))
            (folder / name / f"{i:04}.png").write_bytes(png(pixels, side, colour))
            names.append(f"{name}/{i:04}.png")
    return names


def write_manifest(folder, **more):
    """The same with a table manifest.csv beside it."""
    names = write_pictures(folder, **more)
    rows = "".join(f"{name},{name.split('/')[0]}\n" for name in names)
    (folder / "manifest.csv").write_text("path,label\n" + rows, encoding="utf-8")


def write_table(path, rows=120, classes=3, seed=4):
    """Numbers around a point a class, a column of words, some cells missing."""
    rng = random.Random(seed)
    lines = ["a,b,word,kind"]
    for i in range(rows):
        kind = i % classes
        cells = [f"{kind + rng.gauss(0, .3):.4f}", f"{rng.gauss(0, 1) - kind:.4f}", rng.choice(["u", "v", "w"]), f"k{kind}"]
        if i % 11 == 0:
            cells[0] = "?"
        lines.append(",".join(cells))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def npy(code, shape, data):
    """An array as NumPy saves it."""
    head = f"{{'descr': '{code}', 'fortran_order': False, 'shape': ({', '.join(map(str, shape))},), }}"
    head = head.ljust(117) + "\n"
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(head)) + head.encode() + data


def write_arrays(folder, each=30, classes=3, side=16):
    rng = random.Random(5)
    patterns = [rng.randbytes(side * side) for _ in range(classes)]
    labels = bytes(i % classes for i in range(each * classes))
    pixels = b"".join(
        bytes((3 * a + b) // 4 for a, b in zip(patterns[label], rng.randbytes(side * side))) for label in labels)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "x.npy").write_bytes(npy("|u1", (len(labels), side, side), pixels))
    (folder / "y.npy").write_bytes(npy("|u1", (len(labels),), labels))


def write_omniglot(folder, characters=4, each=20):
    """Folders of alphabets and characters, as its authors lay it out."""
    names = tuple(f"character{i:02}" for i in range(characters))
    write_pictures(folder / "images_background" / "Alpha", each, names, side=28)
    write_pictures(folder / "images_evaluation" / "Beta", each, names[:2], side=28, seed=6)


class Run:
    """A run directory."""

    def __init__(self, path):
        self.path = pathlib.Path(path)

    def read(self, name):
        return (self.path / name).read_bytes()

    def json(self, name):
        return json.loads(self.read(name))

    def status(self):
        return self.json("status.json")["status"]

    def tensors(self):
        """Of the last checkpoint: name → bytes; {} before the first."""
        try:
            return tensors_of(self.read("ckpt/state.safetensors"))
        except FileNotFoundError:
            return {}

    def place(self):
        """(stage, step) of the last checkpoint."""
        return struct.unpack("<QQQ", self.tensors().get("run.place", bytes(24)))[:2]

    def metrics(self):
        """Lines of metrics.jsonl without what was measured by a clock."""
        lines = [json.loads(line) for line in self.read("metrics.jsonl").splitlines()]
        return [{key: value for key, value in line.items() if key not in ("cpu_s", "wall_s")} for line in lines]

    def scores(self, stage="search"):
        return [json.loads(line) for line in self.read(f"{stage}/scores.jsonl").splitlines()]

    def obstruct(self, name):
        """A folder where the run wants to write a file: it fails there, at a known step."""
        (self.path / name).mkdir(parents=True)

    def clear(self, name):
        (self.path / name).rmdir()


def tensors_of(raw):
    size = struct.unpack("<Q", raw[:8])[0]
    head, body = json.loads(raw[8:8 + size]), raw[8 + size:]
    return {name: body[slice(*entry["data_offsets"])] for name, entry in head.items() if name != "__metadata__"}


BENCHMARK_HEAD = (
    "index", "ops", "arch", "iso", *(f"{name}_{data}" for data in ("c10", "c100", "in16") for name in (
        "params", "flops", "val12", "test12", "val200", "test200", "sec_per_epoch")), "c10val_3seed")


def benchmark_rows():
    """A made-up benchmark of all cells: accuracy grows with convolutions, seconds with their cost."""
    for index, ops in enumerate(itertools.product(range(5), repeat=6)):
        size = sum((0, 1, 20, 90, 2)[op] for op in ops)
        row = {"index": index, "ops": "".join(map(str, ops)), "arch": "-", "iso": index, "c10val_3seed": int(ops[0] != 4)}
        for scale, data in enumerate(("c10", "c100", "in16"), 1):
            accuracy = 60 + 30 * math.tanh(size / 200) + (index * 37 % 101) / 50
            row.update({f"params_{data}": 1000 + size, f"flops_{data}": 10 ** 6 + 1000 * size,
                        f"val12_{data}": round(accuracy - 10 * scale + (index * 61 % 89) / 30, 3), f"test12_{data}": round(accuracy - 9, 3),
                        f"val200_{data}": round(accuracy, 4), f"test200_{data}": round(accuracy + 1, 4),
                        f"sec_per_epoch_{data}": 5 + size / 50})
        yield row


def write_benchmark(lode):
    """The made-up benchmark, imported from its table of text; gives the rows by digits."""
    found = {row["ops"]: row for row in benchmark_rows()}
    lines = ["\t".join(BENCHMARK_HEAD), *("\t".join(str(row[name]) for name in BENCHMARK_HEAD) for row in found.values())]
    (lode.folder / "t.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    lode.call("data", "import", "nb201", "t.tsv", lode.data / "nasbench201.bench", "--force").expect(DONE, "table")
    return found


class Done:
    """An ended command: exit code, stdout, stderr."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def expect(self, code, *words):
        said = self.err + self.out
        assert self.code == code, f"ended with {self.code} instead of {code}: {said[-1500:]}"
        for word in words:
            assert word in said, f"nothing says \"{word}\": {said[-1500:]}"
        assert "CRITICAL" not in said and "WARNING **" not in said, f"GLib complains: {said[-1500:]}"
        assert "Sanitizer" not in said and "runtime error:" not in said, f"a sanitizer complains: {said[-3000:]}"
        return self


class Lode:
    """The command, in a folder of its own: data/ is looked in for data, runs go below runs/."""

    def __init__(self, binary, source, folder, data):
        self.binary, self.source, self.folder, self.data = binary, source, folder, data
        self.roots = 0

    def environment(self, **more):
        clean = {key: value for key, value in os.environ.items() if not key.startswith("LODE_RUNS")}
        clean.update(LODE_DATA_PATH=str(self.data), LODE_RUNS=str(self.folder / "runs"), LC_ALL="C.UTF-8")
        clean.update({key: str(value) for key, value in more.items()})
        return clean

    def start(self, *words, **more):
        """A command that runs: words, then variables of its environment (cwd and limit apart)."""
        folder, limit = more.pop("cwd", self.folder), more.pop("limit", None)

        def prepare():
            if limit:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        return subprocess.Popen(
            [self.binary, *map(str, words)], env=self.environment(**more), cwd=folder, preexec_fn=prepare,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def ended(self, process, timeout=100):
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
        return Done(process.returncode, out, err)

    def call(self, *words, **more):
        return self.ended(self.start(*words, **more))

    def root(self):
        """A fresh folder of runs."""
        self.roots += 1
        return self.folder / f"runs-{self.roots}"

    def found(self, root=None):
        """The single run below a folder of runs."""
        runs = sorted((root or self.folder / "runs").glob("*/*/s*"))
        assert len(runs) == 1, f"expected one run, found {len(runs)}"
        return Run(runs[0])

    def begin(self, *words, **more):
        """A run in a folder of runs of its own, started: the process and where it will lie."""
        root = self.root()
        process = self.start("run", *words, LODE_RUNS=root, **more)
        return process, root

    def run(self, *words, code=DONE, **more):
        """A run in a folder of runs of its own, to its end."""
        process, root = self.begin(*words, **more)
        self.ended(process).expect(code)
        return self.found(root)

    def kill_at(self, place, *words, sign=signal.SIGKILL, **more):
        """A run that gets a signal once a checkpoint is at (stage, step) or behind."""
        process, root = self.begin(*words, "checkpoint=0", **more)
        wait_for(process, root, lambda run: run.place() >= place)
        process.send_signal(sign)
        return self.found(root), self.ended(process)


def wait_for(process, root, reached):
    """Until the run below root has reached something; it must not end before."""
    while process.poll() is None:
        runs = list(root.glob("*/*/s*"))
        if runs and reached(Run(runs[0])):
            return
        time.sleep(0.0005)
    raise Ended(f"the run ended too early, with {process.returncode}")


def same_results(one, other, *files):
    """Whether two runs have the same bits in every file that holds a result."""
    for name in files or ("search/arch.txt", "train/net.safetensors", "ckpt/state.safetensors"):
        assert one.read(name) == other.read(name), f"{name} differs"
    assert one.metrics() == other.metrics(), "metrics.jsonl differs in more than times"


def no_leftovers(folder):
    """Nothing half-written lies below a folder, but for runs that were killed: whoever takes them sweeps."""
    for path in pathlib.Path(folder).rglob("*.new"):
        above = [parent for parent in path.parents if (parent / "status.json").exists()]
        assert above and Run(above[0]).status() == "running", f"half-written: {path}"


def check_one(name, check, lode):
    """A TAP verdict and its note."""
    try:
        check(lode)
        no_leftovers(lode.folder)
    except Skip as why:
        return "ok", f" # SKIP {why}"
    except Exception as why:  # whatever it is, the other checks go on
        print(f"{name}: {type(why).__name__}: {why}", file=sys.stderr)
        return "not ok", ""
    return "ok", ""


def main(suite, checks):
    """Runs check_* functions (name → function) of a test called as TEST LODE SOURCE-ROOT [NAME…]."""
    binary, source = (pathlib.Path(word).resolve() for word in sys.argv[1:3])
    chosen = {name[len("check_"):]: check for name, check in checks.items() if name.startswith("check_")}
    chosen = {name: check for name, check in chosen.items() if not sys.argv[3:] or name in sys.argv[3:]}
    print(f"1..{len(chosen)}")
    with tempfile.TemporaryDirectory() as scratch:
        data = pathlib.Path(scratch) / "data"
        write_idx(data / "fashion-mnist")
        for number, (name, check) in enumerate(chosen.items(), 1):
            folder = pathlib.Path(scratch) / "checks" / name
            folder.mkdir(parents=True)
            begun = time.monotonic()
            verdict, note = check_one(name, check, Lode(str(binary), source, folder, data))
            print(f"{verdict} {number} /{suite}/{name.replace('_', '-')}{note}", flush=True)
            print(f"# {time.monotonic() - begun:.1f} s", flush=True)
    return 0
