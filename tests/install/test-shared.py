#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An installation that many share: read-only for them, its plugins safe from each other, and tested by
`lode doctor` without any source.

Usage: test-shared.py SOURCE-ROOT BUILD-ROOT PREFIX COMPILER…. Prints TAP.
"""
import grp
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys

from prefix import DONE, FAILED, PLUGIN, USAGE, USER, Skip, main, need, need_root

# A training of a moment on made data.
SMALL = """
experiment = "small";
data = { type = "noise"; noise = { side = 4; train = 64; test = 16; }; valid = 16; };
backbone = { type = "mlp"; mlp = { hidden = [ 8 ]; }; };
fit = { epochs = 1; batch = 16; };
stages = { train = { type = "train"; }; };
"""


def small(place, more="", name="small.cfg"):
    path = place.folder / name
    path.write_text(SMALL + more, encoding="utf-8")
    path.chmod(0o644)
    return path


def plugins(place):
    return place.one("plugins")


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def env_of(runs):
    return json.loads(next(runs.rglob("env.json")).read_text(encoding="utf-8"))


def entry_of(runs, kind, name):
    return next(one for one in env_of(runs)["plugins"] if (one["kind"], one["name"]) == (kind, name))


def snapshot(folder):
    return {str(path): (path.lstat().st_mtime_ns, path.lstat().st_mode) for path in [folder, *folder.rglob("*")]}


def own_plugin(place, folder, name="mine"):
    """A loss of that name, built against the installed headers alone."""
    text = (place.source / "plugins/loss/mse/mse.c").read_text(encoding="utf-8").replace('.name = "mse"', f'.name = "{name}"')
    source, made = place.folder / f"{name}.c", folder / f"loss_{name}.so"
    source.write_text(text, encoding="utf-8")
    glib = subprocess.run([need("pkg-config"), "--cflags", "glib-2.0"], stdout=subprocess.PIPE, encoding="utf-8", check=True).stdout.split()
    subprocess.run([*place.compiler, f"-I{place.tree / 'include'}", *glib, "-std=c17", "-shared", "-fPIC",
                    "-fvisibility=hidden", "-Wl,-z,nodelete", "-o", str(made), str(source)], check=True)
    made.chmod(0o644)
    return made


def check_read_only(place):
    """A user who may write nothing but a home works in it; only the runs and the caches grow."""
    need_root()
    home = place.room("home", owner=USER)
    before = snapshot(place.tree)
    config = small(place)
    for words in (("list",), ("doctor",), ("show", "loss/ce"), ("run", "quickstart.cfg", "--plan"), ("run", config, f"runs={home / 'runs'}")):
        place.run(*words, user=USER, cwd=home, code=None if words[-1] == "--plan" else DONE)
    assert snapshot(place.tree) == before, "the installed tree has changed"
    grown = {path.relative_to(home).parts[0] for path in home.rglob("*")}
    assert grown == {"runs"}, f"found in the home: {sorted(grown)}"


def check_user_plugins(place):
    """Plugins of one's own are found in the user's folder, and are nobody else's."""
    need_root()
    home = place.room("home", owner=USER)
    own = home / ".local/share/lode-0/plugins"
    own.mkdir(parents=True)
    made = own_plugin(place, own)
    subprocess.run(["chown", "-R", str(USER), str(home)], check=True)
    runs = home / "runs"
    place.run("run", small(place), "loss.type=mine", f"runs={runs}", user=USER, cwd=home)
    entry = entry_of(runs, "loss", "mine")
    assert (entry["from"], entry["sha256"]) == ("user", digest(made)), entry
    said = place.run("run", small(place), "loss.type=mine", cwd=home, code=USAGE, HOME=str(place.folder)).stderr
    assert 'no loss called "mine"' in said, said


def refused(place, *words, **more):
    said = place.run("run", small(place), "--plan", code=PLUGIN, **more).stderr
    for word in ("cannot load plugin", *words):
        assert word in said, f"nothing says {word}: {said}"


