"""Brings the content keys of the encrypted channels from drm to the channel players.

Every second, for each channel: ask any drm instance for the key of now and write it where ffmpeg
looks at the start of each segment. While drm is away the last key stays in use: a channel that goes
on with an old key plays; one without a key does not.
"""

import argparse
import json
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import channels
import services
from processes import Part
from run_dir import RunDir

ASK_EVERY_SECONDS = 1.0
TRY_SECONDS = 1.0
KEYS_KEPT = 20


def part(run_dir, ports):
    drm = [f"http://127.0.0.1:{ports[f'drm-{zone}-http']}" for zone in services.ZONES]
    argv = [sys.executable, str(Path(__file__).resolve()), "--run-dir", str(run_dir.path), *drm]
    return Part("packager", argv, cwd=str(run_dir.folder("work", "packager")))


def has_key(run_dir, channel):
    return (channels.key_folder(run_dir, channel) / "keyinfo").exists()


def ask(drm, channel, secret):
    """The key of now from one drm instance: (period, 16 bytes, initial vector in hex)."""
    request = urllib.request.Request(
        f"{drm}/packager/key/{channel.stream}", headers={"Authorization": f"Bearer {secret}"}
    )
    with urllib.request.urlopen(request, timeout=TRY_SECONDS) as answer:
        key = json.load(answer)
    return int(key["period"]), bytes.fromhex(key["key"]), key["iv"]


def install(run_dir, channel, period, key, vector):
    """Hands the key to ffmpeg. The key file is there before the line that names it."""
    folder = channels.key_folder(run_dir, channel)
    file = folder / f"{period}.key"
    if file.exists() and file.read_bytes() == key:
        return False
    partial = folder / "key.partial"
    partial.write_bytes(key)
    partial.chmod(0o600)
    partial.replace(file)
    run_dir.write(folder / "keyinfo", f"key/{period}\n{file}\n{vector}\n", 0o600)
    for old in sorted(folder.glob("*.key"), key=lambda f: int(f.stem))[:-KEYS_KEPT]:
        old.unlink()
    return True


def renew(run_dir, drm_addresses, channel, secret):
    """True if any instance answered. The one that answered last time is asked first."""
    for drm in list(drm_addresses):
        try:
            period, key, vector = ask(drm, channel, secret)
        except (OSError, urllib.error.URLError, ValueError, KeyError) as error:
            print(f"{channel.stream}: {drm} gives no key: {error}", flush=True)
            continue
        if install(run_dir, channel, period, key, vector):
            print(f"{channel.stream}: period {period}", flush=True)
        drm_addresses.remove(drm)
        drm_addresses.insert(0, drm)
        return True
    return False


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--run-dir", required=True)
    parser.add_argument("drm", nargs="+")
    options = parser.parse_args()
    run_dir = RunDir(options.run_dir)
    secret = run_dir.secret("packager").read_text().strip()
    addresses = list(options.drm)
    while True:
        for channel in channels.CHANNELS:
            if channel.encrypted:
                renew(run_dir, addresses, channel, secret)
        time.sleep(ASK_EVERY_SECONDS)


if __name__ == "__main__":
    main()
