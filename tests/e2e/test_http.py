# SPDX-License-Identifier: MIT
"""run --http: metrics, health and readiness of a running pipeline; what it does not answer."""

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import threading

import harness

SAMPLE = re.compile(r'^(\w+)(?:\{((?:\w+="(?:[^"\\\n]|\\[\\"n])*",?)*)\})? (\S+)$')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')

PIPELINE = """
pipeline: seen
sources:
  made: { type: generator, rate: 2000, fields: { n: { int: [0, 9] }, ts: { clock: ms } },
          event_time: { field: ts, unit: ms } }
operators:
  odd: { type: filter, inputs: made, lua: "return function(r) return r.n % 2 == 1 end" }
sinks:
  out: { type: file, inputs: odd, path: out.jsonl }
"""


# A sink that can be opened when there is a file `go`.
LATE = """
#include "tidemill/plugin.h"
#include <unistd.h>

static const tide_host *the_host;

static tide_result open_sink(const tide_host *host, tide_ctx *ctx, void **self)
{
    *self = ctx;
    the_host = host;
    if (!access("lonely", F_OK))
        host->waits_for(ctx, "nobody has called yet");
    return access("go", F_OK) ? host->fail(ctx, TIDE_RETRY, "waits for 'go'") : TIDE_OK;
}

static void close_sink(void *self)
{
    (void)self;
}

static tide_result write_batch(void *self, const tide_batch *batch, uint32_t *accepted)
{
    if (access("lonely", F_OK))
        the_host->waits_for(self, NULL);
    while (access("hang", F_OK) == 0)
        usleep(10000);
    *accepted = batch->count;
    return TIDE_OK;
}

static tide_result flush(void *self)
{
    (void)self;
    return TIDE_OK;
}

static const tide_sink sink = {
    .struct_size = sizeof sink,
    .capabilities = TIDE_SINK_STREAM,
    .open = open_sink,
    .close = close_sink,
    .write = write_batch,
    .flush = flush,
};

static const tide_plugin plugin = {
    TIDE_PLUGIN_HEAD, .name = "late", .version = "1.0.0", .license = "MIT", .sink = &sink,
};

TIDE_EXPORT const tide_plugin *tide_plugin_entry(uint32_t host_major, uint32_t host_minor)
{
    (void)host_minor;
    return host_major == TIDE_ABI_MAJOR ? &plugin : NULL;
}
"""


def parse(text):
    """{name: {node or "": value}}; every line must be well formed and under its own HELP, TYPE."""
    found, metric, types = {}, None, {}
    for line in text.splitlines():
        if line.startswith("# HELP "):
            metric = line.split()[2]
            assert metric not in types, line
        elif line.startswith("# TYPE "):
            assert line.split()[2] == metric, line
            types[metric] = line.split()[3]
        else:
            match = SAMPLE.match(line)
            assert match and match[1] == metric and metric in types, line
            labels = dict(LABEL.findall(match[2] or ""))
            found.setdefault(metric, {})[labels.get("node", "")] = float(match[3])
    return found


TOKEN = "correct-horse-battery-staple"
LATE_PIPELINE = """
pipeline: waits
sources:
  made: { type: generator, rate: 100, fields: { n: { int: [0, 9] } } }
sinks:
  store: { type: late, inputs: made }
"""