def check_writable(place):
    """Whatever on the way to an installed plugin others may write, the plugin is refused for it."""
    folder = plugins(place)
    for path, mode in ((folder / "loss_ce.so", 0o666), (folder, 0o777), (folder.parent, 0o777), (place.tree, 0o777), (place.folder, 0o777)):
        was = path.stat().st_mode
        try:
            path.chmod(mode)
            refused(place, "every user of this machine may write", "chmod o-w")
        finally:
            path.chmod(was)
    place.run("run", small(place), "--plan")


def some_group():
    """A group that is neither root's nor the user's own."""
    need_root()
    name = next((entry.gr_name for entry in grp.getgrall() if entry.gr_gid not in (0, os.getegid())), None)
    if not name:
        raise Skip("there is no other group")
    return name


def check_group(place):
    """A group that may write is refused until the site trusts it, and then stands in the run's record."""
    name, path = some_group(), plugins(place) / "loss_ce.so"
    site = place.folder / "site.cfg"
    site.write_text(f'trusted_groups = [ "{name}" ];\n', encoding="utf-8")
    runs = place.room("runs")
    try:
        shutil.chown(path, group=name)
        path.chmod(0o664)
        refused(place, f"the group {name} may write it", "trusted_groups")
        place.run("run", small(place), f"runs={runs}", LODE_NO_SITE=None, LODE_SITE=str(site))
    finally:
        os.chown(path, 0, 0)
        path.chmod(0o755)
    assert entry_of(runs, "loss", "ce")["trusted_groups"] == name
    assert "trusted_groups" not in entry_of(runs, "backbone", "mlp")


def check_named(place):
    """A file named on the command line is loaded whoever may write it; the run says where from and why not."""
    folder, runs = place.room("anybody"), place.room("runs")
    made = own_plugin(place, folder)
    folder.chmod(0o777)
    config = small(place)
    said = place.run("run", config, "loss.type=mine", f"runs={runs}", "-P", folder, code=PLUGIN).stderr
    assert "every user of this machine may write its folder" in said, said
    place.run("run", config, "loss.type=mine", f"runs={runs}", "--plugin", made)
    entry = entry_of(runs, "loss", "mine")
    assert entry["from"] == "file" and "every user" in entry["unsafe"] and entry["path"] == str(made), entry


def check_broken(place):
    """A plugin that does not load ends with one exit code, whoever names it."""
    folder = place.room("own")
    bad = folder / "loss_bad.so"
    bad.write_bytes((plugins(place) / "loss_ce.so").read_bytes())
    config = small(place, 'loss = { type = "bad"; };\n', "bad.cfg")
    place.run("run", config, "-P", folder, code=PLUGIN)
    place.run("run", small(place), "--plugin", bad, code=PLUGIN)
    place.run("sweep", config, "seed=1..2", "--list", "-P", folder, code=PLUGIN)
    place.run("run", small(place), "loss.type=none-such", code=USAGE)
    place.run("run", config, "-P", folder, "banana=1", code=PLUGIN)
    place.run("run", small(place), "banana=1", code=USAGE)


def pin(kind, name, **values):
    inner = " ".join(f'{key} = "{value}";' for key, value in values.items())
    return f"plugins = {{ {kind} = {{ {name} = {{ {inner} }}; }}; }};\n"


