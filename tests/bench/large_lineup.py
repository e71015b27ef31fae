"""A lineup and guide as large as big operators have them, made by rule: the demo lineup, and behind it
generated channels with a programme every half hour, whose texts are as long as those of real guides."""

import datetime
import gzip
import json
import pathlib
import random
import sys
import time
import urllib.parse
import urllib.request

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
PLATFORM = REPOSITORY / "deploy" / "local" / "platform"
DEMO_LINEUP = REPOSITORY / "deploy" / "local" / "demo" / "lineup.m3u"
STREAMS = 6  # of the platform; ch5 and ch6 are encrypted
GROUPS = ("General", "News", "Films", "Sport", "Children", "Music", "Regional", "Documentary")
DAYS_BACK, DAYS_AHEAD = 1, 6
HALF_HOURS = 48
VISIBLE_WITHIN = 180  # seconds from the import until an instance shows it
WORDS = ("morning evening report from the a of in and with news weather football match film series "
         "about people city river mountain history music children family journey north south winter "
         "summer doctor police island secret return last first new great old night day special live "
         "studio guest interview science nature animals world country king queen house garden").split()


def guide_id(number):
    return f"large{number}.example"


def playlist(channels):
    """The demo lineup and generated channels up to that number."""
    lines = [DEMO_LINEUP.read_text().rstrip("\n")]
    present = sum(1 for line in lines[0].splitlines() if line.startswith("#EXTINF"))
    for number in range(present + 1, channels + 1):
        stream = number % STREAMS + 1
        encrypted = ' holdfast-encrypted="1"' if stream > STREAMS - 2 else ""
        lines.append(
            f'#EXTINF:-1 tvg-id="{guide_id(number)}" tvg-name="Channel {number}" '
            f'tvg-logo="http://logos.example/{number}.png" tvg-chno="{number}" '
            f'group-title="{GROUPS[number % len(GROUPS)]}" holdfast-package="basic"{encrypted},'
            f"Channel {number}\nhttp://127.0.0.1/live/ch{stream}/index.m3u8")
    return "\n".join(lines) + "\n", present


def write_guide(file, first, channels, today):
    """XMLTV of the channels `first`..`channels`, from yesterday for a week."""
    words = random.Random(1)  # the same guide every time

    def text(count):
        return " ".join(words.choices(WORDS, k=count))

    midnight = datetime.datetime.combine(today, datetime.time()) - datetime.timedelta(days=DAYS_BACK)
    starts = [(midnight + datetime.timedelta(minutes=30 * i)).strftime("%Y%m%d%H%M%S +0000")
              for i in range((DAYS_BACK + DAYS_AHEAD) * HALF_HOURS + 1)]
    with gzip.open(file, "wt", compresslevel=1) as out:
        out.write('<?xml version="1.0" encoding="UTF-8"?>\n<tv>\n')
        for number in range(first, channels + 1):
            out.write(f'<channel id="{guide_id(number)}"><display-name>Channel {number}'
                      "</display-name></channel>\n")
        for number in range(first, channels + 1):
            for start, stop in zip(starts, starts[1:]):
                out.write(f'<programme start="{start}" stop="{stop}" channel="{guide_id(number)}">'
                          f"<title>{text(3)}</title><desc>{text(12)}</desc></programme>\n")
        out.write("</tv>\n")


def load(run_dir, build, portal, box, channels):
    """Imports both into a running platform, and waits until the box at `portal` sees the last channel's
    guide."""
    sys.path[:0] = [str(PLATFORM)]
    import operator_call  # noqa: E402
    from run_dir import RunDir  # noqa: E402

    ports = json.loads((run_dir / "ports.json").read_text())
    operator = operator_call.Operator(RunDir(run_dir), build / "bin", ports)
    m3u, present = playlist(channels)
    answer = operator.call("middleware", "ImportLineup", {"m3u": m3u})
    if answer.get("problems"):
        raise RuntimeError(f"the large lineup is not right: {answer['problems']}")
    file = run_dir / "guide" / "large.xml.gz"
    write_guide(file, present + 1, channels, datetime.datetime.now(datetime.timezone.utc).date())
    operator.call("epg", "PutSource", {"name": "large", "uri": f"file://{file}"})
    operator.call("epg", "ImportSource", {"name": "large"}, accept=("DEADLINE_EXCEEDED",))
    wait_until_visible(portal, box, channels)


def wait_until_visible(portal, box, channels):
    def ask(action, **fields):
        query = urllib.parse.urlencode({"type": "itv", "action": action, **fields})
        request = urllib.request.Request(f"{portal}?{query}", headers=box.headers())
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["js"]

    end = time.monotonic() + VISIBLE_WITHIN
    while time.monotonic() < end:
        rows = ask("get_all_channels")["data"]
        if len(rows) == channels and ask("get_short_epg", ch_id=rows[-1]["id"]):
            return
        time.sleep(1)
    raise RuntimeError(f"the box does not see {channels} channels and their guide")
