#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`lode report` on run directories made here: whole, failed, damaged, empty, hostile.

Usage: test-report.py LODE. Prints TAP.
"""
import html.parser
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True  # nothing is left beside the sources
import fixture  # noqa: E402

VOID = {"meta", "br"}
FETCHES = {"src", "href", "xlink:href", "srcset", "data", "action", "poster"}


class Page(html.parser.HTMLParser):
    """A page whose elements close in order; keeps what the checks ask for."""

    def __init__(self, path):
        super().__init__(convert_charrefs=True)
        self.open, self.ids, self.tags, self.attributes = [], [], [], []
        self.text, self.labels = "", {}
        raw = path.read_bytes()
        self.size = len(raw)
        self.source = raw.decode("utf-8")
        self.feed(self.source)
        self.close()
        assert not self.open, f"{self.open} never end"

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)
        self.take(tag, attrs)

    def handle_startendtag(self, tag, attrs):
        self.take(tag, attrs)

    def take(self, tag, attrs):
        self.tags.append(tag)
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> has an attribute twice: {names}"
        self.attributes += [(tag, name, value) for name, value in attrs]
        self.ids += [value for name, value in attrs if name == "id"]

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> where {self.open[-1:]} is open"
        self.open.pop()

    def handle_data(self, data):
        if "style" not in self.open:
            self.text += data

    def section(self, title):
        """The source below a heading."""
        match = re.search(rf"<h[23]>{re.escape(title)}</h[23]>(.*?)(?=<h2>|</main>)", self.source, re.S)
        assert match, f"no heading {title}"
        return match[1]


def lode(*words, code=0):
    done = subprocess.run([LODE, *map(str, words)], stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
                          check=False)
    said = done.stderr.decode("utf-8", "replace")
    assert done.returncode == code, f"lode {words}: {done.returncode}, expected {code}: {said.strip()[-300:]}"
    return done.stdout.decode("utf-8"), said


def page(run):
    """Written, and sound whatever the files hold."""
    out, said = lode("report", run)
    path = pathlib.Path(run) / "report.html"
    assert out.strip() == str(path) and not said, f"said {out!r} {said!r}"
    made = Page(path)
    assert len(made.ids) == len(set(made.ids)), "an id is there twice"
    referred = [word for _, name, value in made.attributes if name == "aria-labelledby" for word in value.split()]
    assert set(referred) <= set(made.ids), "aria-labelledby names what is not there"
    wrong = [tag for tag in made.tags if tag in {"script", "link", "img", "image", "iframe", "object", "base", "use"}]
    assert not wrong, f"the page has {wrong}"
    for tag, name, value in made.attributes:
        assert name not in FETCHES and not name.startswith("on"), f"<{tag}> has {name}={value}"
    assert "url(" not in made.source.lower() and "@import" not in made.source.lower(), "the page fetches something"
    assert made.tags.count("svg") == made.source.count('role="img"'), "a picture has no role"
    controls = [letter for letter in made.source if ord(letter) < 32 and letter not in "\n\t"]
    assert not controls, f"controls: {controls}"
    return made


def check_rich(folder):
    """Everything that the files say is on the page."""
    made = page(fixture.rich(folder))
    for text in ["quickstart", "default", "seed 3", "done", "2030-01-01 00:00 UTC", "valid_accuracy", "0.9134",
                 "Liu, Simonyan and Yang 2019", "Haswell", "sep_conv_3x3", "command line: seed=3",
                 "312\u202f345 parameters", "12\u202fmin\u202f34\u202fs", "1.23\u202fT", "300\u202fMiB", "28 decisions",
                 "150 scores, of which 9 failed", "changed 120 times"]:
        assert text in made.text, f"{text!r} is missing"
    assert made.source.count("<figcaption>loss</figcaption>") == 2, "the losses of a stage are not in one picture"
    assert made.source.count("<figcaption>accuracy</figcaption>") == 2, "nor are the accuracies"
    loss = re.search(r"<figcaption>loss</figcaption>(.*?)</figure>", made.section("search"), re.S)[1]
    strokes = re.findall(r'<path class="c(\d) d(\d)" d="([^"]*)"', loss)
    assert [stroke[:2] for stroke in strokes] == [("0", "0"), ("1", "1")] * 2, f"legend and curves: {strokes}"
    assert [stroke[2].count("M") for stroke in strokes] == [1, 1, 1, 2], "the gap is not there once"
    assert ">epoch</text>" in loss, "epochs move, so they are the x axis"
    assert "checkpoint" not in made.section("Configuration").split("</table>")[0], "a default among what was set"
    assert made.tags.count("th") > 30 and 'scope="row"' in made.source, "tables without headers"
    assert made.tags.count("ellipse") == 1 and "c_<1>" in made.text, "the drawing is not in the page"


def check_same(folder):
    """The same files give the same page."""
    run = fixture.rich(folder)
    first = page(run).source
    assert page(run).source == first


def check_nasty(folder):
    """No text of any file becomes markup."""
    plain = page(fixture.rich(folder / "plain"))
    made = page(fixture.rich(folder / "nasty", lambda text: text + fixture.NASTY))
    assert made.text.count("<script>alert(1)</script> & \"two\" 'one' </style> é") > 40
    elements = {tag: made.tags.count(tag) for tag in set(made.tags)}
    for tag in ["b", "i", "style", "title", "h2", "table", "details", "pre"]:
        assert elements.get(tag, 0) == plain.tags.count(tag) + {"title": 1}.get(tag, 0), f"<{tag}>: {elements.get(tag, 0)}"
    data = json.loads(lode("report", "--json", folder / "nasty")[0])[0]
    assert data["experiment"] == "quickstart" + fixture.NASTY


def check_odd(folder):
    """A failed run, long and awkward series, half a last line."""
    made = page(fixture.odd(folder))
    assert "The run failed, in the stage train." in made.text and "the loss is not finite" in made.text
    assert "lode resume" in made.text and "99\u202f999" not in made.text
    assert made.size < 1 << 20, f"{made.size} bytes"
    for title in ["never", "huge"]:
        assert f"<figcaption>{title}</figcaption>\n<p class=\"none\">" in made.source, f"{title} is drawn"
    once = re.search(r"<figcaption>once</figcaption>(.*?)</figure>", made.source, re.S)[1]
    assert re.search(r'<path class="dot c0" d="M[\d.]+ [\d.]+h0"/>', once), "one point is no dot"
    loss = re.search(r"<figcaption>loss</figcaption>(.*?)</figure>", made.section("train"), re.S)[1]
    assert "logarithmic" in loss and ">0.001<" not in loss.split("<desc")[0]
    points = re.search(r'<path class="c0 d0" d="([^"]*)"', loss)[1]
    assert points.count("L") < 600, "not thinned"
    top = min(float(y) for y in re.findall(r"[ML][\d.]+ ([\d.]+)", points))
    assert top < 20, "thinning lost the greatest value"
    gap = re.search(r"<figcaption>gap</figcaption>(.*?)</figure>", made.section("train"), re.S)[1]
    assert re.search(r'<path class="c0 d0" d="([^"]*)"', gap)[1].count("M") == 2
    skips = re.search(r"<figcaption>skips_1</figcaption>(.*?)</figure>", made.source, re.S)[1]
    assert ">step</text>" in skips, "epochs that go back must not be an x axis"


def check_many(folder):
    """A thousand long series stay a small page."""
    run = fixture.rich(folder)
    values = {f"series_{k}": k for k in range(300)}
    values.update({f"s{k}_loss": k for k in range(300)})
    fixture.write(run / "metrics.jsonl", "".join(
        fixture.line("search", i, i, {name: (i * 7919 + k) % 97 for name, k in values.items()}) for i in range(100)))
    made = page(run)
    assert made.size < 1 << 20, f"{made.size} bytes"
    assert "series_299" in made.text and "more are not drawn" in made.text


def check_missing(folder):
    """Any one file may be missing, or be empty, or be a folder, or be noise."""
    whole = fixture.rich(folder / "whole")
    files = [path.relative_to(whole) for path in sorted(whole.rglob("*")) if path.is_file()]
    for number, name in enumerate(files):
        run = folder / str(number)
        for spoil in ["missing", "empty", "folder", "noise", "torn"]:
            shutil.copytree(whole, run)
            path = run / name
            text = path.read_bytes()
            path.unlink()
            if spoil == "folder":
                path.mkdir()
            elif spoil != "missing":
                path.write_bytes({"empty": b"", "noise": b"\xff\x00<{[\"\n" * 9, "torn": text[: len(text) // 2]}[spoil])
            page(run)
            shutil.rmtree(run)


def check_deep(folder):
    """Brackets without end are no reason to fall."""
    run = fixture.rich(folder)
    for name in ["env.json", "result.json", "search/arch.json", "status.json"]:
        (run / name).write_text("[" * 500_000, encoding="utf-8")
    (run / "search/arch.svg").write_text("<svg>" + "<g>" * 50_000 + "</g>" * 50_000 + "</svg>", encoding="utf-8")
    assert "What could not be read" in page(run).text


def check_bare(folder):
    """One file alone is a run that has hardly begun."""
    for name, text in [("config.cfg", fixture.config("one", "two")), ("metrics.jsonl", ""), ("env.json", "{}"),
                       ("status.json", {"status": "queued"}), ("result.json", {})]:
        fixture.write(folder / name / name, text)
        made = page(folder / name)
        assert "There are no final figures yet." in made.text and "Nothing was measured yet." in made.text


def check_states(folder):
    """What status.json says is said, and a run that nobody holds was killed."""
    for state, words in [("running", "was killed"), ("checkpointed", "stopped with a checkpoint"), ("queued", "has not begun")]:
        fixture.write(folder / state / "status.json", {"status": state, "stage": "search", "done": 0.25})
        made = page(folder / state)
        assert words in made.text and "25%" in made.text, state


def check_outside(folder):
    """A stage's name does not lead out of the run."""
    fixture.write(folder / "secret/arch.txt", "secret\n")
    fixture.write(folder / "run/result.json", {"stages": {"../secret": {"figures": {}}, "": {}, "..": {}}})
    assert "secret\n" not in page(folder / "run").text


