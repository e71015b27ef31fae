"""Finds the metrics that the sources declare. Used by names.py, by dashboards.py and by docs/generate."""

import dataclasses
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]

TEXT = r'"(?:[^"\\]|\\.)*"'
DECLARATION = re.compile(
    r"\b(Counter|Gauge|Histogram)(Family|From)?\(\s*"  # which type
    rf"({TEXT})\s*,\s*"                                # name
    rf"((?:{TEXT}\s*)+)"                               # help, perhaps in several pieces
    r"(?:,\s*\{([^}]*)\})?")                           # labels of a family


@dataclasses.dataclass(frozen=True)
class Metric:
    name: str
    type: str
    help: str
    labels: tuple
    path: str


def declared():
    """Every metric of the product, sorted by name; a name may be declared in several places."""
    found = []
    for top in ("libs", "services"):
        for path in sorted((ROOT / top).rglob("*")):
            if path.suffix not in (".h", ".cpp") or "_test." in path.name:
                continue
            if path.parent.name in ("telemetry", "testing"):
                continue
            for kind, form, name, text, labels in DECLARATION.findall(path.read_text()):
                found.append(Metric(
                    name=name.strip('"'),
                    type=kind.lower(),
                    help="".join(re.findall(r'"((?:[^"\\]|\\.)*)"', text)).replace('\\"', '"'),
                    labels=tuple(re.findall(r'"([^"]*)"', labels)) if form == "Family" else (),
                    path=str(path.relative_to(ROOT))))
    return sorted(found, key=lambda m: (m.name, m.path))
