# SPDX-License-Identifier: MIT
"""Each call of the system fails in turn, n-th by n-th, while real pipelines run (see shim.h).

What must hold: no crash and no hang; either everything came out as without a fault and the status
is 0, or the status is 1 to 3, the message says what the system said, and what is in the output is
the beginning of what should be. An interrupted call and one that did a part are no errors.
"""

import errno
import gzip
import os
import shutil
import socket
import subprocess
import sys
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

SOURCE = os.environ.get("TIDEMILL_SOURCE") or os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(SOURCE, "tests", "e2e"))
import harness  # pylint: disable=wrong-import-position

SHIM = os.environ.get("SHIM", "")
SHORT = 0
DEADLINE_S = 8

TRANSFERS = ("read", "pread", "write", "pwrite", "writev")
HARMLESS = [(call, code) for call in (*TRANSFERS, "recv", "send") for code in (errno.EINTR, SHORT)]
HARMLESS += [(call, errno.EINTR) for call in ("connect", "accept4", "epoll_wait", "close", "open",
                                              "ftruncate")]
FAULTS = [
    *((call, errno.EIO) for call in (*TRANSFERS, "fdatasync", "ftruncate", "rename", "renameat2",
                                     "close", "stat", "fstat", "unlink")),
    *((call, errno.ENOSPC) for call in ("write", "pwrite", "writev", "open", "mkdir", "fdatasync",
                                        "rename")),
    *((call, errno.EMFILE) for call in ("open", "socket", "accept4", "epoll_create1", "eventfd",
                                        "inotify_init1")),
    *((call, errno.EAGAIN) for call in ("send", "recv", "accept4", "pthread_create")),
    ("epoll_ctl", errno.ENOSPC), ("epoll_ctl", errno.ENOMEM), ("connect", errno.ECONNREFUSED),
    ("connect", errno.ENETUNREACH), ("recv", errno.ECONNRESET), ("send", errno.EPIPE),
    ("bind", errno.EADDRINUSE), ("listen", errno.EADDRINUSE), ("flock", errno.ENOLCK),
    ("accept4", errno.ECONNABORTED),
]
NETWORK = [fault for fault in (*HARMLESS, *FAULTS) if fault[0] in (
    "read", "recv", "send", "connect", "accept4", "epoll_wait", "epoll_ctl", "epoll_create1",
    "eventfd", "socket", "bind", "listen", "pthread_create", "close")]


def numbers(last):
    """1 to 12 each, then ever sparser."""
    n = 1
    while n <= last:
        yield n
        n += 1 if n < 12 else n // 3


class Case:
    """One pipeline in a directory of its own; ends by itself."""

    last = 40  # n-th calls that are tried

    def __init__(self, test, name, arguments, files, expected):
        self.test, self.arguments, self.expected = test, arguments, expected
        self.dir = test.path(name)
        self.files = files

    def prepare(self, where):
        os.makedirs(where)
        for name, content in self.files.items():
            with open(os.path.join(where, name), "wb") as file:
                file.write(content)

    def command(self):
        return [harness.TIDEMILL, *self.arguments]

    def run(self, where, env):
        merged = {**self.test.environment(), **env, "DATA": os.path.join(where, "data")}
        stdin = self.files.get("stdin", b"")
        try:
            done = subprocess.run(self.command(), input=stdin, capture_output=True, check=False,
                                  cwd=where, env=merged, timeout=DEADLINE_S)
        except subprocess.TimeoutExpired as late:
            return None, b"", (late.stderr or b"").decode(errors="replace")
        return done.returncode, done.stdout, done.stderr.decode(errors="replace")

    def output(self, where, out):
        """What came out, to be compared with `expected`; may be a part."""
        path = os.path.join(where, "out")
        if not os.path.exists(path):
            return b""
        with open(path, "rb") as file:
            return file.read()

    def judge(self, fault, status, out, err):
        """None, or what is wrong."""
        call, code = fault
        if status is None:
            return "hangs"
        if status < 0:
            return f"ended by signal {-status}"
        if "cannot account for its records" in err:
            return "the books do not balance"
        if status == 0:
            return None if out == self.expected else f"status 0, but another output: {out[:200]}"
        if fault in HARMLESS:
            return "this is no error"
        if os.strerror(code) not in err:
            return f"the message does not say '{os.strerror(code)}'"
        if not self.begins(out):
            return f"the output is not a part of what it should be: {out[-200:]}"
        return None

    def begins(self, out):
        return self.expected.startswith(out)

    def attempt(self, fault, nth):
        """Whether the call came to pass, and what is wrong (None: nothing)."""
        call, code = fault
        where = os.path.join(self.dir, f"{call}-{code}-{nth}")
        self.prepare(where)
        report = os.path.join(where, "reached")
        status, out, err = self.run(where, {"LD_PRELOAD": SHIM, "SHIM_CALL": call,
                                            "SHIM_CODE": str(code), "SHIM_NTH": str(nth),
                                            "SHIM_REPORT": report})
        wrong = self.judge(fault, status, self.output(where, out), err)
        reached = os.path.exists(report)
        shutil.rmtree(where, ignore_errors=True)
        what = os.strerror(code) if code else "short"
        return reached, wrong and f"{nth}. {call}, {what}: {wrong}\nstatus {status}\n{err[-1500:]}"

    def sweep(self, fault):
        for nth in numbers(self.last):
            reached, wrong = self.attempt(fault, nth)
            if wrong:
                return wrong
            if not reached:
                return None
        return None