def check_json(folder):
    """--json: all of the data, and no page."""
    runs = [fixture.rich(folder / "a"), fixture.odd(folder / "b", 50)]
    rich, odd = json.loads(lode("report", "--json", *runs)[0])
    assert not (runs[0] / "report.html").exists()
    assert [stage["name"] for stage in rich["stages"]] == ["search", "train", "test"]
    loss = {series["name"]: series for series in rich["stages"][0]["series"]}["arch_loss"]
    assert len(loss["value"]) == 60 and loss["value"][19:23] == [None] * 4 and loss["epoch"][59] == 60
    assert rich["stages"][1]["result"]["figures"]["valid_accuracy"] == 0.9134
    assert rich["stages"][0]["trajectory"][3]["architecture"] == "a(3, 1), b"
    assert len(rich["stages"][0]["scores"]) == 150 and rich["stages"][0]["scores"][5]["value"] is None
    assert odd["status"]["status"] == "failed" and odd["stages"][1]["cost"]["samples"] == 32000
    assert odd["stages"][2]["result"] is None and odd["env"] is None and odd["notes"] == []


def check_errors(folder):
    """What is no run, or cannot be written, is said; other runs are written all the same."""
    run = fixture.rich(folder / "run")
    _, said = lode("report", code=2)
    assert "RUN" in said
    (folder / "empty").mkdir()
    out, said = lode("report", folder / "empty", folder / "nowhere", run, code=2)
    assert out.strip() == str(run / "report.html") and said.count("no run directory") == 2
    (run / "report.html").unlink()
    (run / "report.html").mkdir()
    _, said = lode("report", run, code=1)
    assert "report.html" in said
    assert json.loads(lode("report", "--json", folder / "empty", run, code=2)[0])[0]["seed"] == "3"
    assert "Usage" in lode("report", "--help")[0] and "report" in lode("--help")[0]


