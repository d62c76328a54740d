# SPDX-License-Identifier: Apache-2.0
"""What the public headers declare: structures with their members, and constants."""
import re

COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
STRUCT = re.compile(r"\bstruct\s+(Lode\w+)\s*\{(.*?)\}", re.DOTALL)
ENUM = re.compile(r"\benum(?:\s+\w+)?\s*\{(.*?)\}", re.DOTALL)


def headers(root):
    return sorted((root / "include/lode").glob("*.h"))


def plain(path):
    """The text without comments and preprocessor lines."""
    text = COMMENT.sub(" ", path.read_text(encoding="utf-8")).replace("\\\n", " ")
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))


def members_of(body):
    """The names that a structure's declarations declare, in order."""
    for declaration in body.split(";"):
        declaration = " ".join(declaration.split())
        function = re.search(r"\(\*(\w+)\)", declaration)
        if function:
            yield function[1]
        elif declaration:
            for part in declaration.split(","):
                yield re.search(r"(\w+)\s*(?:\[[^\]]*\])?$", part.strip())[1]


def declared(path):
    """Of one header: ("STRUCT", name, ""), ("MEMBER", structure, name), ("CONSTANT", name, "")."""
    text = plain(path)
    for struct in STRUCT.finditer(text):
        yield ("STRUCT", struct[1], "")
        for member in members_of(struct[2]):
            yield ("MEMBER", struct[1], member)
    for enum in ENUM.finditer(text):
        for constant in re.findall(r"\bLODE_\w+(?=\s*(?:[,=]|$))", enum[1]):
            yield ("CONSTANT", constant, "")
