"""What up, down, restart, kill, hang, resume and status do."""

import os
import signal
import sys
import time
from pathlib import Path

import channels
import demo
import endpoints
import monitoring
import packager
import ports
import services
import stores
import web
from processes import Parts, PlatformError, wait_until
from progress import Progress
from run_dir import PROJECT, RunDir

STORE_PORTS = ("postgres", "redis", "etcd", "etcd-peer")
WEB_PORTS = ("portal", "origin", *(edge[0] for edge in web.EDGES), "prometheus", "alertmanager")
READY_SECONDS = 60


def choose_ports(run_dir, parts, fixed):
    """Remembered ports stay as long as anything of this platform runs; a port that is taken by a
    stranger is an error where it was asked for, and chosen anew where it was not."""
    names = [*STORE_PORTS, *WEB_PORTS, *services.port_names()]
    unknown = set(fixed) - set(names)
    if unknown:
        raise PlatformError(
            f"there is no port called {', '.join(sorted(unknown))}; ports are: {' '.join(names)}"
        )
    remembered = {n: p for n, p in run_dir.read_ports().items() if n in names}
    running = any(parts.pid(name) for name in parts.names())
    if not running:
        for name, port in fixed.items():
            if ports.is_taken(port):
                raise PlatformError(f"port {port} for {name} is taken by {ports.owner(port)}")
        remembered = {n: p for n, p in remembered.items() if not ports.is_taken(p)}
    changed = [n for n, p in fixed.items() if running and remembered.get(n) not in (None, p)]
    if changed:
        raise PlatformError(
            f"{', '.join(changed)}: the platform runs with another port; " "deploy/local/down first"
        )
    chosen = ports.choose(names, remembered, fixed)
    run_dir.write_ports(chosen)
    return chosen


class Up:
    """Brings everything up, in the order in which parts need each other. Safe to run again: what
    runs as it should is left alone."""

    def __init__(self, options):
        self.options = options
        self.run_dir = RunDir(options.run_dir)
        self.run_dir.folder()
        self.parts = Parts(self.run_dir)
        self.progress = Progress(options.started_at)
        self.bin_dir = Path(options.bin_dir or PROJECT / "build" / options.preset / "bin").resolve()
        self.ports = choose_ports(self.run_dir, self.parts, dict(options.port))

    def run(self):
        self.progress.say(f"run directory {self.run_dir.path}")
        if self.options.down_after:
            self._guard(self.options.down_after)
        self._infrastructure()
        if self.options.only != "infrastructure":
            self._services()
            self._encrypted_channels()
            with self.progress.step("demo operator") as details:
                details += demo.load(self.run_dir, self.bin_dir, self.ports)
            with self.progress.step("demo operator visible to boxes"):
                demo.wait_visible(self.ports, READY_SECONDS)
        endpoints.write(self.run_dir, self.ports)

    def _ensure(self, wanted, label=None):
        """Starts the parts that do not run and waits until all of them can be used."""
        wanted = list(wanted)
        with self.progress.step(label or wanted[0].name) as details:
            started = [part.name for part in wanted if self.parts.ensure(part)]
            for part in wanted:
                self.parts.wait_ready(part, READY_SECONDS)
            if not started:
                details.append("running already")

    def _infrastructure(self):
        run_dir, p = self.run_dir, self.ports
        web.link_secrets(run_dir)
        database = stores.postgres(run_dir, p["postgres"])
        self.parts.ensure(database)
        self.parts.ensure(stores.etcd(run_dir, p["etcd"], p["etcd-peer"]))
        with self.progress.step("films of the test channels") as details:
            made = channels.make_films()
            details.append(f"{made} made" if made else "there already")
        self._start_channels(c for c in channels.CHANNELS if not c.encrypted)
        self._ensure([stores.redis(run_dir, p["redis"])])
        self._ensure([stores.etcd(run_dir, p["etcd"], p["etcd-peer"])])
        self._ensure([database])
        with self.progress.step("one database per service") as details:
            if not stores.create_databases(run_dir, p["postgres"]):
                details.append("there already")
        self._ensure(
            [web.origin(run_dir, p["origin"]), *web.edges(run_dir, p)], "origin and three edges"
        )
        self._ensure([web.portal(run_dir, p)], "portal balancer")
        for part in monitoring.parts(run_dir, p):
            self.parts.ensure(part)

    def _services(self):
        with self.progress.step("certificates and keys"):
            demo.make_keys(self.run_dir, self.bin_dir)
        wanted = [
            services.part(self.run_dir, self.bin_dir, self.ports, service, zone)
            for service, zone in services.INSTANCES
        ]
        self._ensure(wanted, "six services, two instances each")
        self._ensure(monitoring.parts(self.run_dir, self.ports), "Prometheus and Alertmanager")

    def _encrypted_channels(self):
        encrypted = [c for c in channels.CHANNELS if c.encrypted]
        self._ensure([packager.part(self.run_dir, self.ports)])
        with self.progress.step("keys of the encrypted channels"):
            if not wait_until(
                lambda: all(packager.has_key(self.run_dir, c) for c in encrypted), READY_SECONDS
            ):
                raise PlatformError(
                    "drm gave no key to the packager; the end of its log:\n"
                    + self.parts.log_tail("packager")
                )
        self._start_channels(encrypted)
        with self.progress.step("six channels on air"):
            on_air = lambda: all(channels.is_playing(self.run_dir, c) for c in channels.CHANNELS)
            if not wait_until(on_air, READY_SECONDS, 0.1):
                silent = [
                    c.stream for c in channels.CHANNELS if not channels.is_playing(self.run_dir, c)
                ]
                raise PlatformError(
                    "no picture from "
                    + " ".join(silent)
                    + ":\n"
                    + "\n".join(self.parts.log_tail(f"channel-{s}") for s in silent)
                )

    def _start_channels(self, wanted):
        for channel in wanted:
            part = channels.player(self.run_dir, channel)
            if not self.parts.pid(part.name):
                channels.clear(self.run_dir, channel)
            self.parts.ensure(part)

    def _guard(self, pid):
        """For tests: a process that takes the platform down when `pid` is gone."""
        argv = [
            sys.executable,
            str(Path(__file__).with_name("__main__.py")),
            "guard",
            "--run-dir",
            str(self.run_dir.path),
            "--pid",
            str(pid),
        ]
        if os.spawnv(os.P_NOWAIT, sys.executable, argv) <= 0:
            raise PlatformError("the guard could not be started")


def down(options):
    """Ends all parts, those that viewers see first. With --purge removes the run directory."""
    run_dir = RunDir(options.run_dir)
    if not run_dir.exists():
        print(f"nothing runs in {run_dir.path}")
        return
    parts = Parts(run_dir)
    progress = Progress()
    stores_last = {"postgres": 2, "redis": 1, "etcd": 1}
    names = sorted(parts.names(), key=lambda n: stores_last.get(n, 0))
    running = [n for n in names if parts.pid(n)]
    for rank in (0, 1, 2):  # ask all of a rank together, then wait for each
        group = [n for n in names if stores_last.get(n, 0) == rank]
        for name in group:
            parts.signal(name, signal.SIGCONT)
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
