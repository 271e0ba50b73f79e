# SPDX-License-Identifier: MIT
"""Formats and framing, from file to file: each decoder with each framing and what texts come with
(a missing last line break, CR, byte order mark, NUL, empty lines); what sinks write reads back."""

import glob
import json
import struct

import harness

BOM = b"\xef\xbb\xbf"
SYSLOG = {"facility": 4, "severity": 2, "message": "x"}
CSV = "{ csv: { columns: [a, b] } }"
REGEX = "{ regex: { pattern: '^(?<a>[^,]*),(?<b>.*)$' } }"


def by_length(*messages):
    return b"".join(struct.pack(">I", len(message)) + message for message in messages)


def by_octets(*messages):
    return b"".join(b"%d %s" % (len(message), message) for message in messages)


# decode, framing (empty: what suits it), bytes, records
TABLE = [
    ("json", "", b'{"a":1}\n\n{"a":2}', [{"a": 1}, {"a": 2}]),
    ("json", "", BOM + b'{"a":1}\r\n\r\n{"a":2}\r\n', [{"a": 1}, {"a": 2}]),
    ("json", "whole", BOM + b'{"a":\n1}\n', [{"a": 1}]),
    ("json", "length", by_length(b'{"a":1}', b'{"a":\n2}'), [{"a": 1}, {"a": 2}]),
    ("json", "octet", by_octets(b'{"a":1}', b'{"a":2}'), [{"a": 1}, {"a": 2}]),
    ("text", "", BOM + b"a\0b\r\n\nc\r", [{"message": "a\0b"}, {"message": "c"}]),
    ("text", "whole", b"a\r\nb\n", [{"message": "a\r\nb\n"}]),
    ("text", "length", by_length(b"a\n", BOM), [{"message": "a\n"}, {"message": "\ufeff"}]),
    (CSV, "", BOM + b'1,x\r\n\r\n2,"y\r\nz"', [{"a": 1, "b": "x"}, {"a": 2, "b": "y\r\nz"}]),
    (CSV, "", b"1,\0\n", [{"a": 1, "b": "\0"}]),
    (CSV, "length", by_length(b'1,"x\ny"', b"2,\n"), [{"a": 1, "b": "x\ny"}, {"a": 2, "b": None}]),
    ("csv", "", BOM + b"a,b\r\n1,2\r\n3,4", [{"a": 1, "b": 2}, {"a": 3, "b": 4}]),
    ("csv", "newline", b"a,b\n1,2\n", [{"a": 1, "b": 2}]),
    ("csv", "octet", by_octets(b"a,b", b"1,2"), [{"a": 1, "b": 2}]),
    ("logfmt", "", BOM + b'a=1 b="x\\n"\r\n\r\nc', [{"a": 1, "b": "x\n"}, {"c": True}]),
    ("logfmt", "length", by_length(b"a=1\n", b"b=2\r\n"), [{"a": 1}, {"b": 2}]),
    ("syslog", "", BOM + b"<34>x\r\n\n<34>x", [SYSLOG, SYSLOG]),
    ("syslog", "octet", by_octets(b"<34>x", b"<34>x") + b"<34>x\r\n<34>x", [SYSLOG] * 4),
    (REGEX, "", BOM + b"1,x\r\n\r\n2,\0y", [{"a": 1, "b": "x"}, {"a": 2, "b": "\0y"}]),
    (REGEX, "length", by_length(b"1,x\r\n"), [{"a": 1, "b": "x"}]),
    ("msgpack", "", b"\x81\xa1a\x01\x81\xa1a\xa1\n", [{"a": 1}, {"a": "\n"}]),
    ("msgpack", "length", by_length(b"\x81\xa1a\x01", b"\x81\xa1a\xc0"), [{"a": 1}, {"a": None}]),
    ("msgpack", "octet", by_octets(b"\x81\xa1a\x01"), [{"a": 1}]),
    ("msgpack", "whole", b"\x81\xa1a\x01", [{"a": 1}]),
]

RECORDS = [{"k": key, "n": n, "s": 'x "y"\n' if n % 2 else None, "f": n / 4, "t": True}
           for n in range(1, 9) for key in ("a", "b")]

# encode and framing of a sink; decode and framing that read it
PAIRS = [
    ("msgpack", "", "msgpack", ""), ("msgpack", "length", "msgpack", "length"),
    ("msgpack", "octet", "msgpack", "octet"), ("csv", "", "csv", ""),
    ("csv", "length", "csv", "length"), ("csv", "octet", "csv", "octet"),
    ("logfmt", "", "logfmt", ""), ("json", "{ length: { prefix: varint } }", "json",
                                   "{ length: { prefix: varint } }"),
    ("json", "{ length: { prefix: 2, order: little } }", "json",
     "{ length: { prefix: 2, order: little } }"),
    ("json", "octet", "json", "octet"),
]


