"""Network namespaces with a process in each. Needs root, iproute2 and iptables."""

import os
import subprocess

PORT = 5000


def sh(*command):
    subprocess.run(command, check=True, capture_output=True, text=True)


def why_impossible():
    """Why there can be no network here, or nothing."""
    if os.geteuid() != 0:
        return "that needs root"
    probe = f"hfr{os.getpid()}p"
    try:
        sh("ip", "netns", "add", probe)
        try:
            sh("ip", "netns", "exec", probe, "ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1")
            sh("ip", "netns", "exec", probe, "ip", "link", "add", "br0", "type", "bridge")
            sh("ip", "netns", "exec", probe, "iptables", "-A", "INPUT", "-m", "statistic", "--mode", "random",
               "--probability", "0.3", "-j", "DROP")
        finally:
            subprocess.run(["ip", "netns", "del", probe], check=False, capture_output=True)
    except FileNotFoundError as missing:
        return f"{missing.filename} is not installed"
    except subprocess.CalledProcessError as error:
        return f"{' '.join(error.cmd)}: {error.stderr.strip()}"
    return None


class Network:
    """A namespace for the caller with a bridge in it, and one for each instance. Removed at the end."""

    def __init__(self, instances):
        self.caller = f"hfr{os.getpid()}c"
        self.names = [f"hfr{os.getpid()}i{i}" for i in range(instances)]
        self.addresses = [f"10.99.7.{i + 1}" for i in range(instances)]

    def __enter__(self):
        sh("ip", "netns", "add", self.caller)
        self.inside(self.caller, "ip", "link", "set", "lo", "up")
        self.inside(self.caller, "ip", "link", "add", "br0", "type", "bridge")
        self.inside(self.caller, "ip", "addr", "add", "10.99.7.254/24", "dev", "br0")
        self.inside(self.caller, "ip", "link", "set", "br0", "up")
        for i, name in enumerate(self.names):
            sh("ip", "netns", "add", name)
            self.inside(self.caller, "ip", "link", "add", f"v{i}", "type", "veth", "peer", "name",
                        "eth0", "netns", name)
            self.inside(self.caller, "ip", "link", "set", f"v{i}", "master", "br0", "up")
            self.inside(name, "ip", "addr", "add", f"{self.addresses[i]}/24", "dev", "eth0")
            self.inside(name, "ip", "link", "set", "eth0", "up")
            self.inside(name, "ip", "link", "set", "lo", "up")
        return self

    def __exit__(self, *_):
        for name in [self.caller, *self.names]:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)

    @staticmethod
    def inside(name, *command):
        sh("ip", "netns", "exec", name, *command)

    @staticmethod
    def start(name, *command, **more):
        return subprocess.Popen(["ip", "netns", "exec", name, *map(str, command)], text=True,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=1, **more)

    def drop(self, i, chain, *match):
        self.inside(self.names[i], "iptables", "-A", chain, *match, "-j", "DROP")

    def flush(self, i):
        self.inside(self.names[i], "iptables", "-F")


class Instances:
    """`capacity`: workers and milliseconds of a call, or nothing."""

    def __init__(self, network, program, capacity=()):
        self.network = network
        self.program = program
        self.capacity = capacity
        self.processes = [None] * len(network.names)
        for i in range(len(self.processes)):
            self.start(i)

    def start(self, i):
        process = self.network.start(self.network.names[i], self.program, self.network.addresses[i],
                                     PORT, *self.capacity)
        if process.stdout.readline().strip() != "serving":
            raise RuntimeError(f"instance {i} does not serve")
        self.processes[i] = process

    def tell(self, i, word):
        self.processes[i].stdin.write(word + "\n")

    def signal(self, i, number):
        self.processes[i].send_signal(number)  # `ip netns exec` has become the program

    def kill(self, i):
        self.processes[i].kill()
        self.processes[i].wait()

    def close(self):
        for process in self.processes:
            process.kill()
            process.wait()
