"""Commands of an operator to the services, through holdfast-call."""

import json
import subprocess
import time

import services
from processes import PlatformError

PATIENCE_SECONDS = 60


class Operator:
    """Calls any instance of a service; one that is not ready yet is asked again."""

    def __init__(self, run_dir, bin_dir, ports):
        self.program = bin_dir / "holdfast-call"
        self.tls = run_dir.path / "tls"
        self.ports = ports

    def call(self, service, method, request=None, accept=()):
        """The answer as a dict. An error whose code is in `accept` answers None."""
        name = f"holdfast.{service}.v1.{service.title().replace('_', '')}/{method}"
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            for zone in services.ZONES:
                done = subprocess.run(
                    [
                        str(self.program),
                        "--address",
                        f"127.0.0.1:{self.ports[f'{service}-{zone}-grpc']}",
                        "--tls-dir",
                        str(self.tls),
                        "--as",
                        "operator",
                        "--timeout",
                        "20s",
                        name,
                        "-",
                    ],
                    input=json.dumps(request or {}),
                    text=True,
                    capture_output=True,
                    check=False,
                )
                if done.returncode == 0:
                    return json.loads(done.stdout)
                if any(code in done.stderr for code in accept):
                    return None
            if "UNAVAILABLE" not in done.stderr or time.monotonic() > end:
                raise PlatformError(f"{name}: {done.stderr.strip()}")
            time.sleep(0.2)
