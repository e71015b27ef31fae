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
            parts.signal(name, signal.SIGKILL if options.purge else signal.SIGCONT)
            parts.ask_to_stop(name)
        for name in group:
            parts.stop(name)
    progress.say(f"{len(running)} parts stopped")
    if options.purge:
        run_dir.remove()


def aim(options, act):
    """Runs `act(parts, name)` on every part that the given names mean."""
    run_dir = RunDir(options.run_dir)
    if not run_dir.exists():
        raise PlatformError(f"no platform was ever started in {run_dir.path}")
    parts = Parts(run_dir)
    for wanted in options.name:
        names = parts.matching(wanted)
        if not names:
            raise PlatformError(
                f"there is no part called {wanted}; parts are: {' '.join(parts.names())}"
            )
        for name in names:
            act(parts, name)


def restart(parts, name):
    progress = Progress()
    with progress.step(name):
        part = parts.restart(name)
        parts.wait_ready(part, READY_SECONDS)


def kill(parts, name):
    """Like a crash: no chance to say goodbye."""
    print(f"{name}: " + ("killed" if parts.signal(name, signal.SIGKILL) else "did not run"))


def hang(parts, name):
    """Alive for the kernel, dead for everybody else."""
    print(f"{name}: " + ("hangs" if parts.signal(name, signal.SIGSTOP) else "does not run"))


def resume(parts, name):
    print(f"{name}: " + ("goes on" if parts.signal(name, signal.SIGCONT) else "does not run"))


def status(options):
    parts = Parts(RunDir(options.run_dir))
    for name in parts.names():
        pid = parts.pid(name)
        print(f"{name:<18} {f'pid {pid}' if pid else 'not running'}")


def guard(options):
    """Waits until the process is gone, then takes the platform down."""
    if os.fork() != 0:
        return
    os.setsid()
    while os.path.exists(f"/proc/{options.pid}"):
        time.sleep(0.5)
    options.purge = False
    down(options)
