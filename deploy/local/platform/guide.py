"""Shifts the demo guide to today: each channel's days are repeated so that yesterday to next week
are full. A guide of whole weeks keeps its weekdays."""

import gzip
import re
from collections import defaultdict
from datetime import date, timedelta

DAYS_BACK, DAYS_AHEAD = 1, 7
PROGRAMME = re.compile(rb"[ \t]*<programme\b.*?</programme>\r?\n?", re.S)
START = re.compile(rb'\bstart="(\d{8})')
CHANNEL = re.compile(rb'\bchannel="([^"]*)"')
TIME = re.compile(rb'\b(start|stop)="(\d{8})')


def to_date(text):
    return date(int(text[:4]), int(text[4:6]), int(text[6:8]))


def shifted(programme, by):
    def move(match):
        day = to_date(match[2]) + by
        return b'%s="%s' % (match[1], day.strftime("%Y%m%d").encode())

    return TIME.sub(move, programme)


def shift(document, today):
    """The XMLTV document with its programmes moved and repeated around `today`."""
    programmes = PROGRAMME.findall(document)
    head = document[: document.index(programmes[0])]
    days = defaultdict(lambda: defaultdict(list))  # channel -> first day -> programmes
    for programme in programmes:
        day = to_date(START.search(programme)[1])
        days[CHANNEL.search(programme)[1]][day].append(programme)

    body = []
    for by_day in days.values():
        first = min(by_day)
        period = (max(by_day) - first).days + 1
        for offset in range(-DAYS_BACK, DAYS_AHEAD + 1):
            target = today + timedelta(days=offset)
            source = first + timedelta(days=(target - first).days % period)
            body += [shifted(p, target - source) for p in by_day[source]]
    return head + b"".join(body) + b"</tv>\n"


def write_today(source, target, today):
    """Writes the shifted guide, gzipped like its source. True if it differs from what was there."""
    document = shift(gzip.decompress(source.read_bytes()), today)
    packed = gzip.compress(document, mtime=0)
    if target.exists() and target.read_bytes() == packed:
        return False
    partial = target.with_name(target.name + ".partial")
    partial.write_bytes(packed)
    partial.replace(target)
    return True
