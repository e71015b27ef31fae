import tempfile
import unittest
from pathlib import Path

import archive

LIVE = """#EXTM3U
#EXT-X-TARGETDURATION:2
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-KEY:METHOD=AES-128,URI="key/3",IV=0x01
#EXTINF:2.000000,
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T10:00:00.000+0000
7.ts
#EXTINF:2.000000,
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T10:00:02.000+0000
8.ts
#EXT-X-KEY:METHOD=AES-128,URI="key/4",IV=0x02
#EXTINF:1.500000,
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T10:00:04.000+0000
9.ts
"""
START = 1767348000


class ArchiveTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.live, self.kept = (Path(self.folder.name) / name for name in ("live", "kept"))
        self.live.mkdir()
        self.kept.mkdir()
        self.recording = archive.Recording(self.live, self.kept)

    def tearDown(self):
        self.folder.cleanup()

    def play(self, text=LIVE):
        for line in text.splitlines():
            if line.endswith(".ts") and not (self.live / line).exists():
                (self.live / line).write_bytes(line.encode())
        (self.live / "index.m3u8").write_text(text)
        self.recording.look(START + 6)

    def names(self, start, duration, now=START + 100):
        text = self.recording.window(start, duration, now) or ""
        return [line for line in text.splitlines() if line.endswith(".ts")]

    def test_a_time_gives_the_segments_that_were_on_air_then(self):
        self.play()
        self.assertEqual(self.names(START, 60), ["7.ts", "8.ts", "9.ts"])
        self.assertEqual(self.names(START + 1, 2), ["7.ts", "8.ts"])
        self.assertEqual(self.names(START + 4, 1), ["9.ts"])
        self.assertIsNone(self.recording.window(START - 60, 30, START))

    def test_segments_stay_when_the_channel_has_deleted_them(self):
        self.play()
        for segment in self.live.glob("*.ts"):
            segment.unlink()
        self.assertEqual((self.kept / "7.ts").read_bytes(), b"7.ts")
        self.assertEqual(self.names(START, 60), ["7.ts", "8.ts", "9.ts"])

    def test_keys_are_named_where_they_change(self):
        self.play()
        text = self.recording.window(START, 60, START + 100)
        self.assertEqual(text.count("#EXT-X-KEY"), 2)
        self.assertIn('URI="key/4"', text)

    def test_only_a_time_that_is_over_ends(self):
        self.play()
        self.assertIn("#EXT-X-ENDLIST", self.recording.window(START, 5, START + 100))
        growing = self.recording.window(START, 500, START + 100)
        self.assertNotIn("#EXT-X-ENDLIST", growing)
        self.assertIn("PLAYLIST-TYPE:EVENT", growing)

    def test_an_interruption_is_marked(self):
        self.play()
        later = LIVE[: LIVE.index("#EXT-X-KEY")] + (
            "#EXTINF:2.0,\n#EXT-X-PROGRAM-DATE-TIME:2026-01-02T10:01:00.000+0000\n30.ts\n"
        )
        self.play(later)
        self.assertEqual(self.recording.window(START, 120, START + 500).count("DISCONTINUITY"), 1)

    def test_what_is_too_old_leaves_the_disk(self):
        self.play()
        self.recording.look(START + archive.KEEP_SECONDS + 5)
        self.assertEqual(sorted(f.name for f in self.kept.glob("*.ts")), ["9.ts"])

    def test_a_restarted_archive_knows_what_it_kept(self):
        self.play()
        self.recording = archive.Recording(self.live, self.kept)
        self.assertEqual(self.names(START, 60), ["7.ts", "8.ts", "9.ts"])

    def test_a_channel_that_does_not_play_yet_is_no_error(self):
        self.recording.look(START)
        self.assertIsNone(self.recording.window(START, 60, START))


if __name__ == "__main__":
    unittest.main()
