"""The local platform: one machine, everything below one run directory. Called by deploy/local/up,
down, restart, kill, hang, resume and status."""

import argparse
import subprocess
import sys
import time

import commands
import endpoints
from ports import PortError
from processes import PlatformError
from run_dir import DEPLOY
from up import Up


def port_setting(text):
    name, _, number = text.partition("=")
    if not number.isdigit() or not 0 < int(number) < 65536:
        raise argparse.ArgumentTypeError(f"{text}: want NAME=PORT")
    return name, int(number)


def parse(argv):
    parser = argparse.ArgumentParser(prog="deploy/local")
    verbs = parser.add_subparsers(dest="verb", required=True)

    def verb(name, text):
        made = verbs.add_parser(name, help=text, description=text, prog=f"deploy/local/{name}")
        made.add_argument(
            "--run-dir", default="run", help="where everything lives (default: ./run)"
        )
        return made

    up = verb("up", "Starts everything, loads the demo operator, plays as a box, prints the URLs.")
    up.add_argument("--preset", default="dev", help="which build to run (default: dev)")
    up.add_argument("--bin-dir", help="run the programs of this folder instead")
    up.add_argument("--portal-port", type=int, help="port of the portal (default: a free one)")
    up.add_argument("--prometheus-port", type=int, help="port of Prometheus (default: a free one)")
    up.add_argument(
        "--port",
        action="append",
        default=[],
        type=port_setting,
        metavar="NAME=PORT",
        help="any other port, for example edge-1=8081; may be repeated",
    )
    up.add_argument(
        "--reach-through",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="where services look for each other and for the stores: an address of this machine at"
        " which something passes connections on, for tests (default: %(default)s, directly)",
    )
    up.add_argument(
        "--only", choices=["infrastructure"], help="stores, edges and channels, no services"
    )
    up.add_argument("--no-box", action="store_true", help="do not play at the end")
    up.add_argument(
        "--down-after", type=int, metavar="PID", help="take everything down when PID ends"
    )
    up.add_argument("--started-at", type=float, default=time.time(), help=argparse.SUPPRESS)

    down = verb("down", "Stops everything of a run directory.")
    down.add_argument("--purge", action="store_true", help="also remove the run directory")
    for name, text in (
        ("restart", "Ends a part and starts it again."),
        ("kill", "Kills a part without warning (SIGKILL)."),
        ("hang", "Makes a part hang (SIGSTOP)."),
        ("resume", "Lets a hanging part go on (SIGCONT)."),
    ):
        verb(name, text + " A service's name means all its instances.").add_argument(
            "name", nargs="+", help="billing-a, billing, postgres, edge-1 ..."
        )
    verb("status", "Lists the parts.")
    verb("guard", argparse.SUPPRESS).add_argument("--pid", type=int, required=True)

    options = parser.parse_args(argv)
    if options.verb == "up":
        for name in ("portal", "prometheus"):
            port = getattr(options, f"{name}_port")
            if port:
                options.port.append((name, port))
    return options


def run(options):
    if options.verb == "up":
        up = Up(options)
        up.run()
        code = 0
        if not options.only and not options.no_box:
            code = subprocess.call(
                [str(DEPLOY / "local" / "box"), "--run-dir", str(up.run_dir.path)]
            )
        endpoints.show(up.run_dir, up.ports)
        return code
    getattr(commands, options.verb)(options)
    return 0


def main():
    options = parse(sys.argv[1:])
    try:
        return run(options)
    except (PlatformError, PortError) as error:
        print(f"deploy/local/{options.verb}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # whoever read our output has seen enough
        return 0
    except KeyboardInterrupt:
        print(
            f"\nstopped; deploy/local/down --run-dir {options.run_dir} ends what was started",
            file=sys.stderr,
        )
        return 130


if __name__ == "__main__":
    sys.exit(main())
