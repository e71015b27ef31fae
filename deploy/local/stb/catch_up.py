"""Watches what has been on air: a programme that has ended, the one that is on from its beginning,
and the channel shifted in time."""

import time

from portal import PortalError
from stream import decode, open_stream

FRAMES = 25


def offered(portal, channel):
    """Guide rows of today that can be watched again, oldest first."""
    days = portal.call(
        "epg", "get_simple_data_table", ch_id=channel["id"], date=time.strftime("%Y-%m-%d"), p=0
    )
    rows = (days or {}).get("data", [])
    return [row for row in rows if str(row.get("mark_archive")) == "1"]


def command_of(js):
    """The address and what stands behind it. PortalError with the portal's reason."""
    if not isinstance(js, dict) or not js.get("cmd"):
        reason = js.get("error") if isinstance(js, dict) else None
        raise PortalError(f"no link: {reason or 'the portal knows no catch-up'}")
    address, _, rest = js["cmd"].partition(" ")[2].partition(" ")
    return address, rest


def play(portal, row):
    """Pictures of a programme from its beginning, as far back as it was recorded."""
    address, _ = command_of(
        portal.call("tv_archive", "create_link", cmd=f"auto /media/{row['id']}.mpg")
    )
    opened = open_stream(address, time.monotonic() + 5, from_beginning=True)
    return opened, decode(address, FRAMES)


def shift(portal, channel):
    """Pictures of the channel out of its archive, and how far a viewer could go back."""
    address, rest = command_of(
        portal.call("tv_archive", "get_link_for_channel", ch_id=channel["id"])
    )
    position = dict(word.split(":") for word in rest.split())["position"]
    return decode(address, FRAMES), int(position)


def line(what, channel, text):
    print(f"  {what:<10} {channel['name'][:22]:<22} {text}", flush=True)


def show_programme(portal, channel, what, row):
    try:
        opened, picture = play(portal, row)
    except PortalError as error:
        return line(what, channel, f"{row['t_time']} {row['name']}: {error}")
    kind = "AES-128" if opened.encrypted else "clear"
    line(
        what,
        channel,
        f"{row['t_time']} {row['name']}: {kind}, {opened.seconds:.0f} s kept, "
        f"{picture.frames} frames {picture.size}",
    )


def show_channel(portal, channel):
    rows = offered(portal, channel)
    ended = [row for row in rows if str(row.get("open")) == "0"]
    running = [row for row in rows if str(row.get("open")) == "1"]
    for what, some in (("catch-up", ended), ("start-over", running)):
        if some:
            show_programme(portal, channel, what, some[-1])
        else:
            line(what, channel, "no such programme in the guide")
    picture, position = shift(portal, channel)
    line(
        "time shift",
        channel,
        f"{position} s back, {picture.frames} frames {picture.size}",
    )


def show(portal, channels):
    """Every stream once: several channels of a demo lineup may show the same one."""
    offering = [c for c in channels if str(c.get("archive")) == "1"]
    if not offering:
        print("  catch-up: not offered")
    for channel in offering:
        try:
            show_channel(portal, channel)
        except PortalError as error:
            line("catch-up", channel, str(error))
