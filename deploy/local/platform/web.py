"""The nginx processes: origin, three edges of two CDNs, and the portal balancer."""

import hashlib

from processes import Part
from run_dir import DEPLOY
from services import ZONES

# name, CDN, site, zone
EDGES = (
    ("edge-1", "alpha", "alpha-north", "a"),
    ("edge-2", "alpha", "alpha-south", "b"),
    ("edge-3", "beta", "beta-south", "b"),
)
PORTAL_TRY = "1500ms"


def link_key_id(cdn):
    return f"{cdn}-1"


def link_secrets(run_dir):
    """Folder of <key id>.key files: the secret that each CDN checks in stream links."""
    folder = run_dir.folder("link-secrets")
    for cdn in sorted({edge[1] for edge in EDGES}):
        path = folder / f"{link_key_id(cdn)}.key"
        if not path.exists():
            run_dir.write(path, run_dir.secret(f"link-{cdn}").read_text(), 0o600)
    return folder


def origin(run_dir, ports):
    return _nginx(
        run_dir,
        "origin",
        ports["origin"],
        "/health",
        CHANNELS=run_dir.folder("channels"),
        ARCHIVE=f"127.0.0.1:{ports['archive']}",
    )


def edges(run_dir, ports):
    secrets = link_secrets(run_dir)
    for name, cdn, _, _ in EDGES:
        yield _nginx(
            run_dir,
            name,
            ports[name],
            "/health",
            ORIGIN=f"127.0.0.1:{ports['origin']}",
            DRM_SERVERS=_instances(ports, "drm", "max_fails=1 fail_timeout=5s"),
            SECRET=(secrets / f"{link_key_id(cdn)}.key").read_text().strip(),
        )


def portal(run_dir, ports):
    return _nginx(
        run_dir,
        "portal",
        ports["portal"],
        "/balancer-health",
        MIDDLEWARE_SERVERS=_instances(ports, "middleware", "max_fails=1 fail_timeout=3s"),
        TRY=PORTAL_TRY,
    )


def _instances(ports, service, suspicion):
    """The instances of a service, and once more as a last resort that is never under suspicion."""
    addresses = [f"127.0.0.1:{ports[f'{service}-{zone}-http']}" for zone in ZONES]
    lines = [f"    server {address} {suspicion};" for address in addresses]
    lines += [f"    server {address} max_fails=0 backup;" for address in addresses]
    return "\n".join(lines)


def _nginx(run_dir, name, port, health, **values):
    kind = name.rstrip("-0123456789")
    text = (DEPLOY / "edge" / f"{kind}.conf.in").read_text()
    for key, value in {"LISTEN": f"127.0.0.1:{port}", **values}.items():
        text = text.replace(f"@{key}@", str(value))
    folder = run_dir.folder("nginx", name)
    run_dir.folder("nginx", name, "tmp")
    run_dir.write(folder / "nginx.conf", text, 0o600)
    return Part(
        name,
        ["/usr/sbin/nginx", "-p", f"{folder}/", "-c", "nginx.conf", "-e", "stderr"],
        cwd=str(folder),
        port=port,
        ready_url=f"http://127.0.0.1:{port}{health}",
        stop_signal=3,  # SIGQUIT: finish what is being sent
        fingerprint=hashlib.sha256(text.encode()).hexdigest(),
    )
