"""Kodi without a screen: a private home, a private X server, driven by JSON-RPC on a private port.

    with Kodi(folder) as kodi:
        kodi.set_up("pvr.stalker", {"mac_0": "00:1A:79:00:00:01", ...})
        kodi.start()
        kodi.enable("pvr.stalker")

Everything lives below `folder` and ends with the process that made it (PR_SET_PDEATHSIG).
"""

import ctypes
import itertools
import json
import os
import signal
import socket
import struct
import subprocess
import time
import urllib.request
from pathlib import Path
from xml.sax.saxutils import escape

KODI = "/usr/lib/x86_64-linux-gnu/kodi/kodi.bin"
XVFB = "/usr/bin/Xvfb"
PULSEAUDIO = "/usr/bin/pulseaudio"
WIDTH, HEIGHT = 640, 360
PR_SET_PDEATHSIG = 1


class KodiError(Exception):
    pass


def missing():
    """What has to be installed first; "" if nothing."""
    files = {
        "kodi": KODI,
        "xvfb": XVFB,
        "pulseaudio": PULSEAUDIO,
        "kodi-pvr-stalker": "/usr/share/kodi/addons/pvr.stalker/addon.xml",
        "kodi-pvr-iptvsimple": "/usr/share/kodi/addons/pvr.iptvsimple/addon.xml",
    }
    return " ".join(package for package, file in files.items() if not Path(file).exists())


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_until(what, condition, seconds):
    """The first true value of `condition`; KodiError names `what` when there is none in time."""
    last = None
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        last = condition()
        if last:
            return last
        time.sleep(0.25)
    raise KodiError(f"not within {seconds} s: {what}")


