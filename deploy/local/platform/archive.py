"""Keeps what the channels have played for a while, and lists any part of it as an HLS playlist.

Every second, for each channel: hard-link the segments that its live playlist names into a folder of
their own and note when and for how long they were on air. A request for

    /live/<stream>/index-<start>-<duration>.m3u8        (UTC seconds; the form of Flussonic)

gets the segments of that time. The playlist of a time that is over ends; one that reaches into the
present grows. Disk use is bounded by KEEP_SECONDS. The origin serves the segments themselves.
"""

import argparse
import re
import sys
import threading
import time
from dataclasses import dataclass
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import channels
from processes import Part
from run_dir import RunDir

KEEP_SECONDS = 3660  # the demo lineup offers an hour
LOOK_EVERY_SECONDS = 1.0
GAP_SECONDS = 1.5  # between two segments: the channel was interrupted
LONGEST_WINDOW = 24 * 3600
WINDOW = re.compile(r"^/live/([\w.-]+)/index-(\d{1,12})-(\d{1,6})\.m3u8$")


def part(run_dir, port):
    argv = [sys.executable, str(Path(__file__).resolve()), "--run-dir", str(run_dir.path)]
    return Part(
        "archive",
        [*argv, "--port", str(port)],
        cwd=str(run_dir.folder("work", "archive")),
        port=port,
        ready_url=f"http://127.0.0.1:{port}/health",
        fingerprint=str(Path(__file__).stat().st_mtime_ns),
    )


@dataclass(frozen=True)
class Segment:
    name: str
    start: float  # UTC seconds
    duration: float
    key: str  # the attributes of its #EXT-X-KEY, or ""

    @property
    def stop(self):
        return self.start + self.duration


def read_live(text):
    """The segments of a live playlist that says when each was on air."""
    segments, key, duration, start = [], "", 0.0, None
    for line in map(str.strip, text.splitlines()):
        name, _, value = line.partition(":")
        if name == "#EXT-X-KEY":
            key = "" if "METHOD=NONE" in value else value
        elif name == "#EXTINF":
            duration = float(value.rstrip(","))
        elif name == "#EXT-X-PROGRAM-DATE-TIME":
            start = datetime.strptime(value, "%Y-%m-%dT%H:%M:%S.%f%z").timestamp()
        elif line and not line.startswith("#") and start is not None:
            segments.append(Segment(line, start, duration, key))
            start += duration
    return segments


def playlist(segments, ended):
    """An HLS playlist of these segments. Without `ended` players ask again for what is added."""
    target = max(int(segment.duration + 0.999) for segment in segments)
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:6",
        f"#EXT-X-TARGETDURATION:{target}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:" + ("VOD" if ended else "EVENT"),
    ]
    key, before = "", None
    for segment in segments:
        if before and abs(segment.start - before.stop) > GAP_SECONDS:
            lines.append("#EXT-X-DISCONTINUITY")
        if segment.key != key:
            key = segment.key
            lines.append("#EXT-X-KEY:" + (key or "METHOD=NONE"))
        moment = datetime.utcfromtimestamp(segment.start)
        lines += [
            f"#EXT-X-PROGRAM-DATE-TIME:{moment.isoformat(timespec='milliseconds')}Z",
            f"#EXTINF:{segment.duration:.6f},",
            segment.name,
        ]
        before = segment
    return "\n".join(lines + ["#EXT-X-ENDLIST"] * ended) + "\n"


class Recording:
    """What is kept of one channel. `look` is for one thread, `window` for any."""

    def __init__(self, live, kept):
        self.live = Path(live)
        self.kept = Path(kept)
        self.index = self.kept / "index.txt"
        self.segments = self._remembered()

    def _remembered(self):
        found = []
        try:
            lines = self.index.read_text().splitlines()
        except OSError:
            return found
        for line in lines:
            name, start, duration, key = (line.split(" ", 3) + [""])[:4]
            if (self.kept / name).exists():
                found.append(Segment(name, float(start), float(duration), key))
        return found

    def look(self, now):
        try:
            on_air = read_live((self.live / "index.m3u8").read_text())
        except OSError:
            return  # the channel is being started
        known = {segment.name for segment in self.segments[-200:]}
        fresh = [s for s in on_air if s.name not in known and self._keep(s)]
        oldest = now - KEEP_SECONDS
        gone = [s for s in self.segments if s.stop < oldest]
        if not fresh and not gone:
            return
        self.segments = [s for s in self.segments if s.stop >= oldest] + fresh
        text = "".join(f"{s.name} {s.start:.3f} {s.duration:.6f} {s.key}\n" for s in self.segments)
        partial = self.index.with_name("index.partial")
        partial.write_text(text)
        partial.replace(self.index)
        for segment in gone:
            (self.kept / segment.name).unlink(missing_ok=True)

    def _keep(self, segment):
        try:
            (self.kept / segment.name).hardlink_to(self.live / segment.name)
        except FileExistsError:
            pass
        except OSError:
            return False  # gone from the live folder already
        return True

    def window(self, start, duration, now):
        """The playlist of that time, or None when nothing of it is kept."""
        stop = start + min(duration, LONGEST_WINDOW)
        chosen = [s for s in self.segments if s.stop > start and s.start < stop]
        return playlist(chosen, ended=stop < now) if chosen else None


def handler(recordings):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            if self.path == "/health":
                return self._answer(200, "ok\n", "text/plain")
            match = WINDOW.match(self.path)
            recording = recordings.get(match[1]) if match else None
            text = recording and recording.window(int(match[2]), int(match[3]), time.time())
            if not text:
                return self._answer(404, "nothing of that time is kept\n", "text/plain")
            return self._answer(200, text, "application/vnd.apple.mpegurl")

        def _answer(self, status, text, kind):
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    return Handler


def record(recordings, stop):
    while not stop.wait(LOOK_EVERY_SECONDS):
        for stream, recording in recordings.items():
            try:
                recording.look(time.time())
            except (OSError, ValueError) as error:
                print(f"{stream}: {error}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--run-dir", required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    run_dir = RunDir(options.run_dir)
    recordings = {
        channel.stream: Recording(
            channels.output_folder(run_dir, channel), channels.archive_folder(run_dir, channel)
        )
        for channel in channels.CHANNELS
        if channel.archived
    }
    stop = threading.Event()
    threading.Thread(target=record, args=(recordings, stop), daemon=True).start()
    server = ThreadingHTTPServer(("127.0.0.1", options.port), handler(recordings))
    server.daemon_threads = True
    server.serve_forever()


if __name__ == "__main__":
    main()
