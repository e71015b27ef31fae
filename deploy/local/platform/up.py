"""Brings the platform up, in the order in which parts need each other."""

import subprocess
import sys
from pathlib import Path

import archive
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
WEB_PORTS = ("portal", "origin", "archive", *(edge[0] for edge in web.EDGES), "prometheus", "alertmanager")
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
    """Safe to run again: what runs as it should is left alone."""

    def __init__(self, options):
        self.options = options
        self.run_dir = RunDir(options.run_dir)
        self.run_dir.folder()
        self.parts = Parts(self.run_dir)
        self.progress = Progress(options.started_at)
        self.bin_dir = Path(options.bin_dir or PROJECT / "build" / options.preset / "bin").resolve()
        self.ports = choose_ports(self.run_dir, self.parts, dict(options.port))
        self.started = set()  # parts that did not run before

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

    def _start(self, part):
        """Starts the part if it does not run as it should; does not wait for it."""
        if self.parts.ensure(part):
            self.started.add(part.name)

    def _ensure(self, wanted, label=None):
        """Starts the parts that do not run and waits until all of them can be used."""
        wanted = list(wanted)
        with self.progress.step(label or wanted[0].name) as details:
            for part in wanted:
                self._start(part)
            for part in wanted:
                self.parts.wait_ready(part, READY_SECONDS)
            if not self.started.intersection(part.name for part in wanted):
                details.append("running already")

    def _infrastructure(self):
        run_dir, p = self.run_dir, self.ports
        web.link_secrets(run_dir)
        database = stores.postgres(run_dir, p["postgres"])
        etcd = stores.etcd(run_dir, p["etcd"], p["etcd-peer"])
        self._start(database)
        self._start(etcd)
        with self.progress.step("films of the test channels") as details:
            made = channels.make_films()
            details.append(f"{made} made" if made else "there already")
        self._start_channels(c for c in channels.CHANNELS if not c.encrypted)
        self._ensure([stores.redis(run_dir, p["redis"])])
        self._ensure([etcd])
        self._ensure([database])
        with self.progress.step("one database per service") as details:
            if not stores.create_databases(run_dir, p["postgres"]):
                details.append("there already")
        self._ensure(
            [web.origin(run_dir, p), *web.edges(run_dir, p)], "origin and three edges"
        )
        self._ensure([archive.part(run_dir, p["archive"])])
        self._ensure([web.portal(run_dir, p)], "portal balancer")
        for part in monitoring.parts(run_dir, p):
            self._start(part)

    def _services(self):
        with self.progress.step("certificates and keys"):
            demo.make_keys(self.run_dir, self.bin_dir)
        wanted = [
            services.part(
                self.run_dir,
                self.bin_dir,
                self.ports,
                service,
                zone,
                self.options.reach_through,
            )
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
            self._start(part)

    def _guard(self, pid):
        """For tests: a process that takes the platform down when `pid` is gone."""
        main = str(Path(__file__).with_name("__main__.py"))
        argv = [
            sys.executable,
            main,
            "guard",
            "--run-dir",
            str(self.run_dir.path),
            "--pid",
            str(pid),
        ]
        with open(self.parts.log("guard"), "ab") as log:
            subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
