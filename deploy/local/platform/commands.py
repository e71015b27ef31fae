"""What down, restart, kill, hang, resume and status do."""

import os
import signal
import time

from processes import Parts, PlatformError
from progress import Progress
from run_dir import RunDir

READY_SECONDS = 60


def down(options):
    """Ends all parts, the stores last. With --purge the run directory goes too, so nobody waits
    for a tidy end."""
    run_dir = RunDir(options.run_dir)
    if not run_dir.exists():
        print(f"nothing runs in {run_dir.path}")
        return
    parts = Parts(run_dir)
    progress = Progress()
    running = [n for n in parts.names() if parts.pid(n)]
    stores = {"postgres", "redis", "etcd"}
    for group in (
        [n for n in parts.names() if n not in stores],
        sorted(stores & set(parts.names())),
    ):
        for name in group:  # all together first, then wait for each
            if options.purge:
                parts.signal(name, signal.SIGKILL)
            else:
                parts.signal(name, signal.SIGCONT)
                parts.ask_to_stop(name)
        for name in group:
            parts.stop(name)
    progress.say(f"{len(running)} parts stopped")
    if options.purge:
        run_dir.remove()


def _aimed(options):
    """The parts that the given names mean."""
    run_dir = RunDir(options.run_dir)
    if not run_dir.exists():
        raise PlatformError(f"no platform was ever started in {run_dir.path}")
    parts = Parts(run_dir)
    names = []
    for wanted in options.name:
        found = parts.matching(wanted)
        if not found:
            raise PlatformError(
                f"there is no part called {wanted}; parts are: {' '.join(parts.names())}"
            )
        names += found
    return parts, names


def restart(options):
    """All at once, then waits for each: parts that need each other find together by themselves."""
    parts, names = _aimed(options)
    progress = Progress()
    started = [parts.restart(name) for name in names]
    for part in started:
        with progress.step(part.name):
            parts.wait_ready(part, READY_SECONDS)


def kill(options):
    """Like a crash: no chance to say goodbye."""
    _signal(options, signal.SIGKILL, "killed")


def hang(options):
    """Alive for the kernel, dead for everybody else."""
    _signal(options, signal.SIGSTOP, "hangs")


def resume(options):
    _signal(options, signal.SIGCONT, "goes on")


def _signal(options, number, done):
    parts, names = _aimed(options)
    for name in names:
        print(f"{name}: {done if parts.signal(name, number) else 'does not run'}")


def status(options):
    parts = Parts(RunDir(options.run_dir))
    for name in parts.names():
        pid = parts.pid(name)
        print(f"{name:<18} {f'pid {pid}' if pid else 'not running'}")


def guard(options):
    """Waits until the process is gone, then takes the platform down and away."""
    while os.path.exists(f"/proc/{options.pid}"):
        time.sleep(0.5)
    options.purge = True
    down(options)
