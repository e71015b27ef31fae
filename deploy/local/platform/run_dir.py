"""The run directory: everything the platform writes lives below it."""

import hashlib
import json
import os
import pwd
import secrets
import shutil
import subprocess
from pathlib import Path


DEPLOY = Path(__file__).resolve().parents[2]
PROJECT = DEPLOY.parent


class RunDir:
    def __init__(self, path):
        self.path = Path(path).resolve()

    def exists(self):
        return (self.path / "parts").is_dir()

    def folder(self, *names):
        path = self.path.joinpath(*names)
        path.mkdir(parents=True, exist_ok=True)
        return path

    def write(self, path, text, mode=0o644):
        """Whole or not at all: a reader never sees half a file."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(path.name + ".partial")
        partial.write_text(text)
        partial.chmod(mode)
        partial.replace(path)
        return path

    def secret(self, name):
        """Path of a secret made on first use."""
        path = self.folder("secrets") / name
        if not path.exists():
            self.write(path, secrets.token_hex(24) + "\n", 0o600)
        return path

    def read_ports(self):
        try:
            return json.loads((self.path / "ports.json").read_text())
        except (OSError, ValueError):
            return {}

    def write_ports(self, ports):
        self.write(self.path / "ports.json", json.dumps(ports, indent=1, sort_keys=True) + "\n")

    def folder_of_user(self, name, user):
        """A folder owned by `user`. Lives elsewhere (with a link to it) when that user may not
        enter the run directory, as below /root."""
        link = self.path / name
        if os.geteuid() != 0:
            link.mkdir(parents=True, exist_ok=True)
            return link
        if not link.exists():
            self.path.mkdir(parents=True, exist_ok=True)
            if self._may_enter(user):
                link.mkdir()
            else:
                tag = hashlib.sha256(str(self.path).encode()).hexdigest()[:12]
                elsewhere = Path(f"/var/tmp/holdfast-{tag}-{name}")
                elsewhere.mkdir(exist_ok=True)
                link.unlink(missing_ok=True)
                link.symlink_to(elsewhere)
            account = pwd.getpwnam(user)
            os.chown(link, account.pw_uid, account.pw_gid)
            os.chmod(link, 0o700)
        return link.resolve()

    def _may_enter(self, user):
        account = pwd.getpwnam(user)
        test = subprocess.run(
            ["test", "-x", str(self.path)],
            user=account.pw_uid,
            group=account.pw_gid,
            extra_groups=[],
            cwd="/",
            check=False,
        )
        return test.returncode == 0

    def remove(self):
        for entry in self.path.iterdir() if self.path.is_dir() else []:
            if entry.is_symlink():
                shutil.rmtree(entry.resolve(), ignore_errors=True)
        shutil.rmtree(self.path, ignore_errors=True)
