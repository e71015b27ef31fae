"""Opens an HLS address as a player does: playlist, key, first segment, picture."""

import re
import subprocess
import time
import urllib.parse
from dataclasses import dataclass, field

from portal import USER_AGENT, PortalError, fetch

PACKET = 188  # bytes of a transport stream packet, each begins with 0x47
START_BEFORE_END = 3  # segments; where players join a live playlist


@dataclass
class Opened:
    """What came, and after how many milliseconds of its own step."""

    encrypted: bool = False
    seconds: float = 0.0  # of all segments that the playlist names
    steps: dict = field(default_factory=dict)  # "playlist" -> ms
    segment: bytes = b""  # decrypted


@dataclass
class Picture:
    frames: int
    size: str
    milliseconds: float


def get(url, until, what, steps):
    began = time.monotonic()
    if until <= began:
        raise PortalError(f"no time left for {what}")
    status, _, body = fetch(url, {"User-Agent": USER_AGENT}, until - began)
    if status != 200:
        raise PortalError(f"{what}: HTTP {status} from {urllib.parse.urlsplit(url).netloc}")
    steps[what] = (time.monotonic() - began) * 1000
    return body


def attributes(text):
    """METHOD=AES-128,URI="key/7",IV=0x01 as a dict."""
    found = {}
    while text:
        name, _, rest = text.partition("=")
        if rest.startswith('"'):
            value, _, text = rest[1:].partition('"')
            text = text.lstrip(",")
        else:
            value, _, text = rest.partition(",")
        found[name.strip()] = value
    return found


def read_playlist(text):
    """[(segment address, sequence number, key attributes or None)]"""
    segments, key, sequence = [], None, 0
    for line in map(str.strip, text.splitlines()):
        if line.startswith("#EXT-X-MEDIA-SEQUENCE:"):
            sequence = int(line.partition(":")[2])
        elif line.startswith("#EXT-X-KEY:"):
            key = attributes(line.partition(":")[2])
            key = None if key.get("METHOD") == "NONE" else key
        elif line and not line.startswith("#"):
            segments.append((line, sequence + len(segments), key))
    return segments


def is_encrypted(url, seconds=5.0):
    text = get(url, time.monotonic() + seconds, "playlist", {}).decode(errors="replace")
    return any(key for _, _, key in read_playlist(text))


def decrypt(data, key, initial_vector):
    done = subprocess.run(
        ["openssl", "enc", "-d", "-aes-128-cbc", "-K", key.hex(), "-iv", initial_vector],
        input=data,
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        raise PortalError("segment: the key does not fit")
    return done.stdout


def open_stream(url, until, from_beginning=False):
    """The first segment a player would show, checked byte by byte: near the end of what is live, at
    the beginning of what has been on air. PortalError if it does not come before `until` (monotonic
    seconds)."""
    opened = Opened()
    text = get(url, until, "playlist", opened.steps).decode(errors="replace")
    segments = read_playlist(text)
    if not text.startswith("#EXTM3U") or not segments:
        raise PortalError("playlist: no segments")
    opened.seconds = sum(map(float, re.findall(r"#EXTINF:([\d.]+)", text)))
    address, sequence, key = segments[0] if from_beginning else segments[-START_BEFORE_END:][0]
    data = get(urllib.parse.urljoin(url, address), until, "segment", opened.steps)
    if key:
        opened.encrypted = True
        secret = get(urllib.parse.urljoin(url, key["URI"]), until, "key", opened.steps)
        if len(secret) != 16:
            raise PortalError(f"key: {len(secret)} bytes")
        vector = key.get("IV", f"0x{sequence:032x}").lower().removeprefix("0x")
        data = decrypt(data, secret, vector)
    if not data or len(data) % PACKET or set(data[::PACKET]) != {0x47}:
        raise PortalError("segment: not a transport stream")
    opened.segment = data
    return opened


def decode(source, frames, seconds=10.0):
    """Decodes the first frames with ffmpeg, of an address or of bytes."""
    from_bytes = isinstance(source, bytes)
    name = (
        ["-f", "mpegts", "-i", "pipe:0"]
        if from_bytes
        else ["-user_agent", USER_AGENT, "-i", source]
    )
    command = [
        "ffmpeg",
        "-v",
        "error",
        "-threads",
        "1",
        *name,
        "-map",
        "0:v:0",
        "-frames:v",
        str(frames),
        "-f",
        "framemd5",
        "-",
    ]
    began = time.monotonic()
    try:
        done = subprocess.run(
            command,
            input=source if from_bytes else None,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise PortalError(f"picture: nothing decoded within {seconds:.0f} s") from None
    lines = done.stdout.decode().splitlines()
    size = next((line.split()[-1] for line in lines if line.startswith("#dimensions")), "?")
    count = sum(1 for line in lines if line and not line.startswith("#"))
    if count < frames:
        raise PortalError(
            f"picture: {count} of {frames} frames: "
            + done.stderr.decode(errors="replace").strip()[:200]
        )
    return Picture(count, size, (time.monotonic() - began) * 1000)
