#!/usr/bin/env python3
"""Has clang check what ABSL_GUARDED_BY and its kin promise, in all of libs and services.

    tests/lint/thread_safety.py [BUILD_FOLDER]       default: build/dev, which must have been built
    tests/lint/thread_safety.py --only libs/rpc      files below one folder

Only files that can be at fault are compiled (syntax only): those that say something about locks
themselves, or include a header of ours that does. Needs clang++; takes some minutes of one core.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
MINIMUM_FILES = 60  # fewer means that the search looked in the wrong place
LOCKS = re.compile(r"ABSL_(GUARDED_BY|PT_GUARDED_BY|\w+_LOCKS_REQUIRED|LOCKS_EXCLUDED)|absl::\w*Mutex")
INCLUDE = re.compile(r'^\s*#\s*include\s+"((?:libs|services)/[^"]+)"', re.MULTILINE)
# What gcc knows and clang does not, and what it would write.
DROPPED = re.compile(r"-(W\S*|f(no-)?\S+|g\d?|O\d|c|mtune=\S+|march=\S+)$")


def speaks_of_locks(file):
    text = file.read_text()
    if LOCKS.search(text):
        return True
    headers = (ROOT / name for name in INCLUDE.findall(text))
    return any(header.exists() and LOCKS.search(header.read_text()) for header in headers)


def command_of(entry):
    words = entry["arguments"] if "arguments" in entry else shlex.split(entry["command"])
    kept = []
    skip = False
    for word in words:
        if skip or word.endswith(("ccache", "c++", "g++")) or DROPPED.match(word):
            skip = False
        elif word in ("-o", "-MF", "-MT"):
            skip = True
        elif word != "-MD":
            kept.append(word)
    return ["clang++", "-fsyntax-only", "-w", "-Wthread-safety", "-Werror=thread-safety", *kept]


def check(entry):
    done = subprocess.run(command_of(entry), cwd=entry["directory"], capture_output=True, text=True)
    return entry["file"], done.returncode, done.stderr


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("build", nargs="?", default=str(ROOT / "build/dev"))
    arguments.add_argument("--only", default="")
    options = arguments.parse_args()
    entries = []
    for entry in json.loads((pathlib.Path(options.build) / "compile_commands.json").read_text()):
        file = (pathlib.Path(entry["directory"]) / entry["file"]).resolve()
        if not file.is_relative_to(ROOT) or not file.exists():
            continue
        name = str(file.relative_to(ROOT))
        if not name.startswith(("libs/", "services/")) or name.endswith("_test.cpp"):
            continue
        if name.startswith(options.only) and speaks_of_locks(file):
            entries.append(dict(entry, file=name))
    if not options.only and len(entries) < MINIMUM_FILES:
        sys.exit(f"only {len(entries)} files found: is {options.build} configured?")
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, code, errors in pool.map(check, entries):
            if code != 0:
                bad += 1
                print(f"{name}:\n{errors}", file=sys.stderr)
    print(f"thread safety: {len(entries)} files, {bad} with errors")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