class PackedCase(Case):
    def output(self, where, out):
        packed = super().output(where, out)
        try:
            return gzip.decompress(packed)
        except EOFError:
            return b""  # cut off within a member; judged by its status


class PipeCase(Case):
    def output(self, where, out):
        return out


class CommandCase(PipeCase):
    """Of a command that failed the message is judged alone, wherever it says it."""

    def run(self, where, env):
        status, out, err = super().run(where, env)
        return status, out, err if status == 0 else err + out.decode(errors="replace")

    def begins(self, out):
        return True


class LogCase(Case):
    """Writes a topic; what is in it is read by a run without faults."""

    last = 20

    def output(self, where, out):
        status, out, err = Case.run(LogReader(self.test, "reader", ["run", "read.yaml"], {}, None),
                                    where, {})
        if status != 0:
            raise AssertionError(err)
        return out


class LogReader(PipeCase):
    """Reads a topic that was made without faults."""

    last = 20
    made = None

    def prepare(self, where):
        if self.made:
            shutil.copytree(self.made, where)
            return
        super().prepare(where)
        if self.files:
            self.test.succeeds("run", "write.yaml", env={"DATA": os.path.join(where, "data")},
                               cwd=where)
            self.made = self.dir + "-made"
            shutil.copytree(where, self.made)


class RunningCase(Case):
    """Runs until `enough` is true, then is told to end."""

    last = 6

    def enough(self, where):
        raise NotImplementedError

    def run(self, where, env):
        merged = {**self.test.environment(), **env, **self.more_environment(where)}
        with open(os.path.join(where, "stderr"), "w+b") as err:
            process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=err, cwd=where, env=merged)
            status, end = None, time.monotonic() + DEADLINE_S
            while process.poll() is None and not self.enough(where) and time.monotonic() < end:
                time.sleep(0.005)
            if time.monotonic() < end:
                process.terminate()
                try:
                    status = process.wait(DEADLINE_S)
                except subprocess.TimeoutExpired:
                    pass
            if process.poll() is None:
                process.kill()
                process.wait()
            err.seek(0)
            return status, b"", err.read().decode(errors="replace")

    def more_environment(self, where):
        return {}


class PollCase(RunningCase):
    def enough(self, where):
        return len(self.output(where, b"")) >= len(self.expected)

    def output(self, where, out):
        text = super().output(where, out)
        return text[:len(self.expected)] if len(set(text.split(b"\n")[:-1])) == 1 else text


class ServeCase(RunningCase):
    def more_environment(self, where):
        port = harness.free_port()
        with open(os.path.join(where, "port"), "w", encoding="ascii") as file:
            file.write(str(port))
        return {"PORT": str(port)}

    def enough(self, where):
        """A client that gets the answer keeps it."""
        with open(os.path.join(where, "port"), encoding="ascii") as file:
            port = int(file.read())
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as client:
                client.settimeout(1)
                answer = b"".join(iter(lambda: client.recv(4096), b""))
        except OSError:
            return False
        if answer != self.expected:
            return False
        with open(os.path.join(where, "out"), "wb") as file:
            file.write(answer)
        return True


def lines(count):
    return b"".join(b'{"n":%d,"text":"%s"}\n' % (n, b"x" * 60) for n in range(count))


