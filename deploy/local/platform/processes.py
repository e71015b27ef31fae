"""Parts: the processes of the platform, each a daemon with a pid file, a log and a recipe.

A part is written down in <run>/parts/<name>.json when it is started, so that `restart` brings it
back from that alone. A part is known by its process id and the start time of that process: a pid
that the kernel gave to somebody else is never signalled.
"""

import json
import os
import pwd
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass, field
from pathlib import Path

import ports


class PlatformError(Exception):
    """Something a person has to know; printed without a stack."""


@dataclass
class Part:
    name: str
    argv: list
    env: dict = field(default_factory=dict)
    cwd: str = "/"  # a folder of its own: tells its processes from others
    user: str = ""  # become this user; only when we are root
    port: int = 0  # what it listens on; 0: nothing
    ready_url: str = ""  # answers 200 when the part can be used
    ready_port: int = 0  # or: accepts connections there
    ready_command: list = field(default_factory=list)  # or: ends with 0
    stop_signal: int = signal.SIGTERM
    stop_seconds: float = 12.0
    stale_files: list = field(default_factory=list)  # a crash leaves them and they stop a start
    fingerprint: str = ""  # changes when the program or its configuration did


def start_ticks(pid):
    """Start time of a living process in clock ticks since boot; 0 if it is gone or a zombie."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
            fields = f.read().rpartition(")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] in "ZX" else int(fields[19])


def processes_of(part, pid):
    """Process ids of a part: `pid`, what it started, and what was left behind by an earlier run of
    the same program in the same folder (a killed PostgreSQL leaves backends for a moment)."""
    parents, found = {}, []
    program = os.path.realpath(shutil.which(part["argv"][0]) or part["argv"][0])
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat", encoding="ascii", errors="replace") as f:
                parents[int(entry)] = int(f.read().rpartition(")")[2].split()[1])
            if (
                os.readlink(f"/proc/{entry}/cwd") == os.path.realpath(part["cwd"])
                and os.readlink(f"/proc/{entry}/exe") == program
            ):
                found.append(int(entry))
        except OSError:
            continue
    found = [pid] * (pid in parents) + [p for p in found if p != pid]
    for process in found:  # grows while it is being read
        found += [c for c, p in parents.items() if p == process and c not in found]
    return found


class Parts:
    """All parts of one run directory."""

    def __init__(self, run_dir):
        self.run_dir = run_dir
        self.pid_dir = run_dir.folder("pids")
        self.log_dir = run_dir.folder("logs")
        self.recipe_dir = run_dir.folder("parts")

    def names(self):
        return sorted(p.stem for p in self.recipe_dir.glob("*.json"))

    def matching(self, wanted):
        """Names meant by `wanted`: a part itself ("billing-a") or all instances ("billing")."""
        names = [n for n in self.names() if n == wanted]
        return names or [n for n in self.names() if n.startswith(wanted + "-")]

    def pid(self, name):
        """Process id of a running part, 0 if it does not run."""
        record = self._record(name)
        ticks = start_ticks(record["pid"]) if record else 0
        return record["pid"] if ticks and ticks == record["start_ticks"] else 0

    def log(self, name):
        return self.log_dir / f"{name}.log"

    def ensure(self, part):
        """Starts the part unless it runs with the same recipe. True if it was started."""
        record = self._record(part.name)
        if self.pid(part.name) and record["part"] == asdict(part):
            return False
        self.stop(part.name)
        self.start(part)
        return True

    def start(self, part):
        """For a part of which nothing is left (see stop)."""
        for file in part.stale_files:
            Path(file).unlink(missing_ok=True)
        if part.port and ports.is_taken(part.port):
            raise PlatformError(
                f"{part.name} cannot start: port {part.port} is taken by {ports.owner(part.port)}"
            )
        identity = {}
        if part.user and os.geteuid() == 0:
            user = pwd.getpwnam(part.user)
            identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        env = {
            "PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            **part.env,
        }
        with open(self.log(part.name), "ab") as log:
            process = subprocess.Popen(
                part.argv,
                env=env,
                cwd=part.cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **identity,
            )
        record = {"pid": process.pid, "start_ticks": start_ticks(process.pid), "part": asdict(part)}
        self.run_dir.write(self.recipe_dir / f"{part.name}.json", json.dumps(record, indent=1))
        self.run_dir.write(self.pid_dir / part.name, f"{process.pid}\n")

    def restart(self, name):
        """Ends whatever is left of the part and starts it from its recipe, which it returns."""
        record = self._record(name)
        if record is None:
            raise PlatformError(
                f"there is no part called {name}; parts are: {' '.join(self.names())}"
            )
        self.stop(name)
        part = Part(**record["part"])
        self.start(part)
        return part

    def stop(self, name):
        """Asks the part to end, then ends it and what it left behind. Safe when it is gone."""
        record = self._record(name)
        if record:
            members = [(p, start_ticks(p)) for p in processes_of(record["part"], self.pid(name))]
            if self.pid(name):
                self.signal(name, signal.SIGCONT)
                self.ask_to_stop(name)
                wait_until(lambda: not self.pid(name), record["part"]["stop_seconds"])
            for process, ticks in members:
                if ticks and start_ticks(process) == ticks:
                    send(process, signal.SIGKILL)
            wait_until(lambda: not any(t and start_ticks(p) == t for p, t in members), 5)
        (self.pid_dir / name).unlink(missing_ok=True)

    def ask_to_stop(self, name):
        pid = self.pid(name)
        if pid:
            send(pid, self._record(name)["part"]["stop_signal"])

    def signal(self, name, number):
        """Sends a signal to every process of the part. False if there is none."""
        record = self._record(name)
        targets = processes_of(record["part"], self.pid(name)) if record else []
        for target in targets:
            send(target, number)
        return bool(targets)

    def is_ready(self, part):
        if part.ready_url:
            try:
                with urllib.request.urlopen(part.ready_url, timeout=1) as answer:
                    return answer.status == 200
            except (OSError, urllib.error.URLError):
                return False
        if part.ready_command:
            return (
                subprocess.run(part.ready_command, capture_output=True, check=False).returncode == 0
            )
        return not part.ready_port or ports.accepts(part.ready_port)

    def wait_ready(self, part, seconds):
        """Returns when the part can be used; an error shows the end of its log."""

        def settled():
            return not self.pid(part.name) or self.is_ready(part)

        if wait_until(settled, seconds) and self.pid(part.name):
            return
        what = "is not ready after %d s" % seconds if self.pid(part.name) else "ended at once"
        raise PlatformError(
            f"{part.name} {what}; the end of {self.log(part.name)}:\n" + self.log_tail(part.name)
        )

    def log_tail(self, name, lines=12):
        try:
            text = self.log(name).read_text(errors="replace")
        except OSError:
            return "    (no log)"
        return "\n".join("    " + line for line in text.splitlines()[-lines:])

    def _record(self, name):
        try:
            return json.loads((self.recipe_dir / f"{name}.json").read_text())
        except (OSError, ValueError):
            return None


def send(pid, number):
    if pid <= 1:
        raise ValueError(f"{pid} is not a part: 0 would be our own process group")
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def wait_until(condition, seconds, pause=0.03):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= end:
            return False
        time.sleep(pause)
    return True
