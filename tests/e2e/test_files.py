# SPDX-License-Identifier: MIT
"""Files as they are found: huge lines, odd ends, compressed, damaged, not files at all."""

import gzip
import json
import os
import unittest

import harness

PIPELINE = """
pipeline: p
sources:
  in: {{ type: file, path: {path}, decode: {decode}, on_error: {on_error} }}
sinks:
  out: {{ type: file, inputs: in, path: out.jsonl, encode: {encode} }}
  dead: {{ type: file, path: dead.jsonl }}
"""


class Files(harness.TestCase):
    def pipeline(self, path, decode="json", on_error="skip", encode="json"):
        text = PIPELINE.format(path=f'"{path}"', decode=decode, on_error=on_error, encode=encode)
        if "dlq" not in on_error:
            text = "\n".join(line for line in text.splitlines() if "dead:" not in line)
        return self.write("p.yaml", text)

    def output(self, name="out.jsonl"):
        with open(self.path(name), "rb") as file:
            return file.read()

    def run_on(self, content, name="in.jsonl", **options):
        self.write(name, content)
        return self.succeeds("run", self.pipeline(name, **options))

    def test_a_line_of_a_gibibyte(self):
        with open(self.path("in.jsonl"), "wb") as file:
            file.write(b'{"n":1}\n{"n":')
            file.seek((1 << 30) - 1, os.SEEK_CUR)  # a hole of zeros
            file.write(b'}\n{"n":2}\n')
        for on_error in ("skip", "{ dlq: dead }"):
            running = self.start("run", self.pipeline("in.jsonl", on_error=on_error))
            peak = 0
            while running.alive():
                try:
                    with open(f"/proc/{running.process.pid}/status", encoding="ascii") as status:
                        found = [line for line in status if line.startswith("VmHWM")]
                except OSError:
                    found = []
                peak = max([peak] + [int(line.split()[1]) for line in found])
            done = running.wait()
            self.assertEqual(done.status, 0, done)
            self.assertLess(peak, 64 * 1024, "kB of memory")
            self.assertEqual(self.output(), b'{"n":1}\n{"n":2}\n')
            self.assertIn("errors 1", done.err)
            self.assertIn("longer than 1048576 bytes", done.err)
            os.unlink(self.path("out.jsonl"))
        self.assertEqual(self.output("dead.jsonl"), b'{"n":' + 65531 * b"\0" + b"\n")

    def test_a_letter_of_a_line_that_is_too_long(self):
        """Its beginning, and a header that says so; of a whole record there is no such header."""
        self.write("in.jsonl", '{"n":1}\n{"n":"' + 200 * "x" + '"}\n{"n":oops}\n')
        self.write("p.yaml", """
pipeline: p
connections: { l: { type: log, dir: data } }
sources:
  in: { type: file, path: in.jsonl, limits: { record: 100 }, on_error: { dlq: dead } }
sinks:
  out: { type: file, inputs: in, path: out.jsonl }
  dead: { type: topic, connection: l, topic: dead }
""")
        self.succeeds("run", "p.yaml")
        self.write("show.yaml", """
pipeline: show
connections: { l: { type: log, dir: data } }
sources: { in: { type: topic, connection: l, topic: dead, decode: text, until: latest } }
operators:
  show: { type: map, inputs: in, lua: "return function(r) r.h = meta(r).headers return r end" }
sinks: { out: { type: file, inputs: show, path: letters.jsonl } }
""")
        self.succeeds("run", "show.yaml")
        letters = [json.loads(line) for line in self.output("letters.jsonl").splitlines()]
        headers = {letter.pop("h").get("truncated"): list(letter.values()) for letter in letters}
        self.assertEqual(headers, {None: ['{"n":oops}'], "true": ['{"n":"' + 94 * "x"]})

    def test_a_record_is_at_most_64_mebibytes(self):
        self.write("p.yaml", "pipeline: p\nsources:\n  in: { type: file, path: in, "
                             "limits: { record: 2GiB } }\n"
                             "sinks: { out: { type: null, inputs: in } }\n")
        done = self.tidemill("check", "p.yaml")
        self.assertEqual(done.status, 2, done)
        self.assertIn("64MiB", done.err + done.out)

    def test_ends_of_lines_and_of_files(self):
        for content, want in ((b'{"n":1}\r\n{"n":2}\r\n', b'{"n":1}\n{"n":2}\n'),
                              (b'{"n":1}\n{"n":2}', b'{"n":1}\n{"n":2}\n'),
                              (b'{"n":1}\n\n\n{"n":2}\n', b'{"n":1}\n{"n":2}\n'),
                              (b'\xef\xbb\xbf{"n":1}\n', b'{"n":1}\n'),
                              (b'{"n":\x001}\n{"n":2}\n', b'{"n":2}\n'),
                              (b'', b'')):
            self.run_on(content)
            self.assertEqual(self.output(), want, content)
            os.unlink(self.path("out.jsonl"))

    def test_compressed_and_damaged(self):
        whole = gzip.compress(b'{"n":1}\n{"n":2}\n')
        self.write("b.jsonl.gz", gzip.compress(b'{"n":3}\n') + gzip.compress(b'{"n":4}\n'))
        self.write("a.jsonl.gz", whole[:-5])
        done = self.succeeds("run", self.pipeline("*.gz"))
        self.assertEqual(self.output(), b'{"n":1}\n{"n":2}\n{"n":3}\n{"n":4}\n')
        self.assertIn(f"a.jsonl.gz is damaged at byte {len(whole) - 5} (gzip)", done.err)
        done = self.tidemill("run", self.pipeline("*.gz", on_error="stop"))
        self.assertEqual(done.status, 1, done)
        self.assertIn("a.jsonl.gz is damaged at byte", done.err)

    def test_a_small_file_that_holds_much(self):
        line = b" " * (1 << 20) + b"\n"
        done = self.run_on(gzip.compress(line * 200 + b'{"n":1}\n'), "in.jsonl.gz")
        self.assertEqual(self.output(), b'{"n":1}\n', done)

    def test_not_files(self):
        os.mkdir(self.path("directory"))
        os.mkfifo(self.path("pipe"))
        os.symlink("nowhere", self.path("broken"))
        for path, want in (("directory", "directory: not a regular file"),
                           ("pipe", "pipe: not a regular file"),
                           ("broken", "broken: No such file or directory"),
                           ("missing", "missing: No such file or directory"),
                           ("none*", "no file matches none*")):
            done = self.tidemill("run", self.pipeline(path))
            self.assertEqual(done.status, 1, done)
            self.assertIn(want, done.err)

    def test_may_not_be_read(self):
        path = self.write("in.jsonl", '{"n":1}\n')
        os.chmod(path, 0)
        if os.access(path, os.R_OK):
            self.skipTest("root reads everything")
        done = self.tidemill("run", self.pipeline("in.jsonl"))
        self.assertEqual(done.status, 1, done)
        self.assertIn("in.jsonl (at byte 0): Permission denied", done.err)


class Trickle(harness.TestCase):
    def test_what_comes_again_and_again_is_seen_soon(self):
        """Never quiet for as long as a sink waits before it flushes by itself."""
        self.write("p.yaml", """
pipeline: trickle
sources: { in: { type: generator, rate: 50, fields: { n: { int: [0, 9] } } } }
sinks: { out: { type: file, inputs: in, path: out.jsonl } }
""")
        running = self.start("run", "p.yaml", "-q")
        harness.wait_until(lambda: harness.read_lines(self.path("out.jsonl")), "a line", 10)
        self.assertEqual(running.stop().status, 0)


if __name__ == "__main__":
    harness.main()
