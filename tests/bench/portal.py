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

from server import SERVER_CPU, Server, free_port, wait_for_port

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
LOAD = "/stalker_portal/server/load.php"
SAVED_WITHIN = 30  # seconds in which an instance has written its copies to disk


def environment_of(pid):
    lines = pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return dict(line.decode().split("=", 1) for line in lines if b"=" in line)


class Box:
    """Enough of a set-top box to log in and to know what it zaps to."""

    def __init__(self, portal, mac):
        self.portal = portal
        self.cookie = f"mac={mac}; stb_lang=en; timezone=Europe/London"
        self.token = self.ask("stb", "handshake", token="")["token"]
        self.ask("stb", "get_profile", stb_type="MAG250", sn="0000000000000")
        rows = self.ask("itv", "get_all_channels")["data"]
        wanted = [row for row in rows if row["cmd"]]
        self.clear = self.first(wanted, "/-/")
        self.encrypted = self.first(wanted, None)

    def ask(self, kind, action, **fields):
        query = urllib.parse.urlencode({"type": kind, "action": action, **fields})
        request = urllib.request.Request(self.portal + LOAD + "?" + query, headers=self.headers())
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)["js"]

    def headers(self):
        headers = {"Cookie": self.cookie}
        if getattr(self, "token", ""):
            headers["Authorization"] = "Bearer " + self.token
        return headers

    def first(self, rows, clear_mark):
        """A channel whose link carries no play token (clear_mark) or one (None)."""
        for row in rows:
            link = self.ask("itv", "create_link", cmd=row["cmd"])["cmd"]
            if link and ("/-/" in link) == (clear_mark is not None):
                return row["cmd"]
        raise RuntimeError("the demo lineup has no such channel")


class Portal(Server):
    """holdfast-middleware with the demo operator, from disk copies only."""

    box = None

    def start(self, folder, build):
        run_dir = folder / "platform"
        local = REPOSITORY / "deploy" / "local"
        subprocess.run(
            [local / "up", "--no-install", "--bin-dir", build / "bin", "--no-box",
             "--run-dir", run_dir], check=True, stdout=subprocess.DEVNULL)
        try:
            ends = dict(line.split("=", 1) for line in
                        (run_dir / "endpoints.env").read_text().splitlines() if "=" in line)
            unquoted = {key: value.strip("'\"") for key, value in ends.items()}
            portal = urllib.parse.urlsplit(unquoted["PORTAL_URL_A"])
            self.box = Box(f"{portal.scheme}://{portal.netloc}", unquoted["DEMO_MAC"])
            environment = environment_of((run_dir / "pids" / "middleware-a").read_text().strip())
            self.wait_until_saved(pathlib.Path(environment["HOLDFAST_MIDDLEWARE_DATA_DIR"]))
        finally:
            subprocess.run([local / "down", "--run-dir", run_dir], check=True,
                           stdout=subprocess.DEVNULL)
        self.port = free_port()
        environment |= {
            "HOLDFAST_MIDDLEWARE_HTTP_PORT": str(self.port),
            "HOLDFAST_MIDDLEWARE_GRPC_PORT": "0",
            "HOLDFAST_MIDDLEWARE_ADMIN_PORT": "0",
        }
        self.process = subprocess.Popen(
            ["taskset", "-c", SERVER_CPU, build / "bin" / "holdfast-middleware"],
            env=environment, stderr=(folder / "middleware.log").open("w"))
        wait_for_port(self.port, 20)
        self.box.portal = f"http://127.0.0.1:{self.port}"
        shutil.rmtree(run_dir / "work", ignore_errors=True)

    @staticmethod
    def wait_until_saved(data_dir):
        end = time.monotonic() + SAVED_WITHIN
        wanted = ("edges", "entitlements")
        while time.monotonic() < end:
            names = {path.name for path in data_dir.rglob("*") if path.is_file()}
            if all(any(name.startswith(want) for name in names) for want in wanted):
                return
            time.sleep(0.2)
        raise RuntimeError(f"{data_dir} holds no copies of {wanted}")

    def path(self, kind, action, **fields):
        return LOAD + "?" + urllib.parse.urlencode(
            {"type": kind, "action": action, **fields, "JsHttpRequest": "1-xml"})
