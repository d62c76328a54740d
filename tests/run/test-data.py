#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`lode data` as a user meets it, and the dataset plugins against their contract on real files.

Usage: test-data.py LODE SOURCE-ROOT [CHECK…]. Prints TAP.
"""
import json
import os
import pathlib
import random
import struct
import sys
import zlib

import command
from command import DATA, DONE, USAGE

QUICK = ("stages.search.fit.epochs=1", "fit.epochs=1", "stages.train.fit.epochs=20", "stages.search.data.side=8",
         "backbone.darts.channels=4", "backbone.darts.cells=3")


def look(lode, *words, code=DONE, **more):
    return lode.call("data", *words, **more).expect(code)


def check_two_commands(lode):
    """From a folder of pictures to a trained network: data check, then the line that it prints."""
    command.write_pictures(lode.folder / "my pictures", each=40)
    done = look(lode, "check", "my pictures")
    assert "3, of 40 (cat) to 40 (cat) examples" in done.out, done.out
    line = done.out.strip().splitlines()[-1].split()
    assert line[:2] == ["lode", "run"], done.out
    run = lode.run(line[2], *QUICK)
    figures = run.json("result.json")["stages"]
    assert figures["test"]["figures"]["test_accuracy"] > 0.6, figures
    assert figures["search"]["cost"]["samples"] > 0, figures
    look(lode, "check", "my pictures")  # the same again is no conflict
    path = lode.folder / line[2]
    path.write_text(path.read_text(encoding="utf-8") + "# mine\n", encoding="utf-8")
    look(lode, "check", "my pictures", code=USAGE)
    assert path.read_text(encoding="utf-8").endswith("# mine\n")
    look(lode, "check", "my pictures", "--force")
    assert not path.read_text(encoding="utf-8").endswith("# mine\n")


def check_table_and_targets(lode):
    command.write_table(lode.folder / "t.csv", rows=200)
    done = look(lode, "check", "t.csv")
    assert "3, of " in done.out and "19 missing" in done.out, done.out
    run = lode.run("t.cfg", "fit.epochs=10")
    assert run.json("result.json")["stages"]["test"]["figures"]["test_accuracy"] > 0.6
    look(lode, "check", "t.csv", 'data.table.target=["a"]', 'data.table.ignore=["kind"]', "data.table.task=reals",
         "-o", "r.cfg", code=DATA)  # a target may not be missing
    text = (lode.folder / "t.csv").read_text(encoding="utf-8")
    (lode.folder / "r.csv").write_text(text.replace("?,", "0.5,"), encoding="utf-8")
    look(lode, "check", "r.csv", 'data.table.target=["a"]', "data.table.task=reals")
    figures = lode.run("r.cfg", "fit.epochs=5").json("result.json")["stages"]
    assert figures["test"]["figures"]["test_loss"] < 1 and "valid_loss" in figures["train"]["figures"], figures


def check_what_is_wrong(lode):
    """All files that cannot be read, small classes, duplicates: each told before anything is trained."""
    folder = lode.folder / "p"
    command.write_pictures(folder, each=12)
    (folder / "cat/broken.png").write_bytes((folder / "cat/0001.png").read_bytes()[:60])
    (folder / "dog/empty.jpg").write_bytes(b"")
    done = look(lode, "check", "p", code=DATA)
    for words in ("cat/broken.png: damaged PNG", "dog/empty.jpg: the file is empty", "2 of 38 pictures"):
        assert words in done.err, done.err
    assert not (lode.folder / "p.cfg").exists()
    done = look(lode, "check", "p", "data.folder.skip=true")
    assert done.err.count("left out") == 2, done.err
    (folder / "cat/broken.png").unlink()
    (folder / "dog/empty.jpg").unlink()
    command.write_pictures(folder, each=2, classes=("newt", "ox"))
    done = look(lode, "check", "p", code=DATA)
    assert '"newt" has 2, "ox" has 2 of the 4' in done.err, done.err


def check_duplicates(lode):
    folder = lode.folder / "s"
    command.write_pictures(folder / "train", each=12, side=16)
    command.write_pictures(folder / "test", each=6, side=16, seed=8)
    shared = (folder / "train/cat/0003.png").read_bytes()
    (folder / "test/cat/copy.png").write_bytes(shared)
    done = look(lode, "check", "s", code=DATA)
    assert "train/cat/0003.png (training)" in done.err and "test/cat/copy.png (test)" in done.err, done.err
    done = look(lode, "check", "s", "data.duplicates=warn", "-f")
    assert "lies on both sides" in done.out, done.out
    rng = random.Random(9)
    pixels = rng.randbytes(16 * 16)
    (folder / "train/cat/0003.png").write_bytes(command.png(pixels, 16))
    (folder / "test/cat/copy.png").write_bytes(command.png(bytes(min(byte + 2, 255) for byte in pixels), 16))
    done = look(lode, "check", "s", "-f")
    assert "nearly equal  1 pair across splits" in done.out, done.out
    report = json.loads(look(lode, "check", "s", "-f", "--json").out)
    assert report["near"] == 1 and report["classes"] == 3 and report["splits"]["test"] == 19, report


def check_nasty_files(lode):
    """One that is too large, a bomb, a loop of links, a name that is not UTF-8: one clear error each."""
    folder = lode.folder / "n"
    command.write_pictures(folder, each=6)
    cases = {"large": (8000, 6250, b"50 megapixels"), "bomb": (60000, 60000, b"3600 megapixels")}
    for name, (width, height, words) in cases.items():
        path = folder / f"cat/{name}.png"
        whole = command.png(bytes(16), 4)
        head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
        path.write_bytes(whole[:12] + head + struct.pack(">I", zlib.crc32(head)) + whole[33:])
        done = look(lode, "check", "n", code=DATA)
        assert words.decode() in done.err and f"cat/{name}.png" in done.err, done.err
        path.unlink()
    os.symlink("..", folder / "cat/loop")
    assert "leads back to a folder above it" in look(lode, "check", "n", code=DATA).err
    (folder / "cat/loop").unlink()
    path = os.fsencode(folder) + b"/cat/caf\xe9.png"
    os.rename(folder / "cat/0000.png", path)
    assert "not UTF-8" in look(lode, "check", "n", code=DATA).err
    os.rename(path, folder / "cat/0000.png")
    look(lode, "check", "n")


def check_import(lode):
    """Arrays of a folder are the same data set: same digest, same run."""
    command.write_pictures(lode.folder / "q", each=10, colour=True)
    out = look(lode, "import", "q", "arrays").out
    assert 'type = "npy"' in out, out
    digest = [json.loads(look(lode, "stats", name, "--json").out)["digest"] for name in ("q", "arrays")]
    assert digest[0] == digest[1], digest
    assert (lode.folder / "arrays/classes.txt").read_text(encoding="utf-8") == "cat\ndog\nfish\n"
    look(lode, "import", "q", "arrays", code=USAGE)
    look(lode, "import", "q", "arrays", "--force")
    look(lode, "import", "q", XDG_DATA_HOME=lode.folder / "home")
    found = json.loads(look(lode, "list", "--json", XDG_DATA_HOME=lode.folder / "home").out)
    assert [one["type"] for one in found if one["name"] == "q"] == ["npy"], found
    # Weights, groups and splits come along.
    names = command.write_pictures(lode.folder / "w", each=4)
    rows = "".join(f"{name},{i % 3},g{i // 2},{'test' if i % 4 == 3 else 'train'},{i + 1}\n" for i, name in enumerate(names))
    (lode.folder / "w/m.csv").write_text("path,label,group,split,weight\n" + rows, encoding="utf-8")
    look(lode, "import", "w/m.csv", "w-arrays")
    assert {path.name for path in (lode.folder / "w-arrays").iterdir()} == {
        "x_train.npy", "y_train.npy", "weight.npy", "group.npy", "split.npy", "classes.txt"}
    texts = [look(lode, "stats", name).out for name in ("w/m.csv", "w-arrays")]
    assert texts[0] == texts[1], texts


def check_sheet_and_list(lode):
    command.write_pictures(lode.data / "seen", each=5, colour=True)
    out = look(lode, "sheet", "seen", "-o", "s.png", "--columns", 4).out
    assert out.splitlines() == ["row 1: cat (5)", "row 2: dog (5)", "row 3: fish (5)", "s.png"], out
    head = (lode.folder / "s.png").read_bytes()
    assert struct.unpack(">II", head[16:24]) == (2 + 4 * 18, 2 + 3 * 18), head[:33]
    command.write_table(lode.data / "t.csv")
    look(lode, "sheet", "t.csv", code=USAGE)
    found = {one["name"]: one["type"] for one in json.loads(look(lode, "list", "--json").out)}
    assert found["seen"] == "folder" and found["t.csv"] == "table", found
    out = look(lode, "stats", "seen", "data.test=0.4").out
    assert [line.split() for line in out.splitlines()[1:5]] == [
        ["cat", "3", "0", "0", "2"], ["dog", "3", "0", "0", "2"], ["fish", "3", "0", "0", "2"], ["all", "9", "0", "0", "6"]], out


def check_words(lode):
    lode.call("data").expect(USAGE)
    lode.call("data", "sheets").expect(USAGE, 'did you mean "sheet"')
    lode.call("data", "check").expect(USAGE)
    lode.call("data", "check", "nowhere").expect(DATA, "nowhere")
    (lode.folder / "empty").mkdir()
    lode.call("data", "check", "empty").expect(DATA, "nothing in it is known")
    for word in ("list", "check", "stats", "sheet", "import"):
        lode.call("data", word, "--help").expect(DONE, "Usage")


def check_contract(lode):
    """`lode check` on every plugin that reads files, with files to read."""
    command.write_pictures(lode.data / "p", each=6)
    command.write_manifest(lode.data / "m", each=6, colour=True)
    command.write_arrays(lode.data / "a", each=6)
    command.write_omniglot(lode.data / "o", each=3)
    command.write_table(lode.data / "t.csv", rows=40)
    for name, option in (("folder", "folder=p"), ("manifest", "file=m/manifest.csv"), ("npy", "file=a"),
                         ("omniglot", "folder=o"), ("table", "file=t.csv")):
        done = lode.call("check", f"dataset/{name}", "--set", option).expect(DONE)
        assert done.out.strip().splitlines()[-1].endswith("0 failed, 0 skipped"), done.out


if __name__ == "__main__":
    sys.exit(command.main("data", globals()))