@unittest.skipUnless(SHIM, "SHIM names no shim")
class Calls(harness.TestCase):
    def sweep(self, case, faults=None):
        clean = os.path.join(case.dir, "clean")
        case.prepare(clean)
        status, out, err = case.run(clean, {})
        self.assertEqual(status, 0, err)
        if case.expected is None:
            case.expected = case.output(clean, out)
        self.assertEqual(case.output(clean, out), case.expected, err)
        shutil.rmtree(clean)
        with ThreadPoolExecutor(2) as pool:
            wrong = [text for text in pool.map(case.sweep, faults or [*HARMLESS, *FAULTS]) if text]
        self.assertEqual(wrong, [], "\n" + "\n".join(wrong))

    def test_file_to_file(self):
        text = lines(2000)
        self.sweep(Case(self, "file", ["run", "p.yaml"], {"in": text, "p.yaml": b"""
pipeline: p
sources: { in: { type: file, path: in } }
operators: { all: { type: filter, inputs: in, when: n >= 0 } }
sinks: { out: { type: file, inputs: all, path: out } }
"""}, text))

    def test_packed_file_to_rotated_files(self):
        text = lines(2000)
        self.sweep(PackedCase(self, "packed", ["run", "p.yaml"], {"in.gz": gzip.compress(text),
                                                                  "p.yaml": b"""
pipeline: p
sources: { in: { type: file, path: "*.gz" } }
sinks: { out: { type: file, inputs: in, path: out, compress: gzip } }
"""}, text))

    def test_pipe_to_pipe(self):
        text = lines(2000)
        self.sweep(PipeCase(self, "pipe", ["run", "p.yaml"], {"stdin": text, "p.yaml": b"""
pipeline: p
sources: { in: { type: stdio } }
sinks: { out: { type: stdio, inputs: in } }
"""}, text))

    def test_check_and_test(self):
        config = b"""
pipeline: p
sources: { in: { type: file, path: in } }
operators: { all: { type: filter, inputs: in, script: s.lua } }
sinks: { out: { type: file, inputs: all, path: out } }
tests:
  - name: passes what is positive
    steps:
      - send: { to: all, value: { n: 1 } }
      - send: { to: all, value: { n: -1 } }
      - expect: { from: all, values: [ { n: 1 } ] }
"""
        files = {"in": b"", "p.yaml": config, "s.lua": b"return function(r) return r.n > 0 end\n"}
        self.sweep(CommandCase(self, "check", ["check", "p.yaml"], files, None))
        self.sweep(CommandCase(self, "test", ["test", "p.yaml"], files, None))

    def log_files(self):
        return {"in": lines(2000), "write.yaml": b"""
pipeline: w
connections: { main: { type: log } }
sources: { in: { type: file, path: in } }
sinks: { store: { type: topic, connection: main, inputs: in, topic: t, partitions: 1 } }
""", "read.yaml": b"""
pipeline: r
connections: { main: { type: log } }
sources: { in: { type: topic, connection: main, topic: t, until: latest } }
sinks: { out: { type: stdio, inputs: in } }
"""}

    def test_log(self):
        files = self.log_files()
        self.sweep(LogCase(self, "write", ["run", "write.yaml"], files, files["in"]))
        self.sweep(LogReader(self, "read", ["run", "read.yaml"], files, files["in"]))

    def test_a_full_disk_is_waited_for(self):
        files = {**self.log_files(), "p.yaml": b"""
pipeline: p
sources: { in: { type: file, path: in } }
sinks: { out: { type: file, inputs: in, path: out } }
"""}
        for case, call, path in (
                (Case(self, "full-file", ["run", "p.yaml"], files, files["in"]), "write", "out"),
                (LogCase(self, "full-log", ["run", "write.yaml"], files, files["in"]), "writev",
                 ".seg")):
            where = os.path.join(case.dir, "run")
            case.prepare(where)
            report = os.path.join(where, "reached")
            status, out, err = case.run(where, {
                "LD_PRELOAD": SHIM, "SHIM_CALL": call, "SHIM_CODE": str(errno.ENOSPC),
                "SHIM_TIMES": "4", "SHIM_PATH": path, "SHIM_REPORT": report})
            self.assertTrue(os.path.exists(report), call)
            self.assertEqual(status, 0, err)
            self.assertEqual(err.count(os.strerror(errno.ENOSPC)), 1, err)  # said once
            self.assertEqual(case.output(where, out), case.expected, err)

    def test_tcp_poll(self):
        def behave(_, connection):
            connection.recv(3)
            connection.sendall(b'{"n":1}\n')
        device = self.device("127.0.0.1", behave)
        config = f"""
pipeline: p
sources:
  in:
    type: tcp_poll
    targets: ["{device.address}"]
    interval: 150ms
    backoff: 10ms..20ms
    request: "get"
    on_error: skip
sinks: {{ out: {{ type: file, inputs: in, path: out }} }}
"""
        self.sweep(PollCase(self, "poll", ["run", "p.yaml"], {"p.yaml": config.encode()},
                            b'{"n":1}\n'), NETWORK)

    def test_tcp_serve(self):
        self.sweep(ServeCase(self, "serve", ["run", "p.yaml"], {"p.yaml": b"""
pipeline: p
sources: { in: { type: generator, rate: 100, fields: { device: "127.0.0.1" } } }
sinks:
  out: { type: tcp_serve, inputs: in, key: "{device}", listen: "127.0.0.1:${PORT}" }
"""}, b'{"device":"127.0.0.1"}\n'), NETWORK)


if __name__ == "__main__":
    harness.main()
