# SPDX-License-Identifier: MIT
"""run --http: who is answered, and what is not."""

import contextlib
import http.client
import socket
import ssl
import subprocess
import threading

import harness
from http_support import PIPELINE, HttpCase

TOKEN = "correct-horse-battery-staple"


class Http(HttpCase):
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
