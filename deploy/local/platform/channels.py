"""Six test channels: a short film with sound for each, made once and then played in a loop.

Playing copies bytes, so a channel costs next to nothing. The last two are AES-128 encrypted; their
keys are brought by the packager (packager.py).
"""

import hashlib
import os
import subprocess
from dataclasses import dataclass

from processes import Part, PlatformError
from run_dir import PROJECT

FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf"
FRAMES_PER_SECOND = 10
SEGMENT_SECONDS = 2
SEGMENTS_LISTED = 10
FILM_SECONDS = 30
SIZE = "320x180"


@dataclass(frozen=True)
class Channel:
    number: int
    picture: str  # an ffmpeg test source
    encrypted: bool = False
    archived: bool = False  # what it played can be watched again (archive.py)

    @property
    def stream(self):
        return f"ch{self.number}"

    @property
    def tone_hertz(self):
        return 220 * self.number


CHANNELS = (
    Channel(1, "testsrc2", archived=True),
    Channel(2, "smptebars"),
    Channel(3, "rgbtestsrc"),
    Channel(4, "testsrc"),
    Channel(5, "pal75bars", encrypted=True, archived=True),
    Channel(6, "yuvtestsrc", encrypted=True),
)


def film(channel):
    """Where the channel's film is kept: shared by all run directories, named by how it is made."""
    recipe = hashlib.sha256(" ".join(_encoder(channel, "")).encode()).hexdigest()[:12]
    return PROJECT / "build" / "films" / f"{channel.stream}-{recipe}.mp4"


def make_films():
    """Encodes the films that are missing, all at once. Returns how many were made."""
    work = []
    for channel in CHANNELS:
        target = film(channel)
        if target.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f"{os.getpid()}.{target.name}")
        work.append(
            (
                subprocess.Popen(
                    _encoder(channel, partial),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    text=True,
                ),
                partial,
                target,
            )
        )
    for process, partial, target in work:
        _, errors = process.communicate()
        if process.returncode != 0:
            raise PlatformError(f"ffmpeg could not make {target.name}: {errors.strip()[-400:]}")
        os.replace(partial, target)
    return len(work)


def _encoder(channel, output):
    picture = f"{channel.picture}=size={SIZE}:rate={FRAMES_PER_SECOND}"
    if os.path.exists(FONT):
        label = f"channel {channel.number}" + ("  encrypted" if channel.encrypted else "")
        style = f"fontfile={FONT}:fontcolor=white:box=1:boxcolor=black@0.7:boxborderw=6:x=12"
        picture += (
            f",drawtext={style}:fontsize=24:y=16:text='{label}'"
            f",drawtext={style}:fontsize=20:y=140:text='%{{pts\\:hms}}'"
        )
    group = str(FRAMES_PER_SECOND * SEGMENT_SECONDS)
    return [
        "ffmpeg",
        "-nostdin",
        "-v",
        "error",
        "-y",
        "-f",
        "lavfi",
        "-i",
        picture,
        "-f",
        "lavfi",
        "-i",
        f"sine=frequency={channel.tone_hertz}:sample_rate=44100",
        "-t",
        str(FILM_SECONDS),
        "-pix_fmt",
        "yuv420p",
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-crf",
        "30",
        "-threads",
        "1",
        "-g",
        group,
        "-keyint_min",
        group,
        "-sc_threshold",
        "0",
        "-c:a",
        "aac",
        "-b:a",
        "32k",
        "-ac",
        "1",
        str(output),
    ]


def output_folder(run_dir, channel):
    return run_dir.folder("channels", "live", channel.stream)


def archive_folder(run_dir, channel):
    return run_dir.folder("channels", "archive", channel.stream)


def key_folder(run_dir, channel):
    """Not below what the origin serves."""
    return run_dir.folder("channels", "keys", channel.stream)


def player(run_dir, channel):
    """The process that plays the film into a live playlist."""
    folder = output_folder(run_dir, channel)
    flags = "delete_segments+temp_file+omit_endlist+program_date_time+independent_segments"
    argv = [
        "/usr/bin/ffmpeg",
        "-nostdin",
        "-v",
        "warning",
        "-re",
        "-stream_loop",
        "-1",
        "-i",
        str(film(channel)),
        "-c",
        "copy",
        "-f",
        "hls",
        "-hls_time",
        str(SEGMENT_SECONDS),
        "-hls_list_size",
        str(SEGMENTS_LISTED),
        "-hls_delete_threshold",
        "5",
        "-hls_start_number_source",
        "epoch",
        "-hls_segment_filename",
        str(folder / "%d.ts"),
    ]
    if channel.encrypted:
        flags += "+periodic_rekey"
        argv += ["-hls_key_info_file", str(key_folder(run_dir, channel) / "keyinfo")]
    argv += ["-hls_flags", flags, str(folder / "index.m3u8")]
    work = run_dir.folder("channels", "work", channel.stream)
    return Part(f"channel-{channel.stream}", argv, cwd=str(work))


def clear(run_dir, channel):
    """Removes what an earlier run played."""
    for file in output_folder(run_dir, channel).iterdir():
        file.unlink()


def is_playing(run_dir, channel):
    playlist = output_folder(run_dir, channel) / "index.m3u8"
    try:
        return "#EXTINF" in playlist.read_text()
    except OSError:
        return False
