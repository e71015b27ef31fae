"""Prometheus and Alertmanager, watching every admin port and every edge."""

import hashlib

import services
import web
from processes import Part
from run_dir import DEPLOY


def parts(run_dir, ports):
    yield _alertmanager(run_dir, ports)
    yield _prometheus(run_dir, ports)


def _prometheus(run_dir, ports):
    folder = run_dir.folder("prometheus")
    values = {
        "RULES": DEPLOY / "prometheus" / "rules.yml",
        "ALERTMANAGER": f"127.0.0.1:{ports['alertmanager']}",
        "PROMETHEUS": f"127.0.0.1:{ports['prometheus']}",
        "SERVICES": "\n".join(
            _target(ports[f"{service}-{zone}-admin"], service=service, zone=zone)
            for service, zone in services.INSTANCES
        ),
        "EDGES": "\n".join(
            _target(ports[edge], edge=edge, cdn=cdn, site=site, zone=zone)
            for edge, cdn, site, zone in web.EDGES
        ),
    }
    text = (DEPLOY / "prometheus" / "prometheus.yml.in").read_text()
    for key, value in values.items():
        text = text.replace(f"@{key}@", str(value))
    run_dir.write(folder / "prometheus.yml", text)
    address = f"127.0.0.1:{ports['prometheus']}"
    argv = [
        "/usr/bin/prometheus",
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data",
        "--storage.tsdb.retention.time=2d",
        f"--web.listen-address={address}",
        "--web.enable-lifecycle",
        "--log.level=warn",
    ]
    rules = (DEPLOY / "prometheus" / "rules.yml").read_text()
    return Part(
        "prometheus",
        argv,
        cwd=str(folder),
        port=ports["prometheus"],
        ready_url=f"http://{address}/-/ready",
        fingerprint=hashlib.sha256((text + rules).encode()).hexdigest(),
    )


def _target(port, **labels):
    text = ", ".join(f"{key}: {value}" for key, value in labels.items())
    return f'      - targets: ["127.0.0.1:{port}"]\n        labels: {{{text}}}'


def _alertmanager(run_dir, ports):
    folder = run_dir.folder("alertmanager")
    address = f"127.0.0.1:{ports['alertmanager']}"
    argv = [
        "/usr/bin/prometheus-alertmanager",
        f"--config.file={DEPLOY}/prometheus/alertmanager.yml",
        f"--storage.path={folder}/data",
        f"--web.listen-address={address}",
        "--cluster.listen-address=",
        "--log.level=warn",
    ]
    return Part(
        "alertmanager",
        argv,
        cwd=str(folder),
        port=ports["alertmanager"],
        ready_url=f"http://{address}/-/ready",
    )