def check_pins(place):
    """What a configuration pins is what runs, or nothing does; a resumed run keeps to it."""
    runs, path = place.room("runs"), plugins(place) / "loss_ce.so"
    shown = json.loads(place.run("show", "loss/ce", "--json").stdout)
    good = pin("loss", "ce", version=shown["version"], sha256=shown["sha256"])
    place.run("run", small(place, good), f"runs={runs}")
    kept = next(runs.rglob("config.cfg")).read_text(encoding="utf-8")
    assert shown["sha256"] in kept, kept
    for text, code, words in (
            (pin("loss", "ce", version="9.9"), PLUGIN, "version to 9.9"),
            (pin("loss", "ce", sha256="0" * 64), PLUGIN, f"found {digest(path)}"),
            (pin("loss", "ce", sha256="12"), USAGE, "64 hexadecimal digits"),
            (pin("loss", "cee", version="1.0"), USAGE, 'did you mean "ce"?'),
            (pin("losses", "ce", version="1.0"), USAGE, "named after a kind"),
            (pin("loss", "ce", versions="1.0"), USAGE, "version"),
            (pin("loss", "ce", path="/x/loss_ce.so"), USAGE, "path"),
            ("plugins = 3;\n", USAGE, "must be a group")):
        said = place.run("run", small(place, text), "--plan", code=code).stderr
        assert words in said, f"{text}: {said}"
    # The same place with and without pins: they change nothing that is computed.
    done = place.run("run", small(place), "--again", f"runs={runs}").stdout
    assert len(list(runs.rglob("config.cfg"))) == 2 and "-2" in done, done


def check_no_code(place):
    """No value of a configuration leads to code that is not a plugin of a folder or a --plugin file."""
    trap, mark = place.room("trap"), place.folder / "mark"
    source = trap / "trap.c"
    source.write_text('#include <stdio.h>\n__attribute__ ((constructor)) static void run (void)\n'
                      f'{{ fclose (fopen ("{mark}", "w")); }}\n', encoding="utf-8")
    subprocess.run([*place.compiler, "-shared", "-fPIC", "-o", str(trap / "loss_trap.so"), str(source)], check=True)
    (plugins(place) / "loss_x").mkdir(exist_ok=True)
    up = os.path.relpath(trap, plugins(place))
    try:
        for name in ("trap", f"{trap}/trap", f"{trap}/loss_trap.so", f"x/../{up}/loss_trap", "../trap/loss_trap", ".", ""):
            for key in ("loss", "backbone", "sampler", "data", "stages.train"):
                done = place.run("run", small(place), f'{key}.type="{name}"', "--plan", code=None, cwd=trap)
                assert done.returncode in (USAGE, PLUGIN), f"{key}.type={name}: {done.returncode} {done.stderr}"
                assert not mark.exists(), f"{key}.type={name} ran the trap"
        for more in (f'plugin = "{trap}/loss_trap.so";', f'plugins = [ "{trap}/loss_trap.so" ];', f'plugin_path = "{trap}";'):
            place.run("run", small(place, more + "\n"), "--plan", code=USAGE, cwd=trap)
            assert not mark.exists(), f"{more} ran the trap"
        # The trap itself works.
        place.run("run", small(place), "--plugin", trap / "loss_trap.so", code=PLUGIN)
        assert mark.exists()
    finally:
        (plugins(place) / "loss_x").rmdir()


def check_record(place):
    """env.json tells the commit, if there is one, and the sha256 of the data."""
    runs = place.room("runs")
    place.run("run", small(place), f"runs={runs}")
    env, result = env_of(runs), json.loads(next(runs.rglob("train/result.json")).read_text(encoding="utf-8"))
    assert env["data"]["train"]["sha256"] == result["data"]["sha256"], (env["data"], result["data"])
    assert env["data"]["train"]["type"] == "noise"
    assert entry_of(runs, "loss", "ce")["from"] == "installed"
    if (place.source / ".git").exists() and shutil.which("git"):
        assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?", env.get("commit", "")), env.get("commit")


