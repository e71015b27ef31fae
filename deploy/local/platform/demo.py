"""The demo operator: keys, a package with a plan and a subscriber, two CDNs, a lineup and a guide.

Everything here may be done again: commands replace what they made before.
"""

import gzip
import subprocess
from datetime import datetime, timezone

import guide
import services
import web
from endpoints import DEMO_LOGIN, DEMO_MAC, DEMO_PASSWORD, portal_url
from operator_call import Operator
from processes import PlatformError, wait_until
from run_dir import DEPLOY
from stb_access import Portal, PortalError

DEMO = DEPLOY / "local" / "demo"
PACKAGE, PLAN, ACCOUNT = "basic", "basic-monthly", "demo"
TOKEN_KEY = "2026-01"
CERTIFICATE_NAMES = (*services.SERVICES, "operator")


def make_keys(run_dir, bin_dir):
    """Certificates, keys of tokens and of entitlements, drm's wrapping key; kept when there."""
    keys = str(bin_dir / "holdfast-keys")
    _run([keys, "certificates", str(run_dir.folder("tls")), *CERTIFICATE_NAMES])
    for kind in ("portal", "play", "kek", services.SIGNS):
        folder = run_dir.folder("keys", kind)
        if not (folder / f"{TOKEN_KEY}.key").exists():
            _run([keys, "new", str(folder), TOKEN_KEY])
    # Who reads what billing signs gets the public halves and cannot sign.
    for public in run_dir.folder("keys", services.SIGNS).glob("*.pub"):
        run_dir.write(run_dir.folder("keys", services.VERIFIES) / public.name, public.read_text())
    run_dir.secret("packager")


def _run(command):
    done = subprocess.run(command, text=True, capture_output=True, check=False)
    if done.returncode != 0:
        raise PlatformError(f"{command[0]}: {done.stderr.strip()}")


def load(run_dir, bin_dir, ports):
    """Returns what was loaded, in words."""
    operator = Operator(run_dir, bin_dir, ports)
    _load_subscriber(operator)
    _load_edges(operator, ports)
    lineup = operator.call("middleware", "ImportLineup", {"m3u": (DEMO / "lineup.m3u").read_text()})
    if lineup.get("problems"):
        raise PlatformError("the demo lineup is not right: " + "; ".join(lineup["problems"]))
    channels = sum(int(lineup.get(key, 0)) for key in ("added", "changed", "unchanged"))
    operator.call("middleware", "PutDevice", {"mac": DEMO_MAC, "account_id": ACCOUNT})
    programmes = _load_guide(run_dir, operator)
    return [f"{channels} channels", f"{len(web.EDGES)} edges", f"{programmes} programmes"]


def _load_subscriber(operator):
    operator.call(
        "billing",
        "PutPackage",
        {"idempotency_key": "demo-package", "package": {"package_id": PACKAGE, "name": "Basic"}},
    )
    operator.call(
        "billing",
        "PutTariffPlan",
        {
            "idempotency_key": "demo-plan",
            "tariff_plan": {
                "tariff_plan_id": PLAN,
                "name": "Basic, monthly",
                "package_ids": [PACKAGE],
                "price": {"minor_units": 990, "currency": "EUR"},
                "period_days": 30,
            },
        },
    )
    operator.call(
        "billing",
        "CreateAccount",
        {
            "idempotency_key": "demo-account",
            "account_id": ACCOUNT,
            "full_name": "Demo Subscriber",
            "account_number": "100001",
        },
        accept=["ALREADY_EXISTS"],
    )
    operator.call(
        "billing",
        "SetPassword",
        {
            "idempotency_key": "demo-login",
            "account_id": ACCOUNT,
            "login": DEMO_LOGIN,
            "password": DEMO_PASSWORD,
        },
    )
    held = operator.call("billing", "ListSubscriptions", {"account_id": ACCOUNT})
    states = [s.get("state") for s in held.get("subscriptions", [])]
    if not {"STATE_ACTIVE", "STATE_GRACE"} & set(states):
        operator.call(
            "billing",
            "StartSubscription",
            {
                "idempotency_key": f"demo-subscription-{len(states)}",
                "account_id": ACCOUNT,
                "tariff_plan_id": PLAN,
            },
        )


def _load_edges(operator, ports):
    for cdn in sorted({edge[1] for edge in web.EDGES}):
        operator.call(
            "cdn_routing",
            "PutCdn",
            {"cdn": {"cdn_id": cdn, "name": f"CDN {cdn}", "signing_key_id": web.link_key_id(cdn)}},
        )
    for name, cdn, site, zone in web.EDGES:
        operator.call(
            "cdn_routing",
            "PutSite",
            {"site": {"site_id": site, "cdn_id": cdn, "zone": zone, "name": site}},
        )
        operator.call(
            "cdn_routing",
            "PutEdge",
            {
                "edge": {
                    "edge_id": name,
                    "site": site,
                    "base_url": f"http://127.0.0.1:{ports[name]}",
                }
            },
        )


def _load_guide(run_dir, operator):
    file = run_dir.folder("guide") / "guide.xml.gz"
    guide.write_today(DEMO / "guide.xml.gz", file, datetime.now(timezone.utc).date())
    operator.call("epg", "PutSource", {"name": "demo", "uri": f"file://{file}"})
    operator.call("epg", "ImportSource", {"name": "demo"})
    return len(guide.PROGRAMME.findall(gzip.decompress(file.read_bytes())))


def wait_visible(ports, seconds):
    """Returns when a box sees lineup, guide and playable links through each middleware instance."""
    for zone in services.ZONES:
        seen = {}

        def visible():
            try:
                box = Portal(portal_url(ports[f"middleware-{zone}-http"]), DEMO_MAC)
                box.log_in()
                channels = box.channels()
                seen["missing"] = "a playable link"
                box.link(channels[0])
                seen["missing"] = "the guide"
                return any(box.guide().values())
            except PortalError as error:
                seen["missing"] = str(error)
                return False

        if not wait_until(visible, seconds, 0.2):
            raise PlatformError(f"a box at middleware-{zone} does not see {seen['missing']}")
