"""Real clients: Kodi with its two add-ons in front of a whole platform (portal protocol, 13.1, 18).

    kodi_test.py SOURCE_DIR BIN_DIR

Starts deploy/local/up with a private run directory and Kodi with a private home, loads channels,
groups and the guide, plays, and goes on playing while an instance of middleware is killed. Ends with
77 (skipped) where Kodi is not installed.
"""

import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from kodi import Kodi, missing, wait_until

SOURCE, BIN = Path(), Path()
STARTS = 240  # seconds that a slow machine takes


class Platform:
    def __init__(self, folder):
        self.run_dir = folder / "run"
        self._command(
            "up", "--bin-dir", str(BIN), "--no-install", "--no-box", "--down-after", str(os.getpid())
        )
        text = (self.run_dir / "endpoints.env").read_text()
        self.endpoints = dict(line.split("=", 1) for line in text.splitlines())

    def _command(self, name, *arguments):
        done = subprocess.run(
            [str(SOURCE / "deploy" / "local" / name), "--run-dir", str(self.run_dir), *arguments],
            text=True,
            capture_output=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{name}: {done.stdout}{done.stderr}")

    def kill(self, part):
        self._command("kill", part)

    def restart(self, part):
        self._command("restart", part)

    def down(self):
        self._command("down", "--purge")

    def url(self, name):
        return self.endpoints[name].strip("'")


def lineup():
    """Names and groups of the demo lineup that Kodi is to show."""
    text = (SOURCE / "deploy" / "local" / "demo" / "lineup.m3u").read_text()
    entries = re.findall(r'#EXTINF:.*?group-title="([^"]*)".*,(.*)', text)
    return [(group, name.strip()) for group, name in entries if group != "Adult"]


class KodiTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="holdfast-kodi-")
        os.chmod(cls.folder.name, 0o755)  # PostgreSQL runs as a user of its own
        cls.platform = Platform(Path(cls.folder.name))

    @classmethod
    def tearDownClass(cls):
        cls.platform.down()
        cls.folder.cleanup()

    def start(self, addon, settings):
        kodi = Kodi(Path(self.folder.name) / addon)
        self.addCleanup(kodi.stop)
        kodi.set_up(addon, settings)
        kodi.start()
        kodi.enable(addon)
        return kodi

    def check_lists(self, kodi):
        wanted = lineup()
        channels = wait_until(
            f"{len(wanted)} channels", lambda: len(kodi.channels()) >= len(wanted) and kodi.channels(), STARTS
        )
        self.assertEqual(sorted(c["label"] for c in channels), sorted(name for _, name in wanted))
        groups = wait_until("groups", lambda: len(kodi.groups()) > 1 and kodi.groups(), STARTS)
        for group in {group for group, _ in wanted}:
            self.assertIn(group.lower(), [g.lower() for g in groups])
        with_guide = wait_until(
            "a channel with three programmes or more",
            lambda: [c for c in channels if len(kodi.guide(c)) >= 3],
            STARTS,
        )
        print(f"{len(channels)} channels, {len(groups)} groups, {len(with_guide)} with a guide", flush=True)
        return channels

    def check_picture(self, kodi, what):
        size = wait_until(f"a picture: {what}", kodi.playing, 90)
        kodi.try_call("GUI.SetFullscreen", fullscreen=True)
        shares = kodi.moving(times=5, seconds=60, at_least=0.02)
        self.assertIsNotNone(shares, f"{what}: the picture stands still\n{kodi.log()}")
        moved = [share for share in shares if share >= 0.02]
        print(
            f"{what}: {'x'.join(size)}, changed in {len(moved)} of {len(shares)} looks, "
            f"{min(moved):.0%} to {max(moved):.0%} of the screen",
            flush=True,
        )

    def check_playing(self, kodi, channels):
        clear = next(c for c in channels if c["label"] == "BBC1 HD")
        encrypted = next(c for c in channels if c["label"] == "Channel 5")
        kodi.play(clear)
        self.check_picture(kodi, "a clear channel")
        kodi.play(encrypted)
        self.check_picture(kodi, "an encrypted channel")
        # One instance dies: the picture goes on, and the next zap is answered by the other one.
        self.platform.kill("middleware-a")
        try:
            self.check_picture(kodi, "while an instance is gone")
            kodi.play(clear)
            self.check_picture(kodi, "a zap while an instance is gone")
        finally:
            self.platform.restart("middleware-a")
        kodi.play(encrypted)
        self.check_picture(kodi, "a zap after it returned")

    def test_stalker(self):
        kodi = self.start(
            "pvr.stalker",
            {
                "mac_0": self.platform.url("DEMO_MAC"),
                "server_0": self.platform.url("PORTAL_URL"),
                "time_zone_0": "Europe/London",
            },
        )
        self.check_playing(kodi, self.check_lists(kodi))

    def test_iptvsimple(self):
        kodi = self.start(
            "pvr.iptvsimple",
            {
                "m3uPathType": 1,
                "m3uUrl": self.platform.url("PLAYLIST_URL"),
                "m3uCache": "false",
                "epgPathType": 1,
                "epgUrl": self.platform.url("XMLTV_URL"),
                "epgCache": "false",
            },
        )
        self.check_playing(kodi, self.check_lists(kodi))


if __name__ == "__main__":
    SOURCE, BIN = Path(sys.argv[1]), Path(sys.argv[2])
    absent = missing()
    if absent:
        print(f"not installed: {absent} (deploy/local/install kodi)")
        sys.exit(77)
    unittest.main(argv=[sys.argv[0], "-v", *sys.argv[3:]])
