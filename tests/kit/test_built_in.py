# SPDX-License-Identifier: MIT
"""The built-in plugins pass the kit; a new one builds, passes its own check and runs; wrong use."""

import concurrent.futures
import json
import os
import socketserver
import subprocess
import sys
import threading

BUILD = os.environ["TIDEMILL_BUILD"]
sys.path.insert(0, os.path.join(os.environ["TIDEMILL_SOURCE"], "tests/e2e"))
import harness  # noqa: E402

GENERATED = 'fields={n: {int: [1, 9]}, name: {choice: [a, b]}}'
RUNS = [  # plugin, arguments, checks that must not be skipped
    ("null", [], ["sink: write"]),
    ("stdio", ["--only", "sink"], ["sink: write", "sink: flush"]),
    ("stdio", ["--only", "source"], ["source: read"]),
    ("generator", ["--set", GENERATED, "--set", "count=100"],
     ["source: full batch", "source: position at every record"]),
    ("generator", ["--set", GENERATED, "--set", "rate=2000"],
     ["source: full batch", "source: position at every record"]),
    ("file", ["--only", "source", "--set", "path=INPUT"],
     ["source: full batch", "source: position at every record"]),
    ("file", ["--only", "source", "--set", "path=INPUT", "--set", "follow=true"],
     ["source: full batch", "source: position at every record"]),
    ("file", ["--only", "sink", "--set", "path=out.jsonl"],
     ["sink: abort", "sink: crash before prepare"]),
    ("file", ["--only", "sink", "--set", "path=out/{device}.jsonl"],
     ["sink: abort", "sink: crash before prepare"]),
    ("log", ["--set", "connection.dir=data", "--set", "topic=t", "--feed"],
     ["source: position at every record", "sink: write", "connection: leaves nothing behind"]),
    ("tcp_serve", ["--set", "listen=127.0.0.1:0"], ["sink: write"]),
    ("tcp_poll", ["--set", "targets=DEVICE", "--set", "interval=5ms"], ["source: full batch"]),
    ("../examples/pings", ["--set", "every=1ms"], ["source: full batch"]),
]


class Device(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.sendall(b'{"n":1}\n')


class Plugins(harness.TestCase):
    def check(self, path, *arguments):
        return self.tidemill("plugin", "check", path, *arguments)

    def test_the_built_in_ones_pass(self):
        self.write("in.jsonl", "".join(f'{{"n":{n}}}\n' for n in range(60)))
        server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Device)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        known = {"INPUT": self.path("in.jsonl"),
                 "DEVICE": "127.0.0.1:%d" % server.server_address[1]}

        def run(row):
            name, arguments, _ = row
            for word, value in known.items():
                arguments = [argument.replace(word, value) for argument in arguments]
            return self.check(os.path.join(BUILD, "plugins", name + ".so"), *arguments)

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for (name, arguments, needed), done in zip(RUNS, pool.map(run, RUNS)):
                with self.subTest(name, arguments=arguments):
                    self.assertEqual(done.status, 0, done)
                    for check in needed:
                        self.assertRegex(done.out, rf"(?m)^ok   {check}(:|$)")

    def test_json(self):
        done = self.check(os.path.join(BUILD, "plugins/null.so"), "--json")
        report = json.loads(done.out)
        self.assertEqual(report["failed"], 0)
        self.assertEqual(len(report["checks"]), report["passed"] + report["skipped"])
        self.assertIn({"check": "descriptor", "status": "ok"}, report["checks"])

    def test_wrong_use(self):
        null = os.path.join(BUILD, "plugins/null.so")
        file = os.path.join(BUILD, "plugins/file.so")
        self.write("text.so", "no plugin")
        os.chmod(self.path("text.so"), 0o644)
        for arguments, status, text in (
                ([], 2, "new NAME, or check FILE.so"),
                (["check"], 2, "new NAME, or check FILE.so"),
                (["check", "absent.so"], 2, "absent.so: no such file"),
                (["check", null, "--only", "heart"], 2, "source, sink or connection wanted"),
                (["check", null, "--set", "a=1"], 2, "no part of the plugin 'null' has this"),
                (["check", null, "--timeout", "0s"], 2, "1ms to 1h wanted"),
                (["check", file, "--only", "sink"], 2, "sink needs 'path'"),
                (["check", "text.so"], 1, "FAIL descriptor: "),
                (["new", "Bad-Name"], 2, "[a-z][a-z0-9_]*"),
                (["new"], 2, "new NAME, or check FILE.so")):
            with self.subTest(arguments):
                done = self.tidemill("plugin", *arguments)
                self.assertEqual(done.status, status, done)
                self.assertIn(text, done.out + done.err)


class New(harness.TestCase):
    def run_tool(self, *command):
        done = subprocess.run(command, cwd=self.path("."), capture_output=True, text=True,
                              timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done)
        self.assertNotIn("warning", done.stdout + done.stderr)
        return done

    def test_what_is_made_builds_and_passes(self):
        for arguments, files in ((["--source"], ["plugin.c", "source.c"]),
                                 (["--sink"], ["plugin.c", "sink.c"]),
                                 ([], ["plugin.c", "sink.c", "source.c"])):
            name = "made" + "".join(arguments).replace("-", "_").lower()
            with self.subTest(arguments):
                self.succeeds("plugin", "new", name, *arguments)
                made = set(os.listdir(self.path(name)))
                self.assertEqual(made, {*files, "CMakeLists.txt", "README.md", ".gitignore",
                                        "pipeline.yaml"})
                self.run_tool("cmake", "-S", name, "-B", f"{name}/build",
                              f"-Dtidemill_DIR={BUILD}")
                self.run_tool("cmake", "--build", f"{name}/build")
                self.run_tool("ctest", "--test-dir", f"{name}/build", "--output-on-failure")

    def test_all_or_nothing(self):
        os.mkdir(self.path("there"))
        done = self.tidemill("plugin", "new", "there")
        self.assertEqual(done.status, 3, done)
        self.assertIn("there is there already: nothing was changed", done.err)
        self.assertEqual(os.listdir(self.path("there")), [])
        done = self.tidemill("plugin", "new", "name", "--dir", "no/such/place")
        self.assertEqual(done.status, 1, done)
        self.assertEqual(os.listdir(self.path(".")), ["there"])
        self.succeeds("plugin", "new", "name", "--dir", "place/", "--sink")
        self.assertEqual(sorted(os.listdir(self.path("."))), ["place", "there"])


if __name__ == "__main__":
    harness.main()
