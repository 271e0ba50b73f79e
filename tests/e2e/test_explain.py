# SPDX-License-Identifier: MIT
"""Codes of errors: each has a section in docs/errors.md that `explain` prints, and the section's
examples do what they claim."""

import json
import os
import re
import subprocess

import harness

HEAD = re.compile(r"(?m)^## (\S+)\n\n([^\n]+)\n")
BLOCK = re.compile(r"(?ms)^```(\w+) (wrong|right)( run)?\n(.*?)^```$")
LIST = re.compile(r'(?m)^    X\((\w+), "([a-z-]+)"\)')
SAID = re.compile(r"(?m)(?:error|warning|tidemill[^:\n]*): .* \[([a-z-]+)\]$")
PIPELINE = "pipeline: p\nsources: { in: { type: stdio } }\n" \
           "sinks: { out: { type: stdio, inputs: in } }\n"

# What no example can show: the machine's failures, or what no built-in plugin has. By unit tests.
UNITS = {
    "fenced": "engine/test_mend.c",
    "deprecated": "config/test_reasons.c",
    "out-of-memory": "base/test_error.c",
    "limit-reached": "base/test_error.c",
    "corrupt-data": "base/test_error.c",
    "unavailable": "base/test_error.c",
    "internal-error": "base/test_error.c",
}

# What else an example shows, because it follows from the first.
FOLLOWS = {"unknown-anchor": {"wrong-value"}, "no-source": {"unknown-node"},
           "no-sink": {"unread-output"}}


def source(*parts):
    with open(os.path.join(harness.SOURCE, *parts), encoding="utf-8") as file:
        return file.read()


def sections():
    """[(code, text)] of docs/errors.md."""
    text = source("docs/errors.md")
    parts = re.split(r"(?m)^## ", text)[1:]
    return [part.split("\n", 1) for part in parts]


class Explain(harness.TestCase):
    def test_each_code_has_its_section(self):
        codes = [code for _, code in LIST.findall(source("runtime/base/reason.h"))]
        self.assertGreater(len(codes), 50)
        self.assertEqual(codes, [code for code, _ in sections()])
        self.assertEqual(codes, [code for code, _ in HEAD.findall(source("docs/errors.md"))])

    def test_no_code_is_dead(self):
        for name, code in LIST.findall(source("runtime/base/reason.h")):
            text = dict(sections())[code]
            kinds = {block[1] for block in BLOCK.findall(text)}
            with self.subTest(code):
                self.assertEqual(kinds, set() if code in UNITS else {"wrong", "right"})
                if code in UNITS:
                    unit = source("tests/unit", UNITS[code])
                    self.assertRegex(unit, rf"REASON_{name}\b|ERR_{name}\b")

    def scratch(self, code, number):
        name = re.sub(r"\W", "_", f"{code}_{number}")
        os.mkdir(self.path(name))
        return name

    def run_block(self, code, number, block):
        """Exit status and the codes that were said."""
        language, _, run, text = block
        name = self.scratch(code, number)
        self.write(f"{name}/pipeline.yaml", text if language == "yaml" else PIPELINE)
        if language == "yaml":
            done = self.tidemill("run" if run else "check", "pipeline.yaml", cwd=self.path(name))
            return done.status, SAID.findall(done.err), done
        environment = self.environment({"PATH": os.path.dirname(harness.TIDEMILL) + os.pathsep
                                                + os.environ["PATH"]})
        done = subprocess.run(["bash", "-euc", text], cwd=self.path(name), env=environment,
                              capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, SAID.findall(done.stderr), done

    def test_examples_do_what_they_claim(self):
        for code, text in sections():
            for number, block in enumerate(BLOCK.findall(text)):
                with self.subTest(code=code, example=number):
                    status, said, done = self.run_block(code, number, block)
                    if block[1] == "wrong":
                        self.assertIn(code, said, done)
                        self.assertLessEqual(set(said), {code} | FOLLOWS.get(code, set()), done)
                    else:
                        self.assertEqual((status, said), (0, []), done)

    def test_explain(self):
        listed = self.succeeds("explain").out.splitlines()
        self.assertEqual([line.split()[0] for line in listed], [code for code, _ in sections()])
        for code, text in sections():
            done = self.succeeds("explain", code)
            self.assertTrue(done.out.startswith(f"{code}: "), done)
            for _, kind, _, example in BLOCK.findall(text):
                self.assertIn(f"{kind}:\n\n    {example.splitlines()[0]}\n", done.out)
            self.assertNotIn("```", done.out)
            self.assertNotIn("## ", done.out)
        self.assertEqual(self.succeeds("explain", "[circle]").out,
                         self.succeeds("explain", "circle").out)

    def test_as_json(self):
        pages = json.loads(self.succeeds("explain", "--json").out)
        self.assertEqual([page["code"] for page in pages], [code for code, _ in sections()])
        for page, (code, text) in zip(pages, sections()):
            examples = [{"kind": kind, "language": language, "text": example}
                        for language, kind, _, example in BLOCK.findall(text)]
            self.assertEqual(page["examples"], examples)
            self.assertIn(page["summary"], text)
            if code == "circle":
                self.assertEqual(json.loads(self.succeeds("explain", "-j", code).out), page)

    def test_near_code(self):
        for arguments, text in ((["unknwon-key"], "did you mean 'unknown-key'?"),
                                (["zzzzzzzz"], "no error has the code 'zzzzzzzz' [wrong-input]"),
                                (["circle", "usage"], "one code at a time")):
            done = self.tidemill("explain", *arguments)
            self.assertEqual((done.status, done.out), (2, ""), done)
            self.assertIn(text, done.err)


if __name__ == "__main__":
    harness.main()
