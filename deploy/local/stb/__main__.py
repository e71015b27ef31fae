"""deploy/local/box: a simulated set-top box."""

import argparse
import sys
import time
from pathlib import Path

import catch_up
from portal import Portal, PortalError
from stream import decode, open_stream
from watch import Watch, pick

FRAMES = 25  # decoded from each channel that is tried
STEP_ORDER = ("create_link", "playlist", "key", "segment")


def parse(argv):
    parser = argparse.ArgumentParser(prog="deploy/local/box", description=__doc__)
    parser.add_argument("--run-dir", default="run", help="platform to use (default: ./run)")
    parser.add_argument(
        "--portal", help="portal address (default: PORTAL_URL of the run directory)"
    )
    parser.add_argument("--mac", help="address of the box (default: DEMO_MAC of the run directory)")
    parser.add_argument("--watch", action="store_true", help="keep zapping")
    parser.add_argument(
        "--seconds", type=float, default=0, help="with --watch: how long (default: for ever)"
    )
    parser.add_argument(
        "--interval", type=float, default=1.0, help="with --watch: seconds between two zaps"
    )
    parser.add_argument("--channels", choices=["clear", "encrypted", "all"], default="all")
    return parser.parse_args(argv)


def connect(options):
    known = {}
    file = Path(options.run_dir) / "endpoints.env"
    if file.exists():
        known = dict(line.split("=", 1) for line in file.read_text().splitlines() if "=" in line)
    url, mac = options.portal or known.get("PORTAL_URL"), options.mac or known.get("DEMO_MAC")
    if not url or not mac:
        sys.exit(
            f"deploy/local/box: no platform in {options.run_dir}; "
            "run deploy/local/up, or give --portal and --mac"
        )
    return Portal(url, mac.upper(), Path(options.run_dir) / "box" / "tokens.json")


def timed(what, action, describe):
    """Does one step of the start and prints it."""
    began = time.monotonic()
    result = action()
    took = (time.monotonic() - began) * 1000
    print(f"  {what:<17} {took:6.0f} ms  {describe(result)}", flush=True)
    return result


def start(portal):
    """The sequence of a MAG box from power on to the channel list. Returns the channels."""
    print(f"box {portal.mac} at {portal.url}")
    timed(
        "handshake", portal.handshake, lambda known: "token of last time" if known else "new token"
    )
    timed(
        "get_profile",
        portal.profile,
        lambda p: f"welcome {p.get('fname') or p.get('name') or 'box'}, "
        f"heartbeat slot {p.get('timeslot')} s",
    )
    timed(
        "get_localization",
        lambda: portal.call("stb", "get_localization"),
        lambda words: f"{len(words or {})} words",
    )
    timed(
        "get_modules",
        lambda: portal.call("stb", "get_modules"),
        lambda m: f"{len((m or {}).get('all_modules', []))} modules",
    )
    genres = timed("get_genres", portal.genres, lambda g: f"{len(g)} groups")
    channels = timed(
        "get_all_channels",
        portal.channels,
        lambda c: f"{len(c)} channels, {portal.bytes / 1024:.0f} KiB",
    )
    timed(
        "get_ordered_list",
        lambda: portal.call(
            "itv", "get_ordered_list", genre=genres[-1]["id"], fav=0, sortby="number", p=1
        ),
        lambda page: f"{page['total_items']} channels in group {genres[-1]['title']}",
    )
    timed(
        "get_fav_ids",
        lambda: portal.call("itv", "get_fav_ids"),
        lambda ids: f"{len(ids or [])} favourites",
    )
    timed("get_epg_info", portal.guide, lambda guide: describe_guide(guide, channels))
    timed(
        "get_events",
        lambda: portal.heartbeat(first=True),
        lambda data: f"{data.get('msgs', 0)} messages",
    )
    return channels


def describe_guide(guide, channels):
    filled = {channel: rows for channel, rows in guide.items() if rows}
    text = f"programmes on {len(filled)} channels"
    for channel in channels:
        rows = filled.get(str(channel["id"]))
        if rows:
            return text + f"; now on {channel['name']}: {rows[0]['name']}"
    return text


def show(portal, channel):
    """Zaps, decodes pictures, prints what was seen. True if the channel is encrypted."""
    began = time.monotonic()
    url = portal.link(channel)
    link_ms = (time.monotonic() - began) * 1000
    opened = open_stream(url, began + 5)
    picture = decode(url, FRAMES)
    steps = {"create_link": link_ms, **opened.steps}
    kind = "AES-128" if opened.encrypted else "clear"
    times = ", ".join(f"{step} {steps[step]:.0f}" for step in STEP_ORDER if step in steps)
    print(
        f"  zap {channel['number']:>3} {channel['name'][:22]:<22} {kind:<8} {times} ms; "
        f"{picture.frames} frames {picture.size} decoded in {picture.milliseconds:.0f} ms",
        flush=True,
    )


def show_some(portal, channels):
    """One clear channel, one encrypted, and what catch-up there is."""
    for kind in ("clear", "encrypted"):
        found = next((c for c in channels if pick(portal, [c], kind)), None)
        if found:
            show(portal, found)
        else:
            print(f"  no {kind} channel in the lineup")
    catch_up.show(portal, channels)


def main():
    options = parse(sys.argv[1:])
    portal = connect(options)
    try:
        if not options.watch:
            channels = start(portal)
            show_some(portal, channels)
            return 0
        portal.log_in()
        channels = pick(portal, portal.channels(), options.channels)
    except PortalError as error:
        print(f"deploy/local/box: {error}", file=sys.stderr)
        return 1
    if not channels:
        print(f"deploy/local/box: no {options.channels} channels", file=sys.stderr)
        return 1
    print(f"box {portal.mac} zaps over {len(channels)} channels", flush=True)
    return 0 if Watch(portal, channels, options.seconds, options.interval).run() else 1


if __name__ == "__main__":
    sys.exit(main())
