#!/usr/bin/env python3
"""Checks who includes whom against the tables in libs/README.md."""

import fnmatch
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
MINIMUM_FILES = 150  # fewer means that the search looked in the wrong place
INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)
OURS = ("libs/", "services/", "deploy/", "tests/", "holdfast/", "grpc/", "etcd/")


def read_tables(text):
    """Rows of both tables: {folder pattern: prefixes} and {third-party prefix: folders}."""
    allowed, third_party = {}, {}
    table = None
    for line in text.splitlines():
        if not line.startswith("|"):
            table = None
        elif line.startswith("| folder |"):
            table = allowed
        elif line.startswith("| third-party header |"):
            table = third_party
        elif table is not None and "`" in line:
            left, right = (re.findall(r"`([^`]+)`", cell) for cell in line.strip("|").split("|"))
            for name in left:
                table[name] = right
    return allowed, third_party


def rule_for(path, allowed):
    """The most specific pattern that matches the file or a folder above it."""
    names = [path] + [str(p) for p in pathlib.PurePosixPath(path).parents]
    matching = [p for p in allowed for name in names
                if fnmatch.fnmatchcase(name, p) and name.count("/") == p.count("/")]
    return max(matching, key=lambda p: (p.count("/"), len(p.replace("*", ""))), default=None)


def is_test(path):
    return path.startswith("tests/") or path.startswith("libs/testing/") or "_test." in path or \
        pathlib.PurePosixPath(path).name.startswith("fake_")


def permitted(path, included, prefixes):
    here = str(pathlib.PurePosixPath(path).parent)
    service = "/".join(path.split("/")[:2])
    if included.startswith(here + "/"):
        return True
    if path.startswith("libs/") and included.startswith(service + "/"):
        return True
    if is_test(path) and path.startswith("services/"):
        prefixes = prefixes + ["services/*", "libs/app", "libs/http", "libs/storage", "holdfast/"]
    if is_test(path):
        prefixes = prefixes + ["libs/testing", "libs/base"]
    for prefix in prefixes:
        prefix = prefix.replace("services/*", service)
        if included.startswith(prefix.rstrip("/") + "/"):
            return True
    return False


def violations(path, text, allowed, third_party):
    pattern = rule_for(path, allowed)
    if pattern is None:
        yield f"{path}: no row of libs/README.md says what it may include"
        return
    for quoted, angled in INCLUDE.findall(text):
        if quoted.startswith(OURS):
            if not permitted(path, quoted, allowed[pattern]):
                yield f"{path}: includes {quoted}, but {pattern} may not"
        elif quoted and (ROOT / path).parent.joinpath(quoted).exists():
            yield f"{path}: includes {quoted} without its path from the repository root"
        for header, folders in third_party.items():
            if (quoted or angled).startswith(header) and not quoted.startswith("grpc/health/"):
                if not is_test(path) and not any(path.startswith(f + "/") for f in folders):
                    yield f"{path}: includes {quoted or angled}, which belongs to {', '.join(folders)}"


def main():
    allowed, third_party = read_tables((ROOT / "libs/README.md").read_text())
    assert len(allowed) > 10 and len(third_party) > 5, "the tables in libs/README.md were not found"
    files = [p for top in ("libs", "services", "deploy/tools", "tests")
             for p in sorted((ROOT / top).rglob("*")) if p.suffix in (".h", ".cpp")]
    found = [v for p in files
             for v in violations(str(p.relative_to(ROOT)), p.read_text(), allowed, third_party)]
    print("\n".join(found))
    print(f"{len(files)} files, {len(found)} wrong includes")
    if len(files) < MINIMUM_FILES:
        print(f"expected at least {MINIMUM_FILES} files")
        return 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
