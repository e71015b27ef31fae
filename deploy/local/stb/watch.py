"""Keeps zapping, one channel after the other, and says how many zaps failed."""

import shutil
import sys
import threading
import time
from dataclasses import dataclass, field

from portal import Portal, PortalError
from stream import decode, is_encrypted, open_stream

ZAP_SECONDS = 5.0
DECODE_EVERY = 5  # zaps; every zap checks the bytes, these also the picture
SIDE_CALLS = {"heartbeat": 5.0, "guide": 10.0, "list": 15.0}  # seconds between two
REPORT_SECONDS = 10.0  # between two lines when nobody watches live


@dataclass
class Tally:
    done: int = 0
    failed: int = 0
    milliseconds: list = field(default_factory=list)  # of those that succeeded

    def add(self, milliseconds=None):
        self.done += 1
        if milliseconds is None:
            self.failed += 1
        else:
            self.milliseconds.append(milliseconds)

    def percentile(self, share):
        ordered = sorted(self.milliseconds)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0


def fit(text):
    """As wide as the terminal, so that it covers the line before."""
    width = shutil.get_terminal_size().columns - 1
    return text[:width].ljust(width)


def zap(portal, channel, with_picture):
    """From the button to the first segment, whole and decrypted, in milliseconds. Starting ffmpeg
    to look at the picture is the tester's time, not the platform's."""
    began = time.monotonic()
    opened = open_stream(portal.link(channel, ZAP_SECONDS), began + ZAP_SECONDS)
    took = (time.monotonic() - began) * 1000
    if with_picture:
        decode(opened.segment, 1)
    return took


class Watch:
    def __init__(self, portal, channels, seconds, interval):
        self.portal = portal
        self.channels = channels
        self.seconds = seconds
        self.interval = interval
        self.zaps = Tally()
        self.side = {name: Tally() for name in SIDE_CALLS}
        self.guide_channels = 0  # with programmes, the most ever seen
        self.stopped = threading.Event()
        self.live = sys.stdout.isatty()
        self.printing = threading.Lock()
        self.reported_at = time.monotonic()

    def run(self):
        """True if nothing failed."""
        beside = threading.Thread(target=self._side_calls, daemon=True)
        beside.start()
        try:
            self._zap_on()
        except KeyboardInterrupt:
            pass
        self.stopped.set()
        beside.join(timeout=15)
        self._summary()
        return not self.zaps.failed and not any(t.failed for t in self.side.values())

    def _zap_on(self):
        began = time.monotonic()
        end = began + self.seconds if self.seconds else float("inf")
        while time.monotonic() < end:
            number = self.zaps.done
            self._zap_once(number, self.channels[number % len(self.channels)])
            due = began + (number + 1) * self.interval
            time.sleep(max(0.0, min(due, end) - time.monotonic()))

    def _zap_once(self, number, channel):
        try:
            took = zap(self.portal, channel, number % DECODE_EVERY == 0)
            self.zaps.add(took)
            self._line(f"{channel['number']:>3} {channel['name'][:24]:<24} {took:6.0f} ms")
        except PortalError as error:
            self.zaps.add()
            self._event(f"zap to {channel['number']} {channel['name']} failed: {error}")
            if "Authorization failed" in str(error):
                self._log_in_again()

    def _log_in_again(self):
        try:
            self.portal.log_in()
            self._event("logged in again")
        except PortalError as error:
            self._event(f"login failed: {error}")

    def _side_calls(self):
        """What a box does beside playing, on a connection of its own."""
        box = Portal(self.portal.url, self.portal.mac, self.portal.memory, self.portal.seconds)
        due = dict.fromkeys(SIDE_CALLS, 0.0)
        while not self.stopped.wait(0.2):
            box.token = self.portal.token
            for name, pause in SIDE_CALLS.items():
                if time.monotonic() >= due[name]:
                    due[name] = time.monotonic() + pause
                    self._side_call(name, box)

    def _side_call(self, name, box):
        began = time.monotonic()
        try:
            if name == "heartbeat":
                box.heartbeat()
            elif name == "list":
                if len(box.channels()) < len(self.channels):
                    raise PortalError("list: channels are missing")
            else:
                self._read_guide(box)
            self.side[name].add((time.monotonic() - began) * 1000)
        except PortalError as error:
            self.side[name].add()
            self._event(f"{name} failed: {error}")

    def _read_guide(self, box):
        filled = sum(1 for rows in box.guide().values() if rows)
        self.guide_channels = max(self.guide_channels, filled)
        if filled < self.guide_channels / 2:
            raise PortalError(f"guide: {filled} of {self.guide_channels} channels have programmes")

    def _line(self, text):
        """The live line, or a line now and then."""
        text = (
            f"{time.strftime('%H:%M:%S')}  {text}  zaps {self.zaps.done}, failed {self.zaps.failed}"
        )
        for name, tally in self.side.items():
            text += f"; {name} {tally.done}/{tally.failed}"
        if self.portal.degraded:
            text += "; without " + ", ".join(
                f"{n} ({a} s)" for n, a in self.portal.degraded.items()
            )
        with self.printing:
            if self.live:
                print("\r" + fit(text), end="", flush=True)
            elif time.monotonic() - self.reported_at >= REPORT_SECONDS:
                self.reported_at = time.monotonic()
                print(text, flush=True)

    def _event(self, text):
        """A line that stays."""
        text = f"{time.strftime('%H:%M:%S')}  {text}"
        with self.printing:
            print("\r" + fit("") + "\r" + text if self.live else text, flush=True)

    def _summary(self):
        if self.live:
            print()
        for name, tally in self.side.items():
            print(
                f"{name}: {tally.done} calls, failed {tally.failed}, "
                f"p99 {tally.percentile(0.99):.0f} ms"
            )
        print(
            f"zaps {self.zaps.done}, failed {self.zaps.failed}, "
            f"p50 {self.zaps.percentile(0.5):.0f} ms, "
            f"p99 {self.zaps.percentile(0.99):.0f} ms"
        )


def pick(portal, channels, wanted):
    """The channels of one kind; only a look at its playlist tells what a channel is."""
    if wanted == "all":
        return channels
    chosen = []
    for channel in channels:
        try:
            encrypted = is_encrypted(portal.link(channel))
        except PortalError:
            continue
        if encrypted == (wanted == "encrypted"):
            chosen.append(channel)
    return chosen
