# SPDX-License-Identifier: MIT
"""JSON through the front door: what is taken goes through byte by byte, what is refused becomes a
dead letter that names the byte, and numbers stay what they are."""

import json
import math
import random
import struct

import harness

PIPE = """\
pipeline: json
connections:
  main: { type: log, dir: "./log" }
sources:
  in:
    type: file
    path: in.jsonl
    decode: { json: { big_ints: %(big_ints)s } }
    on_error: %(on_error)s
operators:
  work: { type: map, inputs: in, lua: %(lua)s }
sinks:
  out: { type: file, inputs: work, path: out.jsonl }
  %(bad)s
"""

TO_FILE = "bad: { type: file, path: bad.bytes, encode: none }"
TO_LOG = "bad: { type: topic, connection: main, topic: bad }"

LETTERS = """\
pipeline: letters
connections:
  main: { type: log, dir: "./log" }
sources:
  in: { type: topic, connection: main, topic: bad, until: latest, decode: none }
operators:
  head:
    type: map
    inputs: in
    lua: "return function(r) return { headers = meta(r).headers } end"
sinks:
  out: { type: stdio, inputs: head }
"""

# Lines of several layouts; each is taken.
GOOD = [
    b'{"device":"r1","ts":1700000000000,"bytes":120}',
    b'{"device":"r2","ts":-0,"bytes":1.50}',
    b'{"ts":1E+2,"device":"M\xc3\xbcnchen","bytes":[1,{"a":null}]}',
    b'{ "device" : "\\ud83d\\ude00\\u0000\\/" , "ts" : 0 , "bytes" : {} }',
    b'{"a":{"b":{"c":[[],[1,2],{"d":"\xf0\x9f\x98\x80"}]}},"e":true,"f":false}',
    b'{"a":1,"a":2}',
    b'{"":"","n":12345678901234567890}',
    b'{}',
    b'[1,"x"]',
    b'"text"',
    b'1e-999',
]

# Lines that are refused, and the byte.
BAD = [
    (b'{"device":"r1","ts":01,"bytes":120}', 21),
    (b'{"device":"r1","ts":1.,"bytes":120}', 22),
    (b'{"device":"r1","ts":.5,"bytes":120}', 20),
    (b'{"device":"r1","ts":1e,"bytes":120}', 22),
    (b'{"device":"r1","ts":+1,"bytes":120}', 20),
    (b'{"device":"r1","ts":1e999,"bytes":120}', 20),
    (b'{"device":"r1","ts":NaN,"bytes":120}', 20),
    (b'{"device":"r1","ts":1,"bytes":120', 33),
    (b'{"device":"r1","ts":1,"bytes":120}}', 34),
    (b'{"device":"r1","ts":1,"bytes":120,}', 34),
    (b'{"device":"r1","ts":1 "bytes":120}', 22),
    (b'{"device":"r\x001","ts":1,"bytes":120}', 12),
    (b'{"device":"r\t1","ts":1,"bytes":120}', 12),
    (b'{"device":"r\xff1","ts":1,"bytes":120}', 12),
    (b'{"device":"r\xc0\xaf","ts":1,"bytes":120}', 12),
    (b'{"device":"r\xed\xa0\x80","ts":1,"bytes":120}', 12),
    (b'{"device":"r\xf4\x90\x80\x80","ts":1,"bytes":120}', 12),
    (b'{"device":"\\ud800","ts":1,"bytes":120}', 17),
    (b'{"device":"\\udc00","ts":1,"bytes":120}', 11),
    (b'{"device":"\\x","ts":1,"bytes":120}', 12),
    (b'{"device":\'r1\',"ts":1,"bytes":120}', 10),
    (b'{"device":"r1","ts":tru,"bytes":120}', 20),
    (b'{"a":{"b":{"c":[[],[1,2],{"d":"\xf0\x9f\x98"}]}},"e":true,"f":false}', 31),
    (b'{"a":{"b":{"c":[[],[1,2,],{"d":""}]}},"e":true,"f":false}', 24),
    (b'{"a":{"b":{"c":[[],[1,2],{"d"}]}},"e":true,"f":false}', 29),
    (b'{"a":' + b'[' * 128 + b']' * 128 + b'}', 132),
    (b'\x0c{}', 0),
    (b'{}\xc2\xa0', 2),
    (b'[1,]', 3),
    (b'nul', 0),
    (b' ', 1),
]


