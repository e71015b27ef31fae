"""The six Holdfast services, two instances each, in zones a and b."""

from processes import Part, PlatformError

SERVICES = ("billing", "epg", "cdn_routing", "drm", "analytics", "middleware")
ZONES = ("a", "b")
INSTANCES = tuple((service, zone) for service in SERVICES for zone in ZONES)
WITH_HTTP = ("middleware", "cdn_routing", "drm")
WITH_OPERATORS = ("middleware",)  # a REST API for operators, on a port of its own
KEY_PERIOD = "60s"  # of the encrypted channels: short, so that a person sees keys change
WITH_REDIS = ("middleware",)
SIGNS, VERIFIES = "entitlements", "entitlements-public"  # folders of keys


def port_names():
    for service, zone in INSTANCES:
        yield f"{service}-{zone}-grpc"
        yield f"{service}-{zone}-admin"
        if service in WITH_HTTP:
            yield f"{service}-{zone}-http"
        if service in WITH_OPERATORS:
            yield f"{service}-{zone}-operators"


def part(run_dir, bin_dir, ports, service, zone, reach="127.0.0.1"):
    """`reach`: where services look for each other and for the stores."""
    name = f"{service}-{zone}"
    program = bin_dir / f"holdfast-{service}"
    if not program.exists():
        raise PlatformError(f"{program} is not built; run deploy/local/build")
    prefix = f"HOLDFAST_{service.upper()}_"
    env = {
        prefix + key: str(value)
        for key, value in _settings(run_dir, ports, service, zone, reach).items()
    }
    folder = run_dir.folder("work", name)
    admin = ports[f"{name}-admin"]
    return Part(
        name,
        [str(program)],
        env=env,
        cwd=str(folder),
        port=admin,
        ready_url=f"http://127.0.0.1:{admin}/readyz",
        fingerprint=str(program.stat().st_mtime_ns),
    )


def _settings(run_dir, ports, service, zone, reach):
    name = f"{service}-{zone}"
    settings = {
        "INSTANCE_ID": name,
        "ZONE": zone,
        "GRPC_PORT": ports[f"{name}-grpc"],
        "ADMIN_PORT": ports[f"{name}-admin"],
        "ADVERTISE_ADDRESS": reach,
        "DATA_DIR": run_dir.folder("data", name),
        "DISCOVERY": f"etcd:http://{reach}:{ports['etcd']}",
        "TLS_DIR": run_dir.path / "tls",
        "POSTGRES_HOSTS": f"{reach}:{ports['postgres']}",
        "POSTGRES_DATABASE": service,
        "POSTGRES_USER": service,
        "POSTGRES_PASSWORD_FILE": run_dir.secret(f"postgres-{service}"),
    }
    if service in WITH_HTTP:
        settings["HTTP_PORT"] = ports[f"{name}-http"]
    if service in WITH_OPERATORS:
        settings["OPERATORS_HTTP_PORT"] = ports[f"{name}-operators"]
        settings["OPERATORS_FILE"] = operators_file(run_dir)
    if service in WITH_REDIS:
        settings["REDIS_ADDRESS"] = f"{reach}:{ports['redis']}"
    return settings | _secrets(run_dir, service)


def operator_token_file(run_dir):
    return run_dir.secret("operator-token")


def operators_file(run_dir):
    """Who may use the operators' API: one who may do everything."""
    path = run_dir.folder("secrets") / "operators"
    token = operator_token_file(run_dir).read_text().strip()
    run_dir.write(path, f"demo editor {token}\n", 0o600)
    return path


def _secrets(run_dir, service):
    """Folders of keys and files of secrets: each service gets what it needs and no more."""
    keys, links = run_dir.path / "keys", run_dir.path / "link-secrets"
    return {
        "billing": {"ENTITLEMENT_KEYS": keys / SIGNS},
        "middleware": {
            "ENTITLEMENT_KEYS": keys / VERIFIES,
            "PORTAL_KEYS": keys / "portal",
            "PLAY_KEYS": keys / "play",
            "LINK_SECRETS": links,
        },
        "cdn_routing": {"PLAY_KEYS_DIR": keys / "play", "LINK_SECRETS_DIR": links},
        "drm": {
            "KEK_DIR": keys / "kek",
            "PLAY_KEYS_DIR": keys / "play",
            "PACKAGER_SECRET_FILE": run_dir.secret("packager"),
            "PERIOD_LENGTH": KEY_PERIOD,
            "REFRESH_INTERVAL": "1s",
        },
    }.get(service, {})