def check_relative(place):
    """A data folder named from the current one is found again when a run is resumed from another."""
    here, runs = place.room("here"), place.room("runs")
    (here / "rows.csv").write_text("a,b,kind\n" + "".join(f"{i},{i * i % 17},k{i % 2}\n" for i in range(80)), encoding="utf-8")
    config = small(place, 'checkpoint = 0.0;\n')
    words = ("data.type=table", "data.table.file=./rows.csv", "data.table.target=[\"kind\"]", "data.valid=16", "data.test=16")
    said = place.run("show", "dataset/table", "--json").stdout
    name = next(option["name"] for option in json.loads(said)["options"] if option["name"] in ("file", "path", "folder"))
    words = tuple(word.replace("table.file", f"table.{name}") for word in words)
    place.run("run", config, *words, f"runs={runs}", cwd=here)
    run = next(runs.rglob("config.cfg")).parent
    assert str(here / "rows.csv") in (run / "config.cfg").read_text(encoding="utf-8")
    status = json.loads((run / "status.json").read_text(encoding="utf-8"))
    assert status["status"] == "done", status
    # As after a kill in the middle: the status says that it ran, the checkpoint is the last one.
    text = (run / "status.json").read_text(encoding="utf-8").replace('"done"', '"running"', 1)
    (run / "status.json").write_text(text, encoding="utf-8")
    place.run("resume", run, cwd=place.folder)


def check_left_behind(place):
    """After an upgrade: what no longer loads and why, what is hidden, what is not looked at."""
    home = place.room("home")
    old, own = home / ".local/share/lode-7/plugins", home / ".local/share/lode-0/plugins"
    for folder in (old, own):
        folder.mkdir(parents=True)
    made = own_plugin(place, own, "ce")
    shutil.copy(made, old / "loss_old.so")
    shutil.copy(plugins(place) / "loss_mse.so", own / "loss_other.so")
    (own / "mine.so").write_bytes(b"")
    done = place.run("doctor", "--plugins", "--json", code=PLUGIN)
    found = {(one["plugin"], one["state"]): one for one in json.loads(done.stdout)["plugins"]}
    assert "interface 7" in found["loss/old", "left behind"]["why"]
    assert "promises loss/other" in found["loss/other", "does not load"]["why"]
    assert found["loss/ce", "loads"]["path"] == str(made)
    assert found["loss/ce", "hidden"]["path"] == str(plugins(place) / "loss_ce.so")
    assert (None, "not looked at") in found
    text = place.run("doctor", "--plugins", code=PLUGIN).stdout
    assert "left behind" in text and "rebuild it" in text, text
    shutil.rmtree(home)
    place.run("doctor", "--plugins")


def check_author(place):
    """With lode.pc in sight a plugin is built and loaded; without, doctor says where it is."""
    need("pkg-config"), need("cc")
    packages = place.one("lode.pc")
    text = packages.read_text(encoding="utf-8")
    try:
        packages.write_text(re.sub("^prefix=.*", f"prefix={place.tree}", text, flags=re.M), encoding="utf-8")
        done = place.run("doctor", "--author", code=FAILED)
        assert f"export PKG_CONFIG_PATH={packages.parent}" in done.stdout, done.stdout
        found = json.loads(place.run("doctor", "--author", "--json", PKG_CONFIG_PATH=str(packages.parent)).stdout)["author"]
        assert found["plugin_builds"] is True and found["lode_pc"], found
        packages.write_text(packages.read_text(encoding="utf-8").replace("abi=", "abi=9"), encoding="utf-8")
        said = place.run("doctor", "--author", code=FAILED, PKG_CONFIG_PATH=str(packages.parent)).stdout
        assert "is of interface 9" in said, said
    finally:
        packages.write_text(text, encoding="utf-8")
    said = place.run("doctor", "--author", code=FAILED, CC="no-such-compiler").stdout
    assert "there is no no-such-compiler" in said, said


