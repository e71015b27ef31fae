"""PostgreSQL, Redis and etcd of the platform: private, on loopback, below the run directory."""

import glob
import os
import pwd
import subprocess
import tempfile

from processes import Part, PlatformError

SERVICES = ("billing", "middleware", "epg", "cdn_routing", "drm", "analytics")


def postgres_program(name):
    found = sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"))
    if not found:
        raise PlatformError("PostgreSQL is not installed; run deploy/local/install")
    return found[-1]


def postgres_user():
    """PostgreSQL refuses to run as root."""
    return "postgres" if os.geteuid() == 0 else ""


def _as_postgres_user():
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam(postgres_user())
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def postgres(run_dir, port):
    """Makes the cluster on first use. synchronous_commit: what was acknowledged is on disk."""
    data = run_dir.folder_of_user("postgres", postgres_user() or "root")
    if not (data / "PG_VERSION").exists():
        with tempfile.NamedTemporaryFile("w") as password:  # in /tmp: that user must reach it
            password.write(run_dir.secret("postgres-superuser").read_text())
            password.flush()
            if os.geteuid() == 0:
                os.chown(password.name, pwd.getpwnam(postgres_user()).pw_uid, -1)
            command = [
                postgres_program("initdb"),
                "-D",
                str(data),
                "-U",
                "holdfast",
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
                "--auth=scram-sha-256",
                f"--pwfile={password.name}",
            ]
            made = subprocess.run(
                command, text=True, capture_output=True, cwd="/", check=False, **_as_postgres_user()
            )
        if made.returncode != 0:
            raise PlatformError(f"PostgreSQL could not make its cluster: {made.stderr.strip()}")
    settings = {
        "port": port,
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "max_connections": 250,
        "shared_buffers": "48MB",
        "synchronous_commit": "on",
        "log_min_messages": "warning",
        "log_line_prefix": "%m [%p] %d ",
        "jit": "off",
        # After a crash: one call instead of an fsync per file.
        "recovery_init_sync_method": "syncfs",
    }
    argv = [postgres_program("postgres"), "-D", str(data)]
    for key, value in settings.items():
        argv += ["-c", f"{key}={value}"]
    return Part(
        "postgres",
        argv,
        cwd=str(data),
        user=postgres_user(),
        port=port,
        ready_command=[postgres_program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)],
        stop_signal=2,  # SIGINT: fast shutdown
        stale_files=[str(data / "postmaster.pid")],
    )


def run_sql(run_dir, port, script, database="postgres"):
    env = {**os.environ, "PGPASSWORD": run_dir.secret("postgres-superuser").read_text().strip()}
    command = [
        postgres_program("psql"),
        "-X",
        "-q",
        "-A",
        "-t",
        "-v",
        "ON_ERROR_STOP=1",
        "-h",
        "127.0.0.1",
        "-p",
        str(port),
        "-U",
        "holdfast",
        "-d",
        database,
    ]
    done = subprocess.run(
        command, input=script, text=True, capture_output=True, env=env, check=False
    )
    if done.returncode != 0:
        raise PlatformError(f"SQL failed: {done.stderr.strip()}")
    return done.stdout.strip()


def create_databases(run_dir, port):
    """One role and one database per service; nobody but its service may connect."""
    present = run_sql(run_dir, port, "SELECT datname FROM pg_database").split()
    script = ""
    for service in SERVICES:
        if service in present:
            continue
        password = run_dir.secret(f"postgres-{service}").read_text().strip()
        script += (
            f"DROP ROLE IF EXISTS {service};\n"
            f"CREATE ROLE {service} LOGIN PASSWORD '{password}';\n"
            f"CREATE DATABASE {service} OWNER {service};\n"
            f"REVOKE CONNECT ON DATABASE {service} FROM PUBLIC;\n"
        )
    if script:
        run_sql(run_dir, port, script)
    return bool(script)


def redis(run_dir, port):
    folder = run_dir.folder("redis")
    argv = [
        "/usr/bin/redis-server",
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--dir",
        str(folder),
        "--save",
        "",
        "--appendonly",
        "no",
        "--maxmemory",
        "64mb",
        "--maxmemory-policy",
        "allkeys-lru",
    ]
    return Part("redis", argv, cwd=str(folder), port=port, ready_port=port)


def etcd(run_dir, client_port, peer_port):
    folder = run_dir.folder("etcd")
    client, peer = f"http://127.0.0.1:{client_port}", f"http://127.0.0.1:{peer_port}"
    argv = [
        "/usr/bin/etcd",
        "--name",
        "holdfast",
        "--data-dir",
        str(folder / "data"),
        "--listen-client-urls",
        client,
        "--advertise-client-urls",
        client,
        "--listen-peer-urls",
        peer,
        "--initial-advertise-peer-urls",
        peer,
        "--initial-cluster",
        f"holdfast={peer}",
        "--logger",
        "zap",
        "--log-level",
        "warn",
    ]
    return Part("etcd", argv, cwd=str(folder), port=client_port, ready_url=f"{client}/health")