def framed(kind):
    return f", framing: {kind}" if kind else ""


class Formats(harness.TestCase):
    def pipeline(self, source, *sinks):
        lines = ["pipeline: formats", "sources:", f"  in: {{ {source} }}", "sinks:"]
        lines += [f"  out{i}: {{ inputs: in, {sink} }}" for i, sink in enumerate(sinks)]
        return self.write("formats.yaml", "\n".join(lines) + "\n")

    def test_decoders_and_framings(self):
        for decode, framing, data, records in TABLE:
            with self.subTest(decode=decode, framing=framing, data=data):
                self.write("in", data)
                done = self.succeeds("run", "-q", self.pipeline(
                    f"type: file, path: in, decode: {decode}{framed(framing)}", "type: stdio"))
                self.assertEqual(done.jsonl(), records)

    def test_what_is_written_reads_back(self):
        self.write("in", "".join(json.dumps(record) + "\n" for record in RECORDS))
        for number, (encode, out, decode, back) in enumerate(PAIRS):
            with self.subTest(encode=encode, framing=out):
                name = f"written{number}"
                for _ in range(2):  # the second run appends
                    self.succeeds("run", "-q", self.pipeline(
                        "type: file, path: in",
                        f"type: file, path: {name}, encode: {encode}{framed(out)}"))
                done = self.succeeds("run", "-q", self.pipeline(
                    f"type: file, path: {name}, decode: {decode}{framed(back)}", "type: stdio"))
                self.assertEqual(done.jsonl(), RECORDS * 2)

    def test_each_file_has_one_header(self):
        self.write("in", "".join(json.dumps(record) + "\n" for record in RECORDS))
        for _ in range(2):
            done = self.succeeds("run", "-q", self.pipeline(
                "type: file, path: in", "type: file, path: 'by/{k}.csv', encode: csv",
                "type: file, path: rotated/r.csv, rotate: { size: 100 }, encode: csv",
                "type: stdio, encode: csv"))
        self.assertEqual(done.out.count("k,n,s,f,t\n"), 1)
        self.assertTrue(done.out.startswith("k,n,s,f,t\na,1,"), done)
        for folder, least in (("by", 2), ("rotated", 4)):
            files = glob.glob(self.path(folder, "*"))
            self.assertGreaterEqual(len(files), least)
            for path in files:
                with open(path, encoding="utf-8") as file:
                    text = file.read()
                self.assertTrue(text.startswith("k,n,s,f,t\n"), text)
                self.assertEqual(text.count("k,n,s,f,t"), 1)

    def test_records_that_are_none(self):
        """They go to the sink of dead letters as they came; the error says where."""
        for decode, data, error in (
                (REGEX, b"1,2\nnothing\n", "offset 4: the line does not match"),
                ("{ csv: { columns: [a] } }", b"1\n\"x\n", "offset 2: byte 2: expected"),
                ("msgpack", b"\x81\xa1a\x01\x81\x01\x02",
                 "offset 4: byte 1: expected a string as the key, found 0x01"),
                ("logfmt", b"a=1\n=\n", "offset 4: byte 0: expected a key")):
            with self.subTest(decode):
                self.write("in", data)
                pipeline = self.pipeline(
                    f"type: file, path: in, decode: {decode}, on_error: {{ dlq: out1 }}",
                    "type: stdio", "type: file, path: bad, encode: none, framing: none, "
                    "mode: truncate")
                with open(pipeline, encoding="utf-8") as file:
                    text = file.read().replace("out1: { inputs: in,", "out1: { inputs: [],")
                self.write("formats.yaml", text)
                done = self.succeeds("run", pipeline)
                self.assertEqual(len(done.jsonl()), 1)
                self.assertRegex(done.err, "split in\\S*, " + error)
                with open(self.path("bad"), "rb") as file:
                    self.assertIn(file.read(), data)

    def test_a_framing_needs_a_stream(self):
        done = self.tidemill("check", self.pipeline(
            "type: stdio", "type: tcp_serve, listen: '127.0.0.1:0', framing: length"))
        self.assertEqual(done.status, 2, done)
        self.assertIn("framing is for sinks that write a stream", done.err)


if __name__ == "__main__":
    harness.main()
