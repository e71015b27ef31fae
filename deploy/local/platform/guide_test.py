import re
import unittest
from datetime import date

import guide

TODAY = date(2026, 3, 11)  # a Wednesday


def programme(start, stop, channel="one", title="News"):
    return (
        f'  <programme start="{start} +0000" stop="{stop} +0000" channel="{channel}">\n'
        f"    <title>{title}</title>\n  </programme>\n"
    )


def document(*programmes):
    return ('<tv>\n  <channel id="one"/>\n' + "".join(programmes) + "</tv>\n").encode()


def starts(shifted):
    return sorted(re.findall(rb'start="(\d{8})', shifted))


class GuideTest(unittest.TestCase):
    def test_every_day_from_yesterday_to_next_week_is_filled(self):
        shifted = guide.shift(document(programme("20200101060000", "20200101070000")), TODAY)
        days = [b"%d" % day for day in range(20260310, 20260319)]
        self.assertEqual(starts(shifted), days)

    def test_a_guide_of_one_week_keeps_its_weekdays(self):
        week = [programme(f"2015112{6 + n}06", f"2015112{6 + n}07", title=n) for n in range(4)]
        week += [programme(f"2015113006", "2015113007"), programme("2015120106", "2015120107")]
        week += [programme("2015120206", "2015120207", title="Wednesday")]
        shifted = guide.shift(document(*week), TODAY)
        today = next(p for p in guide.PROGRAMME.findall(shifted) if b'start="20260311' in p)
        self.assertIn(b"Wednesday", today)

    def test_a_programme_over_midnight_ends_on_the_next_day(self):
        shifted = guide.shift(document(programme("20200131230000", "20200201010000")), TODAY)
        self.assertIn(b'start="20260311230000 +0000" stop="20260312010000', shifted)

    def test_head_and_channels_stay_as_they_are(self):
        shifted = guide.shift(document(programme("20200101060000", "20200101070000")), TODAY)
        self.assertTrue(shifted.startswith(b'<tv>\n  <channel id="one"/>\n'))
        self.assertTrue(shifted.endswith(b"</tv>\n"))


if __name__ == "__main__":
    unittest.main()
