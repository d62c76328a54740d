#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Examples chosen from feature files alone.

Usage: test-select.py LODE SOURCE-ROOT [CHECK…]. Prints TAP.
"""
import random
import struct
import sys

import command
from command import DATA, DONE, USAGE

ROWS, WIDTH = 60, 4


def features(path, seed, rows=ROWS, kind="f", values=None):
    rng = random.Random(seed)
    values = values or [rng.gauss(0, 1) for _ in range(rows * WIDTH)]
    data = struct.pack(f"<{len(values)}{kind}", *values)
    path.write_bytes(command.npy(f"<{kind}{4 if kind == 'f' else 8}".replace("d", "f"), (rows, WIDTH), data))
    return path.name


def table(text):
    head, *lines = text.splitlines()
    assert head == "index,times,weight", text
    return [(int(a), int(b), float(c)) for a, b, c in (line.split(",") for line in lines)]


def array(path, code):
    data = path.read_bytes()
    length = struct.unpack("<H", data[8:10])[0]
    assert data[:6] == b"\x93NUMPY" and (10 + length) % 64 == 0, path
    body = data[10 + length :]
    return list(struct.unpack(f"<{len(body) // 4}{code}", body))


def check_choice(lode):
    """Distinct examples within the pool, weights of both models; threads change nothing, seeds do."""
    files = [features(lode.folder / "a.npy", 1), features(lode.folder / "b.npy", 2, kind="d")]
    first = lode.call("select", *files, "-b", "20", "p=1").expect(DONE).out
    found = table(first)
    assert len({index for index, _, _ in found}) == 20 and all(0 <= index < ROWS for index, _, _ in found), first
    assert all(times >= 1 and weight > 0 for _, times, weight in found), first
    assert lode.call("select", *files, "-b", "20", "p=1", "--threads", "1").expect(DONE).out == first
    assert lode.call("select", *files, "-b", "20", "p=1", "--seed", "2").expect(DONE).out != first
    more = table(lode.call("select", *files, "-b", "35", "p=1").expect(DONE).out)
    assert [index for index, _, _ in more[:20]] == [index for index, _, _ in found], "not a prefix"


def check_files(lode):
    """The same choice as .npy and CSV."""
    name = features(lode.folder / "a.npy", 1)
    printed = lode.call("select", name, "-b", "9", "draw=race").expect(DONE).out
    lode.call("select", name, "-b", "9", "draw=race", "-o", "chosen").expect(DONE)
    folder = lode.folder / "chosen"
    assert (folder / "selection.csv").read_text(encoding="utf-8") == printed
    rows = list(zip(array(folder / "index.npy", "I"), array(folder / "times.npy", "I"), array(folder / "weight.npy", "f")))
    for (index, times, weight), (i, t, w) in zip(rows, table(printed), strict=True):
        assert (index, times) == (i, t) and abs(weight - w) <= 1e-6 * w


def check_labelled(lode):
    """What has a label is not chosen."""
    name = features(lode.folder / "a.npy", 1)
    (lode.folder / "first.txt").write_text("\n".join(str(i) for i in range(0, ROWS, 2)) + "\n", encoding="utf-8")
    found = table(lode.call("select", name, "-b", "30", "draw=race", "--labelled", "first.txt").expect(DONE).out)
    assert sorted(index for index, _, _ in found) == list(range(1, ROWS, 2))
    (lode.folder / "bad.txt").write_text("3\nsixty\n", encoding="utf-8")
    lode.call("select", name, "--labelled", "bad.txt").expect(DATA, "bad.txt:2", "0 to 59")


def check_others(lode):
    """A sampler that asks for nothing chooses here too."""
    name = features(lode.folder / "a.npy", 1)
    found = table(lode.call("select", name, "--sampler", "uniform", "-b", "7").expect(DONE).out)
    assert len({index for index, _, _ in found}) == 7


def check_refusals(lode):
    """What is wrong is said, and nothing is written."""
    name = features(lode.folder / "a.npy", 1)
    short = features(lode.folder / "short.npy", 1, rows=50)
    values = [1.0] * (ROWS * WIDTH)
    values[7 * WIDTH + 2] = float("nan")
    broken = features(lode.folder / "nan.npy", 1, values=values)
    (lode.folder / "cut.npy").write_bytes((lode.folder / "a.npy").read_bytes()[:-5])
    lode.call("select").expect(USAGE, "feature files")
    lode.call("select", name, "q=3").expect(USAGE, "q")
    lode.call("select", name, "p=-1").expect(USAGE, "p")
    lode.call("select", "cut.npy").expect(DATA, "cut.npy", "truncated")
    lode.call("select", broken).expect(DATA, "nan.npy", "row 7, column 2")
    for words, said in (((name, short), "50 examples"), ((name, "-b", "61"), "61 examples asked for")):
        done = lode.call("select", *words, "-o", "nothing")
        assert done.code != DONE and said in done.err, done.err
    assert not (lode.folder / "nothing").exists()


if __name__ == "__main__":
    sys.exit(command.main("select", globals()))
