#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A header as doxygen wants it: its plain comments become the documentation of what they stand at.

Usage: reference-filter.py HEADER. Prints it.
"""
import pathlib
import re
import sys


def escape(text):
    """Comments are prose: what looks like a tag, a command or a link in them is none."""
    text = re.sub(r"[\\@]", r"\\\g<0>", text)
    return text.replace("<", "&lt;").replace(">", "&gt;").replace("#", "\\#").replace("%", "%%")


def document(name, text):
    first = True
    out, at = [], 0
    for match in re.finditer(r"/\*.*?\*/", text, re.S):
        line = text[text.rfind("\n", 0, match.start()) + 1:match.start()]
        body = escape(match.group()[2:-2])
        out.append(text[at:match.start()])
        at = match.end()
        if "SPDX" in body:
            out.append(match.group())
        elif first:
            out.append(f"/** @file {name}\n{body}*/")
            first = False
        elif line.strip():
            out.append(f"/**<{body}*/")
        else:
            out.append(f"/**{body}*/")
    return "".join(out) + text[at:]


header = pathlib.Path(sys.argv[1])
sys.stdout.write(document(header.name, header.read_text(encoding="utf-8")))