def check_names(folder):
    """Blanks and bytes that are no UTF-8 in the path."""
    odd = os.fsdecode(os.fsencode(str(folder)) + b"/a b\xff")
    run = fixture.rich(odd)
    subprocess.run([LODE, "report", os.fsencode(str(run))], check=True, capture_output=True)
    assert "a b\ufffd" in Page(run / "report.html").text
    done = subprocess.run([LODE, "report", "--json", os.fsencode(str(run))], check=True, capture_output=True)
    assert json.loads(done.stdout)[0]["path"].endswith("a b\ufffd")


CHECKS = {name[6:]: check for name, check in list(globals().items()) if name.startswith("check_")}


def main():
    print(f"1..{len(CHECKS)}")
    for number, (name, check) in enumerate(CHECKS.items(), 1):
        verdict = "ok"
        with tempfile.TemporaryDirectory() as folder:
            try:
                check(pathlib.Path(folder))
            except (AssertionError, LookupError, TypeError, ValueError, OSError, subprocess.SubprocessError) as why:
                verdict = "not ok"
                print(f"/report/{name}: {type(why).__name__}: {why}", file=sys.stderr)
        print(f"{verdict} {number} /report/{name}", flush=True)
    return 0


LODE = sys.argv[1]

if __name__ == "__main__":
    sys.exit(main())
