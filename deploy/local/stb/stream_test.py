import unittest

import portal
import stream

PLAYLIST = """#EXTM3U
#EXT-X-TARGETDURATION:2
#EXT-X-MEDIA-SEQUENCE:7
#EXTINF:2.0,
a.ts
#EXT-X-KEY:METHOD=AES-128,URI="key/3,4",IV=0x01
#EXTINF:2.0,
b.ts
#EXT-X-KEY:METHOD=NONE
#EXTINF:2.0,
c.ts
"""


class PlaylistTest(unittest.TestCase):
    def test_a_key_holds_for_the_segments_after_it(self):
        key = {"METHOD": "AES-128", "URI": "key/3,4", "IV": "0x01"}
        self.assertEqual(
            stream.read_playlist(PLAYLIST), [("a.ts", 7, None), ("b.ts", 8, key), ("c.ts", 9, None)]
        )

    def test_what_is_no_playlist_has_no_segments(self):
        self.assertEqual(stream.read_playlist(""), [])


class DecryptTest(unittest.TestCase):
    def test_a_wrong_key_is_noticed(self):
        with self.assertRaises(portal.PortalError):
            stream.decrypt(bytes(range(160)), bytes(16), "0" * 32)


class PortalTest(unittest.TestCase):
    def test_the_api_address_is_derived_from_what_is_typed(self):
        box = portal.Portal("http://host:1/stalker_portal/c/", "00:1A:79:00:00:01")
        self.assertEqual(box.endpoint, "http://host:1/stalker_portal/server/load.php")

    def test_degraded_answers_name_neighbours_and_ages(self):
        self.assertEqual(
            portal.parse_degraded(["billing;age=12, epg;age=3", "redis"]),
            {"billing": "12", "epg": "3", "redis": "?"},
        )


if __name__ == "__main__":
    unittest.main()
