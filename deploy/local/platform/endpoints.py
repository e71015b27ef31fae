"""Where everything is: <run>/endpoints.env for scripts, a page for people."""

from pathlib import Path

import services
import web

DEMO_MAC = "00:1A:79:00:00:01"
DEMO_LOGIN, DEMO_PASSWORD = "demo", "demo-tv"  # of the same account, for apps


def portal_url(port):
    """What one types into a set-top box."""
    return f"http://127.0.0.1:{port}/stalker_portal/c/"


def app_urls(port):
    """What one types into an app or a player of playlists."""
    server = f"http://127.0.0.1:{port}"
    login = f"username={DEMO_LOGIN}&password={DEMO_PASSWORD}"
    return {
        "server": server,
        "playlist": f"{server}/get.php?{login}&type=m3u_plus&output=m3u8",
        "xmltv": f"{server}/xmltv.php?{login}",
    }


def write(run_dir, ports):
    apps = app_urls(ports["portal"])
    lines = {
        "RUN_DIR": run_dir.path,
        "PORTAL_URL": portal_url(ports["portal"]),
        "PORTAL_URL_A": portal_url(ports["middleware-a-http"]),
        "PORTAL_URL_B": portal_url(ports["middleware-b-http"]),
        "DEMO_MAC": DEMO_MAC,
        "XTREAM_URL": apps["server"],
        "DEMO_LOGIN": DEMO_LOGIN,
        "DEMO_PASSWORD": DEMO_PASSWORD,
        "PLAYLIST_URL": f"'{apps['playlist']}'",
        "XMLTV_URL": f"'{apps['xmltv']}'",
        "OPERATORS_TOKEN_FILE": services.operator_token_file(run_dir),
        "PROMETHEUS_URL": f"http://127.0.0.1:{ports['prometheus']}",
        "ALERTMANAGER_URL": f"http://127.0.0.1:{ports['alertmanager']}",
        "ORIGIN_URL": f"http://127.0.0.1:{ports['origin']}",
        "ETCD_URL": f"http://127.0.0.1:{ports['etcd']}",
        "POSTGRES_ADDRESS": f"127.0.0.1:{ports['postgres']}",
        "REDIS_ADDRESS": f"127.0.0.1:{ports['redis']}",
    }
    for edge, _, _, _ in web.EDGES:
        lines[edge.upper().replace("-", "_") + "_URL"] = f"http://127.0.0.1:{ports[edge]}"
    for service, zone in services.INSTANCES:
        prefix = f"HOLDFAST_{service.upper()}_{zone.upper()}"
        lines[f"{prefix}_ADMIN"] = f"http://127.0.0.1:{ports[f'{service}-{zone}-admin']}"
        lines[f"{prefix}_GRPC"] = f"127.0.0.1:{ports[f'{service}-{zone}-grpc']}"
        if service in services.WITH_HTTP:
            lines[f"{prefix}_HTTP"] = f"http://127.0.0.1:{ports[f'{service}-{zone}-http']}"
        if service in services.WITH_OPERATORS:
            operators = f"http://127.0.0.1:{ports[f'{service}-{zone}-operators']}/admin/v1"
            lines[f"{prefix}_OPERATORS"] = operators
    text = "".join(f"{name}={value}\n" for name, value in lines.items())
    run_dir.write(run_dir.path / "endpoints.env", text)


def show(run_dir, ports):
    local = "http://127.0.0.1"
    apps = app_urls(ports["portal"])
    print(
        f"""
Portal (for a box or Kodi)   {portal_url(ports['portal'])}   MAC {DEMO_MAC}
Xtream apps                  {apps['server']}   login {DEMO_LOGIN}   password {DEMO_PASSWORD}
Playlist (M3U)               {apps['playlist']}
Guide (XMLTV)                {apps['xmltv']}
Prometheus                   {local}:{ports['prometheus']}/targets
Alerts                       {local}:{ports['alertmanager']}
Edges                        {'  '.join(f"{e[0]} {local}:{ports[e[0]]}/health" for e in web.EDGES)}
Service admin pages          /readyz /dependencies /debug/neighbours /metrics /config on"""
    )
    for service in services.SERVICES:
        addresses = "  ".join(
            f"{zone} {local}:{ports[f'{service}-{zone}-admin']}" for zone in services.ZONES
        )
        print(f"  {service:<26} {addresses}")
    where = "" if run_dir.path == Path("run").resolve() else f" --run-dir {run_dir.path}"
    print(
        f"""
All addresses as shell lines {run_dir.path}/endpoints.env
Logs                         {run_dir.path}/logs/
Keep zapping                 deploy/local/box --watch{where}
Break things                 deploy/local/kill{where} billing
                             deploy/local/hang{where} postgres
Mend them                    deploy/local/restart{where} billing postgres
Stop                         deploy/local/down{where}"""
    )
