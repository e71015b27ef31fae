#!/usr/bin/env python3
"""Checks the names of metrics and the words of the code against docs/architecture.md and the glossary."""

import pathlib
import re
import sys

import metrics

ROOT = metrics.ROOT
MINIMUM_METRICS = 30
MINIMUM_FILES = 200

# Units are seconds, bytes and ratios.
WRONG_UNITS = re.compile(r"_(ms|millis|milliseconds|us|micros|minutes|hours|kb|mb|percent)(_|$)")
# A label with one value per subscriber or address would make a series for each of them.
WRONG_LABELS = {"account", "account_id", "device", "device_id", "mac", "url", "path", "address", "ip",
                "user", "token"}

UNFINISHED = re.compile(r"\b(TODO|FIXME|HACK)\b|\bfor now\b")
# Said differently in Holdfast; see docs/glossary.md. The protocol of old set-top boxes has its own
# words, and its adapter has to use them.
WRONG_WORDS = re.compile(r"\b(customer|bouquet|dvr)s?\b", re.IGNORECASE)
OLD_BOX_WORDS = re.compile(r"\b(itv|create_link|handshake)\b", re.IGNORECASE)
OLD_BOX_FILES = re.compile(r"(portal|stalker|stb|box)")

SOURCES = (".h", ".cpp", ".proto", ".sql")


def metric_violations():
    kinds = {}
    for metric in metrics.declared():
        where = f"{metric.path}: metric {metric.name}"
        if not re.fullmatch(r"holdfast(_[a-z0-9]+)+", metric.name):
            yield f"{where}: names are holdfast_<service>_<thing>_<unit>"
        if (metric.type == "counter") != metric.name.endswith("_total"):
            yield f"{where}: counters, and nothing else, end in _total"
        if WRONG_UNITS.search(metric.name):
            yield f"{where}: units are seconds, bytes or ratio"
        if metric.path.startswith("services/"):
            service = metric.path.split("/")[1]
            if not metric.name.startswith(f"holdfast_{service}_"):
                yield f"{where}: metrics of this folder begin with holdfast_{service}_"
        if not metric.help.endswith("."):
            yield f"{where}: the help is a sentence"
        for label in WRONG_LABELS.intersection(metric.labels):
            yield f"{where}: label {label} has too many values"
        if kinds.setdefault(metric.name, (metric.type, metric.labels)) != (metric.type, metric.labels):
            yield f"{where}: declared differently elsewhere"


def word_violations(files):
    for path in files:
        name = str(path.relative_to(ROOT))
        for number, line in enumerate(path.read_text().splitlines(), 1):
            for pattern in (UNFINISHED, WRONG_WORDS):
                if match := pattern.search(line):
                    yield f"{name}:{number}: '{match.group(0)}'"
            match = OLD_BOX_WORDS.search(line)
            if match and "/domain/" in name and not OLD_BOX_FILES.search(path.name):
                yield f"{name}:{number}: '{match.group(0)}' belongs into the portal's adapter"


def main():
    files = [p for top in ("libs", "services", "proto", "deploy/tools")
             for p in sorted((ROOT / top).rglob("*")) if p.suffix in SOURCES]
    found = list(metric_violations()) + list(word_violations(files))
    count = len(metrics.declared())
    print("\n".join(found))
    print(f"{count} metrics, {len(files)} files, {len(found)} wrong names")
    if count < MINIMUM_METRICS or len(files) < MINIMUM_FILES:
        print(f"expected at least {MINIMUM_METRICS} metrics and {MINIMUM_FILES} files")
        return 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