class Json(harness.TestCase):
    def run_lines(self, lines, lua="return function(r) return r end", on_error="stop",
                  big_ints="float", bad=""):
        self.write("in.jsonl", b"".join(line + b"\n" for line in lines))
        self.write("out.jsonl", b"")
        pipeline = self.write("json.yaml", PIPE % {
            "lua": json.dumps(lua), "on_error": on_error, "big_ints": big_ints, "bad": bad})
        return self.tidemill("run", pipeline)

    def read_bytes(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def mixed(self):
        """Good and bad lines; the bad ones with where they start and where they are wrong."""
        luck = random.Random(8259)
        lines, letters, offset = [], [], 0
        for number in range(3000):
            if number % 3:
                lines.append(luck.choice(GOOD))
            else:
                line, byte = luck.choice(BAD) if number > 3 * len(BAD) else BAD[number // 3 - 1]
                lines.append(line)
                letters.append((line, offset, byte))
            offset += len(lines[-1]) + 1
        return lines, letters

    def test_good_lines_go_through_and_bad_ones_become_dead_letters(self):
        lines, letters = self.mixed()
        done = self.run_lines(lines, on_error="{ dlq: bad }", bad=TO_FILE)
        self.assertEqual(done.status, 0, done)
        bad = {line for line, _, _ in letters}
        self.assertEqual(self.read_bytes("out.jsonl"),
                         b"".join(line + b"\n" for line in lines if line not in bad))
        self.assertEqual(self.read_bytes("bad.bytes"),
                         b"".join(line + b"\n" for line, _, _ in letters))

    def test_each_dead_letter_names_the_byte(self):
        lines, letters = self.mixed()
        done = self.run_lines(lines, on_error="{ dlq: bad }", bad=TO_LOG)
        self.assertEqual(done.status, 0, done)
        done = self.tidemill("run", self.write("letters.yaml", LETTERS))
        self.assertEqual(done.status, 0, done)
        told = [letter["headers"] for letter in done.jsonl()]
        self.assertEqual(len(told), len(letters), done)
        for headers, (line, offset, byte) in zip(told, letters):
            self.assertEqual(headers["offset"], str(offset), line)
            self.assertRegex(headers["error"], rf"(^|: )byte {byte}: expected ", line)

    def test_skip_and_stop(self):
        for line, byte in BAD:
            with self.subTest(line=line):
                done = self.run_lines([GOOD[0], line, GOOD[1]])
                self.assertEqual(done.status, 1, done)
                self.assertIn(f"offset {len(GOOD[0]) + 1}: byte {byte}: expected ", done.err)
        done = self.run_lines([b"[", GOOD[0], b"]"], on_error="skip")
        self.assertEqual(done.status, 0, done)
        self.assertEqual(self.read_bytes("out.jsonl"), GOOD[0] + b"\n")

    def outputs(self, *arguments, **options):
        done = self.run_lines(*arguments, **options)
        self.assertEqual(done.status, 0, done)
        return self.read_bytes("out.jsonl").decode().splitlines()

    def test_big_integers(self):
        lua = ("return function(r) r.copy = r.id r.inner = r.n.id[1] r.fits = r.n.id[2] "
               "r.sum = r.id + 1 r.type = math.type(r.id) or type(r.id) return r end")
        start = '{"id":18446744073709551615,"n":{"id":[-9223372036854775809,9223372036854775807]}'
        line = [(start + "}").encode()]
        self.assertEqual(self.outputs(line, lua), [
            start + ',"copy":18446744073709551616.0,"inner":-9223372036854775808.0,'
            '"fits":9223372036854775807,"sum":18446744073709551616.0,"type":"float"}'])
        self.assertEqual(self.outputs(line, lua, big_ints="string"), [
            start + ',"copy":"18446744073709551615","inner":"-9223372036854775809",'
            '"fits":9223372036854775807,"sum":18446744073709551616.0,"type":"string"}'])
        done = self.run_lines(line, lua, big_ints="error")
        self.assertEqual(done.status, 1, done)
        self.assertIn("byte 6: expected an integer of 64 bits", done.err)
        done = self.run_lines([line[0].replace(b"18446744073709551615", b"1")], lua,
                              big_ints="error")
        self.assertIn("byte 19: expected an integer of 64 bits", done.err)

    def test_numbers_stay_what_they_are(self):
        luck = random.Random(754)
        numbers = [0.0, -0.0, 5e-324, -5e-324, 1.7976931348623157e308, 0.1, 1 / 3, 1e15, 1e22,
                   123456789012345.6, 9007199254740993.0, 2 ** 63 - 1, -2 ** 63, 2 ** 53 + 1, 0, -1]
        for _ in range(2000):
            numbers.append(luck.getrandbits(64) - 2 ** 63)
            number = struct.unpack("<d", luck.randbytes(8))[0]
            if math.isfinite(number):
                numbers.append(number)
            numbers.append(round(luck.uniform(-1e6, 1e6), luck.randrange(9)))
        lines = [json.dumps({"v": number, "n": [{"v": number}]}).encode() for number in numbers]
        lua = "return function(r) r.w = r.v r.m = r.n[1].v return r end"
        for number, line in zip(numbers, self.outputs(lines, lua)):
            read = json.loads(line)
            for name in "wm":
                self.assertEqual(repr(read[name]), repr(number), line)

    def test_the_smallest_and_the_largest(self):
        lua = "return function(r) r.w = r.v return r end"
        self.assertEqual(self.outputs([b'{"v":1e-999}', b'{"v":-1e-400}', b'{"v":-0}'], lua),
                         ['{"v":1e-999,"w":0.0}', '{"v":-1e-400,"w":-0.0}', '{"v":-0,"w":-0.0}'])

    def test_the_last_of_several_members_counts(self):
        lua = ("return function(r) r.w = r.v r.m = r.n.v "
               "if r.s then r.v = 9 r.n.v = 9 end return r end")
        self.assertEqual(
            self.outputs([b'{"v":1,"n":{"v":2,"\\u0076":3},"\\u0076":4}',
                          b'{"v":1,"n":{"v":2,"v":3},"v":4,"s":1}'], lua),
            ['{"v":1,"n":{"v":2,"\\u0076":3},"\\u0076":4,"w":4,"m":3}',
             '{"n":{"v":9},"v":9,"s":1,"w":4,"m":3}'])


if __name__ == "__main__":
    harness.main()
