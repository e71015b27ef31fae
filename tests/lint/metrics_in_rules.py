#!/usr/bin/env python3
"""Checks that every metric which an alert, a dashboard, a page or a test names is really exported."""

import re
import sys

import metrics

PLACES = ("deploy/prometheus", "deploy/grafana", "deploy/local", "docs", "tests/e2e", "tests/chaos")
SUFFIXES = {".yml", ".yaml", ".json", ".md", ".in", ".cpp", ".h", ".py"}
NAME = re.compile(r"\bholdfast_[a-z0-9_]+[a-z0-9]\b(?![*.{/]|_?<)")
# Names that begin so but are no metrics: libraries and folders of the build.
OTHER = re.compile(r"holdfast_(library|service|test|proto|warnings|embed_migrations|toolchain)$"
                   r"|holdfast_\w+_(proto|service|test)$")


def exported():
    names = set()
    for metric in metrics.declared():
        names.add(metric.name)
        if metric.type == "histogram":
            names.update(metric.name + end for end in ("_bucket", "_sum", "_count"))
    return names


def main():
    known = exported()
    found, uses = [], 0
    for place in PLACES:
        for path in sorted((metrics.ROOT / place).rglob("*")):
            if not path.is_file() or path.suffix not in SUFFIXES:
                continue
            for number, line in enumerate(path.read_text().splitlines(), 1):
                for name in NAME.findall(line):
                    if OTHER.search(name):
                        continue
                    uses += 1
                    if name not in known:
                        found.append(f"{path.relative_to(metrics.ROOT)}:{number}: {name} is exported nowhere")
    print("\n".join(found))
    print(f"{uses} uses of metrics, {len(found)} unknown")
    if uses < 20:
        print("expected at least 20 uses")
        return 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
