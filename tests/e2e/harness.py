# SPDX-License-Identifier: MIT
"""What the end-to-end tests share: a directory of their own, the program, devices, waiting.

    class T(harness.TestCase):
        def test_it(self):
            self.write("in.jsonl", '{"a":1}\\n')
            done = self.tidemill("run", self.config("first.yaml"), env={"READINGS": "in.jsonl"})
            self.assertEqual(done.status, 0, done)

Every wait has a deadline and every process that was started is ended by its id.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

SOURCE = os.environ.get("TIDEMILL_SOURCE") or os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TIDEMILL = os.environ.get("TIDEMILL") or os.path.join(SOURCE, "build/release/tidemill")
DEADLINE_S = 30  # of any single wait; generous, because machines are slow
POLL_S = 0.02


def wait_until(condition, what, deadline_s=DEADLINE_S):
    """Asks again and again; the first true answer is returned."""
    end = time.monotonic() + deadline_s
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"waited {deadline_s} s in vain: {what}")
        time.sleep(POLL_S)


def free_port(address="127.0.0.1"):
    with socket.socket() as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


def read_lines(path):
    """Whole lines of a file that may not be there yet."""
    try:
        with open(path, encoding="utf-8") as file:
            return [line[:-1] for line in file.readlines() if line.endswith("\n")]
    except FileNotFoundError:
        return []


def read_jsonl(path):
    return [json.loads(line) for line in read_lines(path)]


class Done:
    """A finished run of the program."""

    def __init__(self, command, status, out, err):
        self.command, self.status, self.out, self.err = command, status, out, err
        # Every run checks at its end that each node can account for its records; one that failed
        # counts what it cut short.
        assert "cannot account for its records" not in err, self

    def __str__(self):
        return (f"\n$ {' '.join(self.command)}\nexit status {self.status}\n"
                f"--- stdout\n{self.out[-4000:]}\n--- stderr\n{self.err[-4000:]}")

    def jsonl(self):
        return [json.loads(line) for line in self.out.splitlines()]


class Running:
    """A run that goes on. Output goes to files, so that a full pipe never holds it up."""

    def __init__(self, command, cwd, env):
        self.command = command
        self.files = [tempfile.TemporaryFile("w+", encoding="utf-8") for _ in range(2)]
        # A process group of its own: a terminal's Ctrl-C is for the test runner.
        self.process = subprocess.Popen(command, cwd=cwd, env=env, stdin=subprocess.DEVNULL,
                                        stdout=self.files[0], stderr=self.files[1],
                                        start_new_session=True)

    def text(self, number):
        file = self.files[number]
        file.flush()
        with open(f"/proc/self/fd/{file.fileno()}", encoding="utf-8", errors="replace") as again:
            return again.read()

    @property
    def out(self):
        return self.text(0)

    @property
    def err(self):
        return self.text(1)

    def __str__(self):
        return str(Done(self.command, self.process.poll(), self.out, self.err))

    def alive(self):
        return self.process.poll() is None

    def wait(self, deadline_s=DEADLINE_S):
        try:
            self.process.wait(deadline_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"still running after {deadline_s} s: {self}") from None
        return Done(self.command, self.process.returncode, self.out, self.err)

    def stop(self, deadline_s=DEADLINE_S):
        """SIGTERM, then the end."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait(deadline_s)

    def kill(self):
        self.process.kill()
        return self.wait()

    def close(self):
        if self.alive():
            self.process.kill()
            self.process.wait()
        for file in self.files:
            file.close()


HELD = object()  # what a behaviour answers that keeps the connection open


class Device:
    """A TCP server on 127.0.0.x that treats each connection as `behave(connection)` says."""

    def __init__(self, address, behave, port=None):
        self.behave = behave
        self.served = 0
        self.held = []  # connections of devices that never answer
        self.server = socket.create_server((address, port or 0))
        self.address = "%s:%d" % self.server.getsockname()[:2]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection = self.server.accept()[0]
            except OSError:
                return
            self.served += 1
            with contextlib.suppress(OSError):
                if self.behave(self, connection) is not HELD:
                    connection.close()

    def close(self):
        with contextlib.suppress(OSError):
            self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()
        for connection in self.held:
            connection.close()

    def hold(self, connection):
        """Accepts and never answers."""
        self.held.append(connection)
        return HELD


def answers(payload):
    """A behaviour: sends these bytes (or what a function of the count gives) and closes."""
    def behave(device, connection):
        data = payload(device.served) if callable(payload) else payload
        connection.sendall(data)
    return behave


def never_answers(device, connection):
    return device.hold(connection)


class TestCase(unittest.TestCase):
    maxDiff = 4000

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="tidemill-e2e-")
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def write(self, name, content):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        return path

    @staticmethod
    def config(name):
        return os.path.join(SOURCE, "configs", name)

    def environment(self, env=None):
        merged = {name: value for name, value in os.environ.items()
                  if not name.startswith("TIDEMILL")}
        merged.update({"TERM": "dumb", "DATA": self.path("data"), "OUT": self.path("out"),
                       "LC_ALL": "C.UTF-8"})
        merged.update(env or {})
        return merged

    def tidemill(self, *arguments, stdin=b"", env=None, deadline_s=DEADLINE_S, cwd=None):
        """Runs the program to its end."""
        command = [TIDEMILL, *arguments]
        data = stdin if isinstance(stdin, bytes) else stdin.encode()
        try:
            done = subprocess.run(command, input=data, capture_output=True, check=False,
                                  cwd=cwd or self.dir, env=self.environment(env),
                                  timeout=deadline_s)
        except subprocess.TimeoutExpired as late:
            raise AssertionError(f"still running after {deadline_s} s: {command}\n"
                                 f"{(late.stderr or b'').decode(errors='replace')}") from None
        return Done(command, done.returncode, done.stdout.decode(errors="replace"),
                    done.stderr.decode(errors="replace"))

    def start(self, *arguments, env=None):
        """Starts the program; it is killed at the end of the test if it still runs."""
        running = Running([TIDEMILL, *arguments], self.dir, self.environment(env))
        self.addCleanup(running.close)
        return running

    def device(self, address, behave):
        device = Device(address, behave)
        self.addCleanup(device.close)
        return device

    def succeeds(self, *arguments, **options):
        done = self.tidemill(*arguments, **options)
        self.assertEqual(done.status, 0, done)
        return done


def main():
    if not os.access(TIDEMILL, os.X_OK):
        sys.exit(f"no program at {TIDEMILL}: build it, or set TIDEMILL")
    unittest.main()
