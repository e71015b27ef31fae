"""A zone is lost while the instances of all zones together do 60 % of what they can."""

import json
import os
import subprocess
import time

from network import PORT, Instances, Network

WORKERS, MILLISECONDS = 4, 40  # of an instance: 100 calls a second
PER_INSTANCE = WORKERS * 1000 / MILLISECONDS
LOAD = 0.6
BEFORE, DURING, AFTER = 4, 8, 6  # seconds
SHORT = (2, 4, 3)
SHORT_SCENES = ["one of three zones partitioned"]

# name: zones, instances in each, how the first zone is lost
SCENES = {
    "one of three zones killed": (3, 2, "kill"),
    "one of three zones partitioned": (3, 2, "partition"),
    "one of two zones killed": (2, 2, "kill"),
    "one of two zones partitioned": (2, 2, "partition"),
}
CLASSES = ("critical", "interactive", "background")


def lose(network, instances, lost, how):
    for i in lost:
        if how == "kill":
            instances.processes[i].kill()
        else:
            network.drop(i, "INPUT")
            network.drop(i, "OUTPUT")
    for i in lost if how == "kill" else ():
        instances.processes[i].wait()


def bring_back(network, instances, lost, how):
    for i in lost:
        if how == "kill":
            instances.start(i)
        else:
            network.flush(i)


def play(binaries, scene, seconds):
    before, during, after = seconds
    zones, in_each, how = SCENES[scene]
    count = zones * in_each
    lost = range(in_each)
    with Network(count) as network:
        instances = Instances(network, binaries / "resilience_instance", (WORKERS, MILLISECONDS))
        try:
            where = [f"{address}:{PORT}@{'abc'[i // in_each]}"
                     for i, address in enumerate(network.addresses)]
            rate = LOAD * count * PER_INSTANCE
            caller = network.start(
                network.caller, binaries / "resilience_zone_caller", before + during + after, rate,
                *where, env=dict(os.environ, GRPC_CLIENT_CHANNEL_BACKUP_POLL_INTERVAL_MS="200"),
                stderr=subprocess.DEVNULL)
            try:
                caller.stdout.readline()
                time.sleep(before)
                caller.stdin.write("fault\n")  # first: a call on its way belongs to the fault
                lose(network, instances, lost, how)
                time.sleep(during)
                bring_back(network, instances, lost, how)
                caller.stdin.write("heal\n")
                report = json.loads(caller.stdout.readline())
                caller.wait()
                return rate, report
            finally:
                caller.kill()
                caller.wait()
        finally:
            instances.close()


def answered(phase, kind):
    calls, failed = phase[kind]["calls"], phase[kind]["failed"]
    return f"{calls - failed} of {calls}"


def misses(report):
    """What of the promise is not kept: no critical call fails, and all is well again afterwards."""
    for name in ("before", "fault", "after"):
        critical = report[name]["critical"]
        if critical["failed"] > 0:
            yield f"{critical['failed']} critical calls failed ({name}): {critical['first']}"
        if critical["calls"] == 0:
            yield f"no critical call was made ({name})"


def run(binaries, short):
    """Prints the table; what was missed, in words."""
    missed = []
    print(f"\nThree classes of calls at {LOAD:.0%} of the capacity of all zones; answered while the zone "
          "is away\n\n| lost | calls/s | left for | critical | interactive | background "
          "| critical p99 ms, before / meanwhile / after | tries a call |\n|---|---|---|---|---|---|---|---|",
          flush=True)
    for scene in SHORT_SCENES if short else SCENES:
        zones, in_each, _ = SCENES[scene]
        rate, report = play(binaries, scene, SHORT if short else (BEFORE, DURING, AFTER))
        left = (zones - 1) * in_each * PER_INSTANCE
        p99 = " / ".join(str(report[name]["critical"]["p99"]) for name in ("before", "fault", "after"))
        cells = " | ".join(answered(report["fault"], kind) for kind in CLASSES)
        print(f"| {scene} | {rate:.0f} | {left:.0f} | {cells} | {p99} | {report['tries_per_call']} |",
              flush=True)
        missed += [f"{scene}: {what}" for what in misses(report)]
    return missed