def _die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Screen:
    """An X server whose picture can be read from a file."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True)
        read, write = os.pipe()
        self.process = subprocess.Popen(
            [XVFB, "-displayfd", str(write), "-screen", "0", f"{WIDTH}x{HEIGHT}x24",
             "-nolisten", "tcp", "-fbdir", str(folder)],
            pass_fds=[write],
            stdout=subprocess.DEVNULL,
            stderr=(folder / "xvfb.log").open("w"),
            preexec_fn=_die_with_parent,
        )
        os.close(write)
        with os.fdopen(read) as pipe:
            number = pipe.readline().strip()
        if not number:
            raise KodiError("Xvfb did not start: " + (folder / "xvfb.log").read_text())
        self.display = ":" + number

    def pixels(self):
        """The picture as bytes, 4 each pixel (an XWD file: header, colours, rows)."""
        data = (self.folder / "Xvfb_screen0").read_bytes()
        header_size = struct.unpack(">I", data[:4])[0]
        colours = struct.unpack(">I", data[76:80])[0]
        return data[header_size + 12 * colours :]

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Sound:
    """A sound card that is none, but takes as long for a second of sound as a real one: players keep
    time by it."""

    def __init__(self, folder):
        folder.mkdir(parents=True)
        self.server = f"unix:{folder}/socket"
        self.process = subprocess.Popen(
            [PULSEAUDIO, "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no",
             "--load=module-null-sink sink_name=none",
             f"--load=module-native-protocol-unix auth-anonymous=1 socket={folder}/socket"],
            env={**os.environ, "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)},
            stdout=(folder / "pulseaudio.log").open("w"),
            stderr=subprocess.STDOUT,
            preexec_fn=_die_with_parent,
        )
        wait_until("the sound server listens", (folder / "socket").exists, 30)

    def stop(self):
        self.process.terminate()
        self.process.wait()


def difference(a, b):
    """Which share of the pixels differ, from 0 to 1; every fourth one is looked at."""
    pairs = zip(a[::16], b[::16])
    return sum(x != y for x, y in pairs) / max(1, len(a[::16]))


class Kodi:
    def __init__(self, folder):
        self.folder = Path(folder)
        self.home = self.folder / "home"
        self.userdata = self.home / ".kodi" / "userdata"
        self.userdata.mkdir(parents=True)
        self.port = free_port()
        self.screen = None
        self.sound = None
        self.process = None
        self.numbers = itertools.count(1)
        self._write_settings(
            self.userdata / "guisettings.xml",
            {
                "services.webserver": "true",
                "services.webserverport": self.port,
                "services.webserverauthentication": "false",
                "services.webserverssl": "false",
                "services.zeroconf": "false",
                "services.esenabled": "false",
                "general.addonupdates": 2,  # never: nothing is fetched from anywhere
                "epg.futuredaystodisplay": 2,
                "epg.pastdaystodisplay": 1,
                "videoscreen.screenmode": "WINDOW",
            },
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    @staticmethod
    def _write_settings(file, settings):
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = "".join(
            f'  <setting id="{name}">{escape(str(value))}</setting>\n'
            for name, value in settings.items()
        )
        file.write_text(f'<settings version="2">\n{lines}</settings>\n')

    def set_up(self, addon, settings):
        self._write_settings(self.userdata / "addon_data" / addon / "settings.xml", settings)

    def start(self):
        self.screen = Screen(self.folder / "screen")
        self.sound = Sound(self.folder / "sound")
        environment = {
            **os.environ,
            "HOME": str(self.home),
            "DISPLAY": self.screen.display,
            "XDG_RUNTIME_DIR": str(self.folder),
            "LIBGL_ALWAYS_SOFTWARE": "1",
            "PULSE_SERVER": self.sound.server,
        }
        self.process = subprocess.Popen(
            [KODI, "--windowing=x11", "--audio-backend=pulseaudio"],
            env=environment,
            stdout=(self.folder / "kodi.out").open("w"),
            stderr=subprocess.STDOUT,
            preexec_fn=_die_with_parent,
        )
        wait_until("Kodi answers", self._answers, 120)

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for part in (self.sound, self.screen):
            if part is not None:
                part.stop()

    def log(self):
        """The last lines of Kodi's own log."""
        file = self.home / ".kodi" / "temp" / "kodi.log"
        return "\n".join(file.read_text(errors="replace").splitlines()[-40:]) if file.exists() else ""

    def _answers(self):
        if self.process.poll() is not None:
            raise KodiError("Kodi ended: " + (self.folder / "kodi.out").read_text()[-2000:])
        try:
            return self.call("JSONRPC.Ping") == "pong"
        except (OSError, KodiError):
            return False

    def call(self, method, **parameters):
        body = {"jsonrpc": "2.0", "id": next(self.numbers), "method": method, "params": parameters}
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/jsonrpc",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            json_answer = json.load(answer)
        if "error" in json_answer:
            raise KodiError(f"{method}: {json_answer['error'].get('message')}")
        return json_answer["result"]

    def try_call(self, method, **parameters):
        """None where Kodi is not ready for it yet."""
        try:
            return self.call(method, **parameters)
        except (OSError, KodiError):
            return None

    def enable(self, addon):
        self.call("Addons.SetAddonEnabled", addonid=addon, enabled=True)

    def channels(self):
        found = self.try_call(
            "PVR.GetChannels", channelgroupid="alltv", properties=["channelnumber", "icon"]
        )
        return found["channels"] if found and "channels" in found else []

    def groups(self):
        found = self.try_call("PVR.GetChannelGroups", channeltype="tv")
        return [group["label"] for group in found["channelgroups"]] if found else []

    def guide(self, channel):
        found = self.try_call(
            "PVR.GetBroadcasts",
            channelid=channel["channelid"],
            properties=["starttime", "endtime", "title", "isactive"],
        )
        return found.get("broadcasts", []) if found else []

    def play(self, channel):
        self.call("Player.Open", item={"channelid": channel["channelid"]})

    def playing(self):
        """The size of the picture that is being played, or None."""
        if not self.try_call("Player.GetActivePlayers"):
            return None
        labels = ["Player.Process(videowidth)", "Player.Process(videoheight)"]
        found = self.try_call("XBMC.GetInfoLabels", labels=labels) or {}
        size = tuple(found.get(label, "").replace(",", "") for label in labels)
        return size if all(part.isdigit() and int(part) > 0 for part in size) else None

    def moving(self, times, seconds, at_least):
        """How much of the screen changed from look to look, until it was `at_least` so often; None if it
        was not in time. A busy machine shows few pictures a second, a picture that stands still none."""
        shares = []
        before = self.screen.pixels()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(0.5)
            now = self.screen.pixels()
            shares.append(difference(before, now))
            before = now
            if sum(share >= at_least for share in shares) >= times:
                return shares
        return None
