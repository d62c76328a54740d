#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes layout.def anew from the headers, after a change that was meant. What `git diff` then shows
is what plugins will notice; LODE_ABI_MINOR has to rise with it.
"""
import pathlib
import subprocess
import tempfile

import declarations

HEAD = """\
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where every member of the plugin interface lies on a 64-bit machine, and what its constants are.
 * STRUCT: name, size. MEMBER: structure, name, offset, size. Written by write-layout.py.
 */
"""
LINE = {
    "STRUCT": 'printf ("STRUCT (%s, %%zu)\\n", sizeof (struct %s));',
    "MEMBER": 'printf ("MEMBER (%s, %s, %%zu, %%zu)\\n", offsetof (struct %s, %s), sizeof (((struct %s *) 0)->%s));',
    "CONSTANT": 'printf ("CONSTANT (%s, %%d)\\n", (int) %s);',
}


def line(what, name, member):
    return LINE[what] % ((name, member) * 3 if what == "MEMBER" else (name, name))


def program(root):
    yield "#include <lode/lode.h>\n#include <stdio.h>\nint main (void) {"
    yield 'printf ("ABI (%d, %d)\\n", LODE_ABI_MAJOR, LODE_ABI_MINOR);'
    for path in declarations.headers(root):
        found = [line(*one) for one in declarations.declared(path)]
        if found:
            yield f'puts ("\\n/* {path.name} */");'
            yield from found
    yield "return 0; }"


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    flags = subprocess.check_output(["pkg-config", "--cflags", "glib-2.0"], encoding="utf-8").split()
    with tempfile.TemporaryDirectory() as folder:
        built = pathlib.Path(folder) / "layout"
        subprocess.run(["cc", "-std=c17", "-x", "c", "-", "-o", built, "-I", root / "include", *flags],
                       input="\n".join(program(root)), encoding="utf-8", check=True)
        said = subprocess.check_output([built], encoding="utf-8")
    (root / "tests/abi/layout.def").write_text(HEAD + said, encoding="utf-8")


if __name__ == "__main__":
    main()