class Http(harness.TestCase):
    def serve(self, text=PIPELINE, address="127.0.0.1:0", *more):
        self.write("p.yaml", text)
        run = self.start("run", "p.yaml", "--http", address, *more)
        match = harness.wait_until(
            lambda: re.search(r"https?://(\S+):(\d+)/metrics", run.err) or not run.alive(),
            "the address in the log")
        self.assertIsNot(match, True, run)
        return run, (match[1].strip("[]"), int(match[2]))

    def ask(self, where, path, method="GET", headers=None, body=None):
        connection = http.client.HTTPConnection(*where, timeout=harness.DEADLINE_S)
        with contextlib.closing(connection):
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), answer.headers

    def metrics(self, where):
        status, text, headers = self.ask(where, "/metrics")
        self.assertEqual(status, 200)
        self.assertEqual(headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
        return parse(text)

    def ready(self, where):
        return self.ask(where, "/readyz")[:2]

    def test_a_broker_that_nobody_has_reached(self):
        """Not ready, whichever end of the pipeline waits; it lives, and can be stopped."""
        broker = f"type: kafka, brokers: [ '127.0.0.1:{harness.free_port()}' ], topic: t"
        rows = (("in", f"sources: {{ in: {{ {broker} }} }}\n"
                       "sinks: { out: { type: \"null\", inputs: in } }\n"),
                ("out", "sources: { in: { type: generator, rate: 1, "
                        "fields: { n: { int: [0, 9] } } } }\n"
                        f"sinks: {{ out: {{ inputs: in, {broker} }} }}\n"))
        for node, text in rows:
            with self.subTest(node):
                run, where = self.serve("pipeline: far\n" + text)
                answer = harness.wait_until(
                    lambda: "broker" in (a := self.ready(where))[1] and a, "the reason")
                self.assertEqual(answer[0], 503)
                answer = json.loads(answer[1])
                self.assertEqual((answer["status"], answer["node"]), ("not connected", node))
                self.assertRegex(answer["reason"], "no broker has answered yet|brokers are away")
                self.assertEqual(self.metrics(where)["tidemill_node_open"][node], 1)
                self.assertEqual(self.ask(where, "/healthz")[0], 200)
                run.process.kill()
                run.wait()

    def test_metrics_move_with_the_pipeline(self):
        run, where = self.serve()
        harness.wait_until(lambda: self.ready(where)[0] == 200, "ready")
        first = harness.wait_until(
            lambda: (now := self.metrics(where))["tidemill_node_records_in_total"]["out"] > 100
            and now, "records")
        self.assertEqual(first["tidemill_up"], {"": 1})
        self.assertEqual(first["tidemill_ready"], {"": 1})
        self.assertEqual(set(first["tidemill_node_records_in_total"]), {"made", "odd", "out"})
        self.assertEqual(first["tidemill_node_open"], {"made": 1, "odd": 1, "out": 1})
        self.assertEqual(set(first["tidemill_node_splits"]), {"made"})
        self.assertGreater(first["tidemill_node_records_filtered_total"]["odd"], 0)
        self.assertGreater(first["tidemill_node_busy_seconds_total"]["odd"], 0)
        self.assertGreater(first["tidemill_node_bytes_out_total"]["out"], 0)
        self.assertLess(abs(first["tidemill_node_watermark_age_seconds"]["made"]), 20)
        then = harness.wait_until(
            lambda: (now := self.metrics(where))["tidemill_node_records_in_total"]["out"]
            > first["tidemill_node_records_in_total"]["out"] and now, "more records")
        for name, nodes in first.items():
            for node, value in nodes.items():
                if name.endswith("_total"):
                    self.assertGreaterEqual(then[name][node], value, name)
        self.assertEqual(run.stop().status, 0)

    def test_what_else_is_told(self):
        """Errors by kind, queues, state, the plugin's own metrics, the process."""
        self.write("in.jsonl", '{"n":1}\nnothing\n{"n":2}\n' + '{"n":"x"}\n' * 3)
        _, where = self.serve("""
pipeline: seen
sources:
  made:
    type: generator
    rate: 200
    fields: { n: { int: [0, 9] }, ts: { sequence: { start: 0, step: 1 } } }
    event_time: { field: ts, unit: ms }
  read: { type: file, path: in.jsonl, follow: true, on_error: skip }
operators:
  checked:
    type: map
    inputs: read
    on_error: skip
    lua: "return function(r) r.n = r.n + 1 return r end"
  sum: { type: aggregate, inputs: made, key_by: n, window: { tumbling: 1h },
         compute: { c: count() } }
sinks: { out: { type: "null", inputs: [sum, checked] }, other: { type: "null", inputs: made } }
""")
        text = harness.wait_until(
            lambda: (now := self.ask(where, "/metrics")[1])
            and re.search(r'state_keys\{[^}]*node="sum"[^}]*} 10\n', now)
            and re.search(r'errors_total\{[^}]*node="checked"[^}]*error="data"} 3\n', now) and now,
            "ten keys and three errors")
        now = parse(text)
        self.assertIn('error="data"} 1\n', text)
        self.assertEqual(now["tidemill_node_state_keys"], {"sum": 10})
        self.assertEqual(now["tidemill_node_windows_open"], {"sum": 1})
        self.assertGreater(now["tidemill_node_state_bytes"]["sum"], 0)
        self.assertEqual(set(now["tidemill_node_queue_capacity_records"]),
                         {"checked", "sum", "out", "other"})
        self.assertEqual(set(now["tidemill_plugin_null_records_total"]), {"out", "other"})
        self.assertEqual(text.count("# TYPE tidemill_plugin_null_records_total counter"), 1)
        self.assertGreater(now["process_resident_memory_bytes"][""], 1 << 20)

    def test_bytes_behind_the_end_of_files(self):
        """Known before the first record, counted down, and nothing at the end."""
        size = 0
        for number in range(2):
            with open(self.path(f"{number}.jsonl"), "w", encoding="utf-8") as file:
                size += file.write('{"n":1}\n' * 500_000)
        run, where = self.serve("""
pipeline: seen
sources: { made: { type: file, path: "?.jsonl", rate: 100 } }
sinks: { out: { type: "null", inputs: made } }
""")
        now = harness.wait_until(
            lambda: "tidemill_node_lag_bytes" in (m := self.metrics(where)) and m, "the lag")
        lag = now["tidemill_node_lag_bytes"]["made"]
        self.assertTrue(size / 2 < lag < size, lag)
        self.assertNotIn("tidemill_node_lag_records", {name for name in now if now[name]})
        splits = re.findall(r'split_lag_bytes\{.*split="(\S*)"\} (\d+)',
                            self.ask(where, "/metrics")[1])
        self.assertEqual(sum(int(bytes_) for _, bytes_ in splits), lag)
        self.assertIn(f"1.jsonl@{os.stat(self.path('1.jsonl')).st_dev:x}", splits[1][0])
        self.assertEqual(int(splits[1][1]), size // 2)
        run.stop()

    def test_bytes_behind_are_nothing_at_the_end(self):
        self.write("in.jsonl", '{"n":1}\n' * 100_000)
        subprocess.run(["gzip", "-k", self.path("in.jsonl")], check=True)
        self.write("p.yaml", """
pipeline: seen
sources: { made: { type: file, path: "in.jsonl*" } }
sinks: { out: { type: "null", inputs: made } }
""")
        done = self.tidemill("run", "p.yaml", "--report", "report.json")
        self.assertEqual(done.status, 0, done)
        self.assertRegex(done.err, r"in 200,000 .* lag 0 B ")
        with open(self.path("report.json"), encoding="utf-8") as file:
            made = json.load(file)["nodes"][0]
        self.assertEqual((made["lag"], made["lag_bytes"]), (None, 0))

    def test_bytes_behind_of_a_file_that_grows(self):
        self.write("in.jsonl", '{"n":1}\n{"n":')
        run, where = self.serve("""
pipeline: seen
sources: { made: { type: file, path: in.jsonl, follow: true } }
sinks: { out: { type: "null", inputs: made } }
""")
        def lag():
            return self.metrics(where).get("tidemill_node_lag_bytes", {}).get("made")
        harness.wait_until(lambda: lag() == 0, "all of it is read")
        os.kill(run.process.pid, signal.SIGSTOP)
        with open(self.path("in.jsonl"), "a", encoding="utf-8") as file:
            file.write("2}\n")
        os.kill(run.process.pid, signal.SIGCONT)
        harness.wait_until(
            lambda: self.metrics(where)["tidemill_node_records_in_total"]["out"] == 2, "the second")
        self.assertEqual(lag(), 0)

    def test_the_books_of_a_node_balance_in_the_metrics(self):
        _, where = self.serve(PIPELINE.replace("rate: 2000", "count: 5000, rate: 2000"))
        harness.wait_until(lambda: self.ready(where)[0] == 200, "ready")
        now = self.metrics(where)
        odd = {name: nodes["odd"] for name, nodes in now.items() if "odd" in nodes}
        self.assertLessEqual(odd["tidemill_node_records_out_total"]
                             + odd["tidemill_node_records_filtered_total"],
                             odd["tidemill_node_records_in_total"])

    def test_health_and_other_paths(self):
        _, where = self.serve()
        status, text, headers = self.ask(where, "/healthz")
        self.assertEqual((status, text), (200, '{"status": "ok"}\n'))
        self.assertEqual(headers["Cache-Control"], "no-store")
        self.assertEqual(self.ask(where, "/")[0], 404)
        self.assertEqual(self.ask(where, "/metrics/")[0], 404)
        self.assertEqual(self.ask(where, "/metrics?x=1")[0], 200)
        status, text, _ = self.ask(where, "/metrics", "HEAD")
        self.assertEqual((status, text), (200, ""))

    def test_only_reads(self):
        _, where = self.serve()
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
            status, _, headers = self.ask(where, "/metrics", method, body=b"x" * 1000)
            self.assertEqual((status, headers["Allow"]), (405, "GET, HEAD"), method)
        self.assertEqual(self.ask(where, "/healthz")[0], 200)

    def test_names_of_others_are_refused_on_loopback(self):
        _, where = self.serve()
        for host in ("evil.example", "evil.example:%d" % where[1], "127.0.0.1.evil.example", ""):
            self.assertEqual(self.ask(where, "/metrics", headers={"Host": host})[0], 403, host)
        for host in ("localhost", "127.0.0.1:%d" % where[1], "[::1]"):
            self.assertEqual(self.ask(where, "/metrics", headers={"Host": host})[0], 200, host)

    def raw(self, where, request):
        with socket.create_connection(where, timeout=harness.DEADLINE_S) as client:
            with contextlib.suppress(OSError):
                client.sendall(request)
                client.shutdown(socket.SHUT_WR)
            answer = b""
            with contextlib.suppress(ConnectionResetError):
                while chunk := client.recv(65536):
                    answer += chunk
            return answer

    def test_nonsense_and_giants(self):
        run, where = self.serve()
        for request in (b"\x00\xff\x16\x03\x01\r\n\r\n", b"GET\r\n\r\n",
                        b"GET /metrics HTTP/1.1\r\nConnection: close\r\n\r\n",
                        b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
                        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: " + b"b" * 100000
                        + b"\r\n\r\n"):
            answer = self.raw(where, request)
            self.assertNotRegex(answer, rb"^HTTP/1.. 200", request[:40])
        self.assertEqual(self.ask(where, "/healthz")[0], 200, run)

    def test_many_connections(self):
        run, where = self.serve()
        with contextlib.ExitStack() as stack:
            for _ in range(100):  # held open, and silent
                with contextlib.suppress(OSError):
                    stack.enter_context(socket.create_connection(where, timeout=5))
            before = self.rows("out.jsonl")
            harness.wait_until(lambda: self.rows("out.jsonl") > before, "the pipeline goes on")
        harness.wait_until(lambda: self.healthy(where), "an answer when they are gone")
        statuses = []
        threads = [threading.Thread(
            target=lambda: statuses.append(self.ask(where, "/metrics")[0])) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(statuses, [200] * 16, run)
        self.assertEqual(run.stop().status, 0)

    def rows(self, name):
        return len(harness.read_lines(self.path(name)))

    def healthy(self, where):
        try:
            return self.ask(where, "/healthz")[0] == 200
        except OSError:
            return False

    def make_late(self):
        os.mkdir(self.path("late"))
        include = os.path.join(harness.SOURCE, "runtime/include")
        subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-I", include, "-o",
                        self.path("late/late.so"), self.write("late.c", LATE)], check=True)

    def test_not_ready_says_why(self):
        self.make_late()
        run, where = self.serve(LATE_PIPELINE, "127.0.0.1:0", "--plugins", "late")
        harness.wait_until(lambda: "reason" in self.ready(where)[1], "the reason")
        self.assertEqual(self.ready(where), (503, (
            '{"status": "not open", "node": "store", "kind": "sink", "type": "late", '
            '"reason": "waits for \'go\'"}\n')))
        now = self.metrics(where)
        self.assertEqual(now["tidemill_ready"], {"": 0})
        self.assertEqual(now["tidemill_node_open"], {"made": 1, "store": 0})
        self.assertEqual(self.ask(where, "/healthz")[0], 200)
        self.write("go", "")
        harness.wait_until(lambda: self.ready(where) == (200, '{"status": "ready"}\n'), "ready")
        self.assertEqual(run.stop().status, 0, run)

    def test_open_but_not_connected(self):
        """It runs, but is not ready; `waits_for` says why, and when it is over."""
        self.make_late()
        self.write("go", "")
        self.write("lonely", "")
        run, where = self.serve(LATE_PIPELINE, "127.0.0.1:0", "--plugins", "late")
        harness.wait_until(lambda: "reason" in self.ready(where)[1], "the reason")
        self.assertEqual(self.ready(where), (503, (
            '{"status": "not connected", "node": "store", "kind": "sink", "type": "late", '
            '"reason": "nobody has called yet"}\n')))
        now = harness.wait_until(
            lambda: (m := self.metrics(where))["tidemill_node_records_in_total"]["store"] > 0
            and m, "records")
        self.assertEqual(now["tidemill_ready"], {"": 0})
        self.assertEqual(now["tidemill_node_open"], {"made": 1, "store": 1})
        self.assertEqual(now["tidemill_node_ready"], {"made": 1, "store": 0})
        self.assertEqual(self.ask(where, "/healthz")[0], 200)
        os.remove(self.path("lonely"))
        harness.wait_until(lambda: self.ready(where) == (200, '{"status": "ready"}\n'), "ready")
        self.assertEqual(run.stop().status, 0, run)

    def test_ipv6(self):
        try:
            with socket.socket(socket.AF_INET6) as probe:
                probe.bind(("::1", 0))
        except OSError:
            self.skipTest("this machine has no IPv6")
        _, where = self.serve(PIPELINE, "[::1]:0")
        self.assertEqual(self.ask(where, "/healthz")[0], 200)

    def secrets(self):
        """A certificate of its own, its key and a token."""
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                        "/CN=tidemill", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
                        self.path("key.pem"), "-out", self.path("cert.pem")], check=True,
                       capture_output=True)
        self.write("token", TOKEN + "\n")
        return ("--http-cert", "cert.pem", "--http-key", "key.pem", "--http-token-file", "token")

    def ask_tls(self, where, headers):
        context = ssl.create_default_context(cafile=self.path("cert.pem"))
        connection = http.client.HTTPSConnection(*where, timeout=harness.DEADLINE_S,
                                                 context=context)
        with contextlib.closing(connection):
            connection.request("GET", "/metrics", headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def test_others_are_served_with_tls_and_a_token(self):
        run, where = self.serve(PIPELINE, "0.0.0.0:0", *self.secrets())
        self.assertIn("metrics: https://0.0.0.0:", run.err)
        where = ("127.0.0.1", where[1])
        for token, status in ((None, 401), (TOKEN, 200), (TOKEN[:-1], 401), (TOKEN + "x", 401),
                              ("", 401)):
            headers = {"Host": "node7:9090"}
            if token is not None:
                headers["Authorization"] = "Bearer " + token
            self.assertEqual(self.ask_tls(where, headers)[0], status, token)
        self.assertEqual(self.ask_tls(where, {"Authorization": "Basic " + TOKEN})[0], 401)
        self.assertNotIn(b"200", self.raw(where, b"GET /metrics HTTP/1.0\r\n\r\n")[:20])
        self.assertEqual(run.stop().status, 0)

    def test_a_token_on_loopback(self):
        self.write("token", TOKEN)
        _, where = self.serve(PIPELINE, "127.0.0.1:0", "--http-token-file", "token")
        status, _, headers = self.ask(where, "/healthz")
        self.assertEqual((status, headers["WWW-Authenticate"]), (401, "Bearer"))
        good = {"Authorization": "bearer " + TOKEN}
        self.assertEqual(self.ask(where, "/healthz", headers=good)[0], 200)

    def test_refusals(self):
        secrets = self.secrets()
        self.write("p.yaml", PIPELINE)
        self.write("short", "abc")
        self.write("spaces", "abc def ghi jkl mno")
        self.write("junk", "junk")
        others = "'0.0.0.0:0' can be reached by others: it needs --http-cert, --http-key and"
        rows = (("0.0.0.0:0", (), others, 2), ("0.0.0.0:0", secrets[:4], others, 2),
                ("0.0.0.0:0", secrets[4:], others, 2), ("[::]:0", (), "can be reached", 2),
                ("127.0.0.1:0", secrets[:2], "--http-key is missing", 2),
                ("127.0.0.1:0", ("--http-token-file", "short"), "at least 16 characters", 2),
                ("127.0.0.1:0", ("--http-token-file", "spaces"), "no spaces", 2),
                ("127.0.0.1:0", ("--http-token-file", "gone"), "gone: cannot open", 1),
                ("127.0.0.1:0", ("--http-cert", "junk", "--http-key", "junk"), "are certificate",
                 1))
        for address, more, why, status in rows:
            done = self.tidemill("run", "p.yaml", "--http", address, *more)
            self.assertEqual(done.status, status, done)
            self.assertIn(why, done.err)

    def test_a_lane_that_hangs_is_not_healthy(self):
        self.make_late()
        self.write("go", "")
        self.write("hang", "")
        run, where = self.serve(LATE_PIPELINE, "127.0.0.1:0", "--plugins", "late")
        first = self.ask(where, "/healthz")
        self.assertEqual(first[:2], (200, '{"status": "ok"}\n'))
        harness.wait_until(lambda: self.ask(where, "/healthz")[0] == 503, "the end of patience")
        answer = json.loads(self.ask(where, "/healthz")[1])
        self.assertEqual((answer["status"], answer["node"]), ("hangs", "store"))
        os.remove(self.path("hang"))
        harness.wait_until(lambda: self.ask(where, "/healthz")[0] == 200, "the lane to go on")
        self.assertEqual(run.stop().status, 0, run)

    def test_wrong_addresses(self):
        self.write("p.yaml", PIPELINE)
        for address in ("localhost:1", "127.0.0.1", "127.0.0.1:70000", "x"):
            done = self.tidemill("run", "p.yaml", "--http", address)
            self.assertEqual(done.status, 2, done)
            self.assertIn(f"--http: '{address}' is no address", done.err)
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            done = self.tidemill("run", "p.yaml", "--http", f":{port}")
        self.assertEqual(done.status, 1, done)
        self.assertIn(f"--http: cannot listen on 127.0.0.1:{port}: ", done.err)


if __name__ == "__main__":
    harness.main()
