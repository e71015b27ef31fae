"""Ports of the platform: chosen once, remembered in the run directory, never taken from others."""

import os
import random
import socket

FIRST, LAST = 20000, 31999  # below the range from which the kernel serves outgoing connections


def is_taken(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def accepts(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def owner(port):
    """Who listens on a port, in words."""
    inodes = _listening_inodes(port)
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            for descriptor in os.scandir(f"/proc/{pid}/fd"):
                if os.readlink(descriptor.path) in inodes:
                    with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as f:
                        return f"{f.read().strip()} (pid {pid})"
        except OSError:
            continue
    return "another program"


def _listening_inodes(port):
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(table, encoding="ascii") as f:
                rows = [line.split() for line in f][1:]
        except OSError:
            continue
        for row in rows:
            if row[3] == "0A" and int(row[1].rpartition(":")[2], 16) == port:
                inodes.add(f"socket:[{row[9]}]")
    return inodes


def choose(names, remembered, fixed):
    """A port for every name: the fixed one, else the remembered one, else a free one.

    The start of the search is random so that platforms started together do not meet.
    """
    chosen = {n: fixed.get(n) or remembered[n] for n in names if n in fixed or n in remembered}
    used = set(chosen.values())
    candidate = random.randint(FIRST, LAST)
    for name in names:
        if name in chosen:
            continue
        while candidate in used or is_taken(candidate):
            candidate = FIRST if candidate >= LAST else candidate + 1
        chosen[name] = candidate
        used.add(candidate)
    return chosen