def check_digest(place):
    """The installed command trains, and every level that can be pinned gives the recorded bits."""
    levels = json.loads(place.run("doctor", "--json").stdout)["isa_levels"]
    for level in levels:
        if level == "reference":
            continue  # minutes, and tests compare every other level with it kernel by kernel
        training = json.loads(place.run("doctor", "--digest", "--json", code=None, LODE_ISA=level).stdout)["training"]
        assert re.fullmatch("[0-9a-f]{64}", training["digest"]), training
        assert training["verdict"] != "differs from the recorded digest", (
            f"{level}: {training}; if arithmetic was meant to change: tools/selftest/record build/tools/lode")
    recorded = json.loads(place.one("digests.json").read_text(encoding="utf-8"))
    here = training["build"]
    if here in recorded:
        assert set(levels) - {"x86-64-v4"} <= set(recorded[here]), (levels, recorded[here])


def check_full(place):
    """All of it: with what `lode check` says of every plugin. One that fails is told."""
    folder = place.room("own")
    made = own_plugin(place, folder, "odd")
    text = (place.folder / "odd.c").read_text(encoding="utf-8").replace("2 * off", "2.2 * off")
    (place.folder / "odd.c").write_text(text, encoding="utf-8")
    glib = subprocess.run([need("pkg-config"), "--cflags", "glib-2.0"], stdout=subprocess.PIPE, encoding="utf-8", check=True).stdout.split()
    subprocess.run([*place.compiler, f"-I{place.tree / 'include'}", *glib, "-std=c17", "-shared", "-fPIC", "-fvisibility=hidden",
                    "-Wl,-z,nodelete", "-o", str(made), str(place.folder / "odd.c")], check=True)
    kept = {"backbone_darts", "backbone_nb201", "backbone_resnet", "dataset_noise", "evaluator_train", "executor_here",
            "loss_ce", "sampler_full", "search_darts", "search_random", "stage_search", "stage_train"}
    aside = place.room("aside")
    others = [path for path in plugins(place).iterdir() if path.stem not in kept]
    for path in others:
        path.rename(aside / path.name)
    try:
        examine(place, folder)
    finally:
        for path in others:
            (aside / path.name).rename(path)


def examine(place, folder):
    """What --full says of few plugins, which takes a minute; of all it takes several."""
    done = place.run("doctor", "--full", "--json", code=None, LODE_PLUGIN_PATH=str(folder))
    report = json.loads(done.stdout)
    failed = {one["plugin"] for one in report["checks"] if one["failed"]}
    assert (done.returncode, failed) == (PLUGIN, {"loss/odd"}), (done.returncode, report["advice"])
    assert all(one["passed"] > 10 for one in report["checks"]), report["checks"]
    assert any(line.startswith("loss/odd: gradients/loss: ") for line in report["advice"]), report["advice"]
    assert report["training"]["verdict"] != "failed", report["training"]
    # Without a plugin that the training wants, it says so.
    path, aside = plugins(place) / "backbone_resnet.so", place.folder / "resnet.so"
    path.rename(aside)
    try:
        said = place.run("doctor", "--digest", code=FAILED).stdout
        assert "training  failed" in said and 'no backbone called "resnet"' in said, said
    finally:
        aside.rename(path)


def check_cache(place):
    """A site's cache is a full path, as its other folders are."""
    site = place.folder / "cache.cfg"
    site.write_text('cache = "relative";\n', encoding="utf-8")
    said = place.run("run", small(place), "--plan", code=USAGE, LODE_NO_SITE=None, LODE_SITE=str(site)).stderr
    assert "cache" in said and "full path" in said, said


CHECKS = {
    "/shared/read-only": check_read_only,
    "/shared/user-plugins": check_user_plugins,
    "/shared/writable": check_writable,
    "/shared/group": check_group,
    "/shared/named": check_named,
    "/shared/broken": check_broken,
    "/shared/pins": check_pins,
    "/shared/no-code": check_no_code,
    "/shared/record": check_record,
    "/shared/relative": check_relative,
    "/shared/left-behind": check_left_behind,
    "/shared/author": check_author,
    "/shared/digest": check_digest,
    "/shared/full": check_full,
    "/shared/cache": check_cache,
}

if __name__ == "__main__":
    sys.exit(main(CHECKS))
