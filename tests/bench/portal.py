"""The portal as a bench row: one middleware instance, alone.

A whole platform is started once to give the instance what it normally holds (lineup, device, edge
table, guide, entitlement) and to log a box in. Then the platform is taken down and the instance starts
again from its disk copies, pinned to the server's CPU, with every neighbour and store away: what is
measured asks nobody.
"""

import json
import pathlib
import shutil
import subprocess
import time
import urllib.parse
import urllib.request

import large_lineup
from server import SERVER_CPU, Server, free_port, wait_for_port

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
LOAD = "/stalker_portal/server/load.php"
SAVED_WITHIN = 30  # seconds in which an instance has written its copies to disk


def environment_of(pid):
    lines = pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return dict(line.decode().split("=", 1) for line in lines if b"=" in line)


class Box:
    """What a set-top box that has logged in knows: how it identifies itself, and what it zaps to."""

    def __init__(self, values):
        self.cookie = values["cookie"]
        self.token = values.get("token", "")
        self.clear = values.get("clear")
        self.encrypted = values.get("encrypted")

    def headers(self):
        headers = {"Cookie": self.cookie}
        if self.token:
            headers["Authorization"] = "Bearer " + self.token
        return headers


def log_in(portal, mac):
    """A box that has been through the start sequence at `portal`."""
    box = Box({"cookie": f"mac={mac}; stb_lang=en; timezone=Europe/London"})

    def ask(kind, action, **fields):
        query = urllib.parse.urlencode({"type": kind, "action": action, **fields})
        request = urllib.request.Request(portal + LOAD + "?" + query, headers=box.headers())
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)["js"]

    def first(rows, is_clear):
        """A channel whose link carries no play token (clear), or one."""
        for row in rows:
            link = ask("itv", "create_link", cmd=row["cmd"])["cmd"]
            if link and ("/-/" in link) == is_clear:
                return row["cmd"]
        raise RuntimeError("the demo lineup has no such channel")

    box.token = ask("stb", "handshake", token="")["token"]
    ask("stb", "get_profile", stb_type="MAG250", sn="0000000000000")
    rows = [row for row in ask("itv", "get_all_channels")["data"] if row["cmd"]]
    box.clear = first(rows, True)
    box.encrypted = first(rows, False)
    return box


class Portal(Server):
    """holdfast-middleware with the demo operator, from disk copies only. `state`: a folder that keeps
    what the platform left behind, so that the next run does without the platform. `channels`: with so
    many instead of the demo's (large_lineup.py), kept in a folder of its own beside."""

    box = None

    def __init__(self, state=None, channels=None):
        self.state = state
        self.channels = channels

    def state_in(self, folder):
        state = self.state or folder / "state"
        return state / f"{self.channels}-channels" if self.channels else state

    def prepare(self, build):
        """Fills `state`, whatever it held."""
        self.run_platform(self.state_in(self.state), build)

    def start(self, folder, build):
        folder = folder / (f"{self.channels}-channels" if self.channels else "demo")
        folder.mkdir()
        state = self.state_in(folder)
        if not (state / "portal.json").exists():
            self.run_platform(state, build)
        kept = json.loads((state / "portal.json").read_text())
        self.box = Box(kept["box"])
        self.port = free_port()
        data_dir = folder / "data"
        shutil.copytree(kept["environment"]["HOLDFAST_MIDDLEWARE_DATA_DIR"], data_dir)
        environment = kept["environment"] | {
            "HOLDFAST_MIDDLEWARE_DATA_DIR": str(data_dir),
            "HOLDFAST_MIDDLEWARE_HTTP_PORT": str(self.port),
            "HOLDFAST_MIDDLEWARE_GRPC_PORT": "0",
            "HOLDFAST_MIDDLEWARE_ADMIN_PORT": "0",
        }
        self.process = subprocess.Popen(
            ["taskset", "-c", SERVER_CPU, build / "bin" / "holdfast-middleware"],
            env=environment, stderr=(folder / "middleware.log").open("w"))
        wait_for_port(self.port, 20)

    def run_platform(self, state, build):
        run_dir = state / "platform"
        state.mkdir(parents=True, exist_ok=True)
        local = REPOSITORY / "deploy" / "local"
        try:
            subprocess.run(
                [local / "up", "--no-install", "--bin-dir", build / "bin", "--no-box",
                 "--run-dir", run_dir], check=True, stdout=subprocess.DEVNULL)
            ends = dict(line.split("=", 1) for line in
                        (run_dir / "endpoints.env").read_text().splitlines() if "=" in line)
            unquoted = {key: value.strip("'\"") for key, value in ends.items()}
            portal = urllib.parse.urlsplit(unquoted["PORTAL_URL_A"])
            box = log_in(f"{portal.scheme}://{portal.netloc}", unquoted["DEMO_MAC"])
            if self.channels:
                large_lineup.load(run_dir, build, f"{portal.scheme}://{portal.netloc}{LOAD}", box,
                                  self.channels)
            self.while_platform_is_up(run_dir, build, portal.port, box)
            environment = environment_of((run_dir / "pids" / "middleware-a").read_text().strip())
            self.wait_until_saved(pathlib.Path(environment["HOLDFAST_MIDDLEWARE_DATA_DIR"]))
        finally:
            subprocess.run([local / "down", "--run-dir", run_dir], check=True,
                           stdout=subprocess.DEVNULL)
        shutil.rmtree(run_dir / "work", ignore_errors=True)
        (state / "portal.json").write_text(
            json.dumps({"box": box.__dict__, "environment": environment}))

    def while_platform_is_up(self, run_dir, build, portal_port, box):
        """For those who need more than one box."""

    @staticmethod
    def wait_until_saved(data_dir):
        end = time.monotonic() + SAVED_WITHIN
        wanted = ("edges", "entitlements", "guide")
        while time.monotonic() < end:
            names = {path.name for path in data_dir.rglob("*") if path.is_file()}
            if all(any(name.startswith(want) for name in names) for want in wanted):
                return
            time.sleep(0.2)
        raise RuntimeError(f"{data_dir} holds no copies of {wanted}")

    def path(self, kind, action, **fields):
        return LOAD + "?" + urllib.parse.urlencode(
            {"type": kind, "action": action, **fields, "JsHttpRequest": "1-xml"})
