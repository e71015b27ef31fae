import signal
import socket
import subprocess
import tempfile
import unittest

import ports
from processes import Part, Parts, PlatformError, start_ticks, wait_until
from run_dir import RunDir


class PartsTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.run_dir = RunDir(self.folder.name)
        self.parts = Parts(self.run_dir)

    def tearDown(self):
        for name in self.parts.names():
            self.parts.stop(name)
        self.folder.cleanup()

    def part(self, name, *argv, **more):
        return Part(name, list(argv), cwd=str(self.run_dir.folder("work", name)), **more)

    def sleeper(self, name="sleeper"):
        return self.part(name, "/bin/sleep", "1000")

    def test_a_part_that_runs_as_it_should_is_left_alone(self):
        self.assertTrue(self.parts.ensure(self.sleeper()))
        pid = self.parts.pid("sleeper")
        self.assertFalse(self.parts.ensure(self.sleeper()))
        self.assertEqual(self.parts.pid("sleeper"), pid)

    def test_a_part_with_another_recipe_is_started_anew(self):
        self.parts.ensure(self.sleeper())
        pid = self.parts.pid("sleeper")
        self.assertTrue(self.parts.ensure(self.part("sleeper", "/bin/sleep", "2000")))
        self.assertNotEqual(self.parts.pid("sleeper"), pid)
        self.assertEqual(start_ticks(pid), 0)

    def test_a_killed_part_comes_back(self):
        self.parts.ensure(self.sleeper())
        self.parts.signal("sleeper", signal.SIGKILL)
        self.assertTrue(wait_until(lambda: not self.parts.pid("sleeper"), 5))
        self.parts.restart("sleeper")
        self.assertTrue(self.parts.pid("sleeper"))

    def test_a_hanging_part_can_be_stopped(self):
        self.parts.ensure(self.sleeper())
        pid = self.parts.pid("sleeper")
        self.parts.signal("sleeper", signal.SIGSTOP)
        self.parts.stop("sleeper")
        self.assertEqual(start_ticks(pid), 0)

    def test_what_a_killed_part_left_behind_is_ended_with_it(self):
        script = "/bin/sleep 1000 & echo $! > child; wait"
        self.parts.ensure(self.part("parent", "/bin/sh", "-c", script))
        child_file = self.run_dir.path / "work" / "parent" / "child"
        self.assertTrue(wait_until(lambda: child_file.exists() and child_file.read_text(), 5))
        child = int(child_file.read_text())
        self.parts.stop("parent")
        self.assertEqual(start_ticks(child), 0)

    def test_a_process_id_that_now_belongs_to_a_stranger_is_not_ours(self):
        self.parts.ensure(self.sleeper())
        self.parts.stop("sleeper")
        stranger = subprocess.Popen(["/bin/sleep", "1000"])
        recipe = self.run_dir.path / "parts" / "sleeper.json"
        text = recipe.read_text()
        recipe.write_text(text.replace('"pid": ', f'"pid": {stranger.pid}, "old_pid": ', 1))
        self.parts.stop("sleeper")
        self.assertTrue(start_ticks(stranger.pid))
        stranger.kill()
        stranger.wait()

    def test_the_name_of_a_service_means_all_its_instances(self):
        for name in ("epg-a", "epg-b", "epgx"):
            self.parts.ensure(self.sleeper(name))
        self.assertEqual(self.parts.matching("epg"), ["epg-a", "epg-b"])
        self.assertEqual(self.parts.matching("epg-a"), ["epg-a"])
        self.assertEqual(self.parts.matching("nobody"), [])

    def test_a_part_that_ends_at_once_shows_its_log(self):
        part = self.part("broken", "/bin/sh", "-c", "echo no such file; exit 3", ready_port=1)
        self.parts.ensure(part)
        with self.assertRaisesRegex(PlatformError, "no such file"):
            self.parts.wait_ready(part, 5)

    def test_a_taken_port_is_named_with_its_owner(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            with self.assertRaisesRegex(PlatformError, f"port {port} is taken by python3"):
                self.parts.ensure(self.part("sleeper", "/bin/sleep", "1000", port=port))


class PortsTest(unittest.TestCase):
    def test_fixed_and_remembered_ports_are_kept_and_others_are_free_and_different(self):
        chosen = ports.choose(["a", "b", "c", "d"], {"b": 25001}, {"a": 25000})
        self.assertEqual((chosen["a"], chosen["b"]), (25000, 25001))
        self.assertEqual(len(set(chosen.values())), 4)
        self.assertFalse(ports.is_taken(chosen["c"]))

    def test_platforms_that_start_together_do_not_get_the_same_ports(self):
        names = [str(n) for n in range(50)]
        first, second = (set(ports.choose(names, {}, {}).values()) for _ in range(2))
        self.assertEqual(first & second, set())


if __name__ == "__main__":
    unittest.main()
