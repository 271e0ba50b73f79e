# SPDX-License-Identifier: MIT
"""The operator author's guide tells the truth: its blocks are files and commands of one directory,
taken in turn. The word behind a block's language is the file's name; a block of `text` behind one
of `sh` is its whole output."""

import os
import re
import subprocess

import harness

BLOCK = re.compile(r"(?m)^```(\w+) ?(\S*)\n(.*?)^```$", re.DOTALL)


class Guide(harness.TestCase):
    def blocks(self):
        with open(os.path.join(harness.SOURCE, "docs/operator-guide.md"), encoding="utf-8") as file:
            return BLOCK.findall(file.read())

    def shell(self, commands):
        path = os.path.dirname(harness.TIDEMILL) + os.pathsep + os.environ["PATH"]
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", commands], cwd=self.dir, text=True,
                              env=self.environment({"PATH": path}), capture_output=True,
                              timeout=60, check=False)
        self.assertEqual(done.returncode, 0, f"{commands}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def test_blocks_in_turn(self):
        blocks = self.blocks()
        self.assertGreater(len(blocks), 25)
        out = None
        for language, name, text in blocks:
            with self.subTest(text[:60]):
                if language == "sh":
                    out = self.shell(text)
                elif language == "text":
                    self.assertEqual(out, text)
                else:
                    self.assertTrue(name, "a block that is no file is not tested")
                    self.write(name, text)

    def test_all_files_are_good(self):
        for language, name, text in self.blocks():
            if name:
                self.write(name, text)
        for language, name, _ in self.blocks():
            if language == "yaml":
                self.succeeds("check", name)
        done = self.succeeds("test", ".")
        self.assertIn("6 passed, 0 failed\n", done.out)

    def test_all_kinds_of_operators_are_shown(self):
        text = "".join(text for language, _, text in self.blocks() if language == "yaml")
        scripts = "".join(text for language, _, text in self.blocks() if language == "lua")
        for kind in ("filter", "route", "flat_map", "aggregate", "map", "process"):
            self.assertIn(f"type: {kind}", text)
        for word in ("test.load", "agg {", "emit", "conf.", "drop"):
            self.assertIn(word, scripts)


if __name__ == "__main__":
    harness.main()
