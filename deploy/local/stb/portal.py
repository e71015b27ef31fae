"""The Stalker portal protocol as a MAG set-top box speaks it."""

import http.client
import json
import socket
import time
import urllib.parse
from pathlib import Path

USER_AGENT = (
    "Mozilla/5.0 (QtEmbedded; U; Linux; C) AppleWebKit/533.3 (KHTML, like Gecko) "
    "MAG250 stbapp ver: 2 rev: 250 Safari/533.3"
)
FIRMWARE = (
    "ImageDescription: 0.2.18-r14-pub-250; ImageDate: Fri Jan 15 15:20:44 EET 2016; "
    "PORTAL version: 5.1.1; API Version: JS API version: 328; "
    "STB API version: 134; Player Engine version: 0x566"
)


class PortalError(Exception):
    """What went wrong, in the words of a log line."""


def fetch(url, headers=None, seconds=5.0):
    """GET; answers (status, headers, body). PortalError if nothing comes in time."""
    parts = urllib.parse.urlsplit(url)
    end = time.monotonic() + seconds
    connection = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=seconds)
    try:
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", target, headers=headers or {})
        connection.sock.settimeout(max(end - time.monotonic(), 0.01))
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    except socket.timeout:
        raise PortalError(f"no answer from {parts.netloc} within {seconds:.1f} s") from None
    except (OSError, http.client.HTTPException) as error:
        raise PortalError(f"{parts.netloc}: {error or type(error).__name__}") from None
    finally:
        connection.close()


class Portal:
    """One logged-in box. The token is kept in `memory`, like the flash of a MAG keeps it."""

    def __init__(self, url, mac, memory=None, seconds=10.0):
        self.url = url
        self.endpoint = url[: -len("c/")] + "server/load.php" if url.endswith("/c/") else url
        self.mac = mac
        self.memory = Path(memory) if memory else None
        self.seconds = seconds
        self.token = self._remembered()
        self.degraded = {}  # neighbour -> age in seconds, of the last answer
        self.bytes = 0  # of the last answer

    def _remembered(self):
        try:
            return json.loads(self.memory.read_text()).get(self.mac, "") if self.memory else ""
        except (OSError, ValueError):
            return ""

    def _remember(self):
        if self.memory:
            self.memory.parent.mkdir(parents=True, exist_ok=True)
            self.memory.write_text(json.dumps({self.mac: self.token}))

    def call(self, kind, action, seconds=None, **params):
        """What stands in "js". PortalError for anything a box could not use."""
        query = urllib.parse.urlencode(
            {"type": kind, "action": action, **params, "JsHttpRequest": "1-xml"}
        )
        headers = {
            "User-Agent": USER_AGENT,
            "X-User-Agent": "Model: MAG250; Link: Ethernet",
            "Accept": "*/*",
            "Referer": self.url,
            "Cookie": f"mac={urllib.parse.quote(self.mac)}; stb_lang=en; timezone=Europe%2FVienna",
        }
        if self.token and action != "handshake":
            headers["Authorization"] = f"Bearer {self.token}"
        status, answered, body = fetch(f"{self.endpoint}?{query}", headers, seconds or self.seconds)
        self.bytes = len(body)
        self.degraded = parse_degraded(answered.get_all("X-Degraded") or [])
        if status != 200:
            raise PortalError(f"{action}: HTTP {status}")
        try:
            return json.loads(body)["js"]
        except (ValueError, KeyError, TypeError):
            raise PortalError(f"{action}: {body[:60].decode(errors='replace')!r}") from None

    def handshake(self):
        """Offers the remembered token. True if the portal still knew it."""
        js = self.call("stb", "handshake", token=self.token, prehash="0")
        if not isinstance(js, dict) or not isinstance(js.get("token"), str):
            raise PortalError("handshake: no token")
        known = js["token"] == self.token
        self.token = js["token"]
        return known

    def profile(self):
        js = self.call(
            "stb",
            "get_profile",
            hd=1,
            ver=FIRMWARE,
            num_banks=2,
            sn="092015B014533",
            stb_type="MAG250",
            client_type="STB",
            image_version="218",
            video_out="hdmi",
            auth_second_step=0,
            hw_version="1.7-BD-00",
            not_valid_token=0,
            device_id="",
            device_id2="",
            signature="",
            metrics=json.dumps({"mac": self.mac, "model": "MAG250", "type": "STB"}),
            timestamp=int(time.time()),
            api_signature=262,
            prehash="0",
        )
        if not isinstance(js, dict) or str(js.get("status")) != "0":
            reason = (
                js.get("block_msg") or js.get("msg") or "refused" if isinstance(js, dict) else js
            )
            raise PortalError(f"get_profile: {reason}")
        self._remember()
        return js

    def log_in(self):
        """Handshake and profile: what a box does after a start and after a refused token."""
        self.handshake()
        return self.profile()

    def channels(self):
        js = self.call("itv", "get_all_channels", force_ch_link_check="")
        data = js.get("data") if isinstance(js, dict) else None
        if not data:
            raise PortalError("get_all_channels: no channels")
        return data

    def genres(self):
        js = self.call("itv", "get_genres")
        if not isinstance(js, list):
            raise PortalError("get_genres: no list")
        return js

    def guide(self, hours=5):
        """Channel id -> programmes."""
        js = self.call("itv", "get_epg_info", period=hours)
        data = js.get("data") if isinstance(js, dict) else None
        if not isinstance(data, dict):
            raise PortalError("get_epg_info: no data")
        return data

    def heartbeat(self, first=False):
        js = self.call(
            "watchdog", "get_events", init=int(first), cur_play_type=1, event_active_id=0
        )
        if not isinstance(js, dict) or "data" not in js:
            raise PortalError("get_events: no data")
        return js["data"]

    def link(self, channel, seconds=5.0):
        """The address to play. Channels without temporary links carry it themselves."""
        command = channel["cmd"]
        if (
            str(channel.get("use_http_tmp_link")) == "1"
            or str(channel.get("use_load_balancing")) == "1"
        ):
            js = self.call(
                "itv",
                "create_link",
                seconds=seconds,
                cmd=command,
                series="",
                forced_storage="undefined",
                disable_ad=0,
                download=0,
                force_ch_link_check=0,
            )
            if not isinstance(js, dict) or js.get("error") or not js.get("cmd"):
                raise PortalError(
                    f"create_link: {js.get('error') or 'no link' if isinstance(js, dict) else js}"
                )
            command = js["cmd"]
        return command.split(" ")[-1]


def parse_degraded(values):
    """X-Degraded: billing;age=12, epg;age=3"""
    ages = {}
    for entry in ",".join(values).split(","):
        neighbour, _, rest = entry.strip().partition(";")
        if neighbour:
            ages[neighbour] = rest.partition("age=")[2].strip() or "?"
    return ages
