# SPDX-License-Identifier: MIT
"""check --json, and what is said about bytes that mean harm."""

import json
import os
import sys

import harness

sys.path.insert(0, os.path.join(harness.SOURCE, "tests/support"))
import json_schema  # pylint: disable=wrong-import-position

GOOD = "pipeline: p\nsources: { in: { type: stdio } }\n" \
       "operators: { m: { type: map, inputs: in, lua: 'return function(r) return r end' } }\n" \
       "sinks: { out: { type: stdio, inputs: m }, more: { type: 'null', inputs: in } }\n"
BAD = "pipeline: p\nparallelism: 4\nsources: { in: { type: stdio, decod: json } }\n" \
      "sinks: { out: { type: stdio, inputs: im } }\n"
WARN = GOOD + "parallelism: 4\n"

# The form of the answer.
TEXT, WHOLE = {"type": "string"}, {"type": "integer"}


def exactly(**members):
    return {"type": "object", "required": sorted(members), "properties": members,
            "additionalProperties": False}


FORM = {
    "type": "array",
    "items": exactly(
        file=TEXT, ok={"type": "boolean"},
        problems={"type": "array", "items": exactly(
            file={"type": ["string", "null"]}, line=WHOLE, column=WHOLE, message=TEXT,
            severity={"enum": ["error", "warning"]},
            code={"type": "string", "pattern": "^[a-z]+(-[a-z]+)*$"})},
        paths={"type": "array", "items": exactly(
            **{"from": TEXT, "to": TEXT, "why": TEXT,
               "guarantee": {"enum": ["exactly_once", "at_least_once", "at_most_once"]}})}),
}


class Check(harness.TestCase):
    def answer(self, status, *arguments):
        done = self.tidemill("check", "--json", *arguments)
        self.assertEqual((done.status, done.err), (status, ""), done)
        answer = json.loads(done.out)
        self.assertEqual(json_schema.Validator(FORM).problems(answer), [])
        return answer

    def test_good(self):
        self.write("p.yaml", GOOD)
        (one,) = self.answer(0, "p.yaml")
        self.assertEqual((one["file"], one["ok"], one["problems"]), ("p.yaml", True, []))
        self.assertEqual([(path["from"], path["to"]) for path in one["paths"]],
                         [("in", "out"), ("in", "more")])
        text = self.succeeds("check", "p.yaml").out
        for path in one["paths"]:
            self.assertIn(f"{path['from']} -> {path['to']}: "
                          f"{path['guarantee'].replace('_', ' ')}", text)
            self.assertIn(path["why"], text)

    def test_bad(self):
        self.write("p.yaml", BAD)
        (one,) = self.answer(2, "p.yaml")
        self.assertEqual((one["ok"], one["paths"]), (False, []))
        found = {(problem["line"], problem["code"]) for problem in one["problems"]}
        self.assertEqual(found, {(3, "unknown-key"), (4, "unknown-node")})
        text = self.tidemill("check", "p.yaml").err
        for problem in one["problems"]:
            place = f"{problem['file']}:{problem['line']}:{problem['column']}"
            self.assertIn(f"{place}: {problem['severity']}: {problem['message']} "
                          f"[{problem['code']}]\n", text)

    def test_warnings_are_no_failure(self):
        self.write("p.yaml", WARN)
        (one,) = self.answer(0, "p.yaml")
        self.assertTrue(one["ok"] and one["paths"])
        self.assertEqual([(problem["severity"], problem["code"]) for problem in one["problems"]],
                         [("warning", "not-heeded")])

    def test_several(self):
        self.write("a.yaml", GOOD)
        self.write("b.yaml", BAD)
        answer = self.answer(2, "a.yaml", "b.yaml", "absent.yaml", "a.yaml")
        self.assertEqual([(one["file"], one["ok"]) for one in answer],
                         [("a.yaml", True), ("b.yaml", False), ("absent.yaml", False),
                          ("a.yaml", True)])
        self.assertEqual(answer[2]["problems"][0]["code"], "unreadable-file")

    def test_errors_of_no_file(self):
        self.write("p.yaml", GOOD)
        (one,) = self.answer(2, "p.yaml", "--plugins", "absent")
        (problem,) = one["problems"]
        self.assertEqual((problem["file"], problem["line"]), (None, 0))

    def test_bytes_that_mean_harm(self):
        for text in (b"pipeline: p\n\x1b[2J: 1\n", b"pipeline: \"\\e[2J\\u009b\\x7f\"\n",
                     b"pipeline: p\n\xff\xfe\n", b"pipeline: \"\\\"\\\\\\n\"\n"):
            with self.subTest(text):
                with open(self.path("p.yaml"), "wb") as file:
                    file.write(text)
                (one,) = self.answer(2, "p.yaml")
                self.assertTrue(one["problems"])
                done = self.tidemill("check", "p.yaml")
                shown = done.err.replace("\n", "") + "".join(
                    problem["message"] for problem in one["problems"])
                self.assertTrue(shown.isprintable(), done)

    def test_names_that_mean_harm(self):
        name = "a\x1b[2J\"b.yaml"
        (one,) = self.answer(2, name)
        self.assertEqual(one["file"], "a?[2J\"b.yaml")
        self.assertNotIn("\x1b", self.tidemill("check", name).err)


if __name__ == "__main__":
    harness.main()
