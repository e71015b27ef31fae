"""One line per finished step: seconds since the start, the step, how long it took."""

import sys
import time
from contextlib import contextmanager


class Progress:
    def __init__(self, started_at=None):
        self.start = started_at or time.time()

    def say(self, text):
        print(f"[{time.time() - self.start:6.1f} s] {text}", flush=True)

    @contextmanager
    def step(self, text):
        """Prints the step when it is done; the body may append details to the list it gets."""
        if sys.stdout.isatty():
            print(f"{text} ...", end="\r", flush=True)
        began = time.time()
        details = []
        yield details
        note = "".join(f", {d}" for d in details)
        self.say(f"{text:<34} {time.time() - began:5.1f} s{note}")
