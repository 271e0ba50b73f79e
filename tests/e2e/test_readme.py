# SPDX-License-Identifier: MIT
"""The READMEs tell the truth: their commands run, and what they quote is what stands in the files.

A block of `sh` runs in a scratch directory that looks like a built source tree; a block of `text`
right behind it is its whole output. `./dev` itself is tested by test_dev.py: here it only has to
know the command.
"""

import os
import re
import subprocess

import harness

BLOCK = re.compile(r"(?m)^```(\w+)\n(.*?)^```$", re.DOTALL)

DEV = """#!/bin/sh
# Stands in for ./dev: is there such a command?
%s/dev help | grep -q "^  $1 "
"""


def read(*parts):
    with open(os.path.join(harness.SOURCE, *parts), encoding="utf-8") as file:
        return file.read()


class Readme(harness.TestCase):
    def setUp(self):
        super().setUp()
        for name in ("configs", "scripts", "plugins", "runtime"):
            os.symlink(os.path.join(harness.SOURCE, name), self.path(name))
        os.mkdir(self.path("build"))
        os.symlink(os.path.dirname(harness.TIDEMILL), self.path("build/release"))
        os.chmod(self.write("dev", DEV % harness.SOURCE), 0o755)

    def shell(self, commands):
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", commands], cwd=self.dir, text=True,
                              env=self.environment(), capture_output=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, f"{commands}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def test_commands_run(self):
        blocks = BLOCK.findall(read("README.md"))
        commands = [block for block in blocks if block[0] == "sh"]
        self.assertGreater(len(commands), 5)
        for number, (language, text) in enumerate(blocks):
            if language == "sh":
                out = self.shell(text)
                following = blocks[number + 1] if number + 1 < len(blocks) else ("", "")
                if following[0] == "text":
                    self.assertEqual(out, following[1])

    def test_quoted_files_are_the_files(self):
        texts = set()
        for folder in ("configs", "scripts", "plugins/example"):
            for name in os.listdir(os.path.join(harness.SOURCE, folder)):
                if name.endswith((".yaml", ".lua", ".c")):
                    texts.add(read(folder, name))
        quoted = [text for language, text in BLOCK.findall(read("README.md"))
                  if language in ("yaml", "lua", "c")]
        self.assertEqual(len(quoted), 3)
        for text in quoted:
            self.assertIn(text, texts)

    def test_paths_exist(self):
        for readme in ("README.md", "runtime/README.md"):
            for path in re.findall(r"`((?:configs|scripts|plugins|runtime|tests)/[\w./-]+)`",
                                   read(readme)):
                with self.subTest(readme=readme, path=path):
                    self.assertTrue(os.path.exists(os.path.join(harness.SOURCE, path)), path)
        for path in re.findall(r"`([a-z]+/\w+\.[ch])`", read("runtime/README.md")):
            with self.subTest(path=path):
                self.assertTrue(os.path.exists(os.path.join(harness.SOURCE, "runtime", path)), path)

    def test_all_commands_are_in_the_table(self):
        listed = re.findall(r"(?m)^  ([a-z]+)  ", self.succeeds("--help").out)
        named = re.findall(r"(?m)^\| `([a-z]+)[ `]", read("README.md"))
        for command in listed:
            self.assertIn(command, named)


if __name__ == "__main__":
    harness.main()
