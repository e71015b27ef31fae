"""Ports of the platform: chosen once, remembered in the run directory, never taken from others."""

import os
import random
import socket

# Above the range from which the kernel serves outgoing connections, and away from where programs
# usually listen. A platform takes its ports from one block.
FIRST, BLOCKS, BLOCK_SIZE = 61000, 70, 64

_reserved = []  # sockets that keep blocks from platforms that start at the same moment


class PortError(Exception):
    """No ports left on this machine."""


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
    """A port for every name: the fixed one, else the remembered one, else a free one."""
    chosen = {n: fixed.get(n) or remembered[n] for n in names if n in fixed or n in remembered}
    missing = [n for n in names if n not in chosen]
    if missing:
        chosen.update(zip(missing, _free_block(len(missing), set(chosen.values()))))
    return chosen


def _free_block(count, used):
    """Ports of a block in which all that are needed are free. Its first port stays reserved until
    this program ends: by then the parts hold their own."""
    for block in random.sample(range(BLOCKS), BLOCKS):
        first = FIRST + block * BLOCK_SIZE
        marker = socket.socket()
        try:
            marker.bind(("127.0.0.1", first))
        except OSError:
            marker.close()
            continue
        free = [
            p for p in range(first + 1, first + BLOCK_SIZE) if p not in used and not is_taken(p)
        ]
        if len(free) >= count:
            _reserved.append(marker)
            return free[:count]
        marker.close()
    raise PortError(f"no block of {count} free ports between {FIRST} and 65535")
