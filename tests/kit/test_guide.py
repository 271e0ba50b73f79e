# SPDX-License-Identifier: MIT
"""docs/plugin-guide.md tells the truth: its commands run in their order, in one directory; a block
of `text` is the output of the one before; fragments of C are what a new plugin has."""

import os
import re
import subprocess
import sys

BUILD = os.environ["TIDEMILL_BUILD"]
SOURCE = os.environ["TIDEMILL_SOURCE"]
sys.path.insert(0, os.path.join(SOURCE, "tests/e2e"))
import harness  # noqa: E402

BLOCK = re.compile(r"(?m)^```(\w+)\n(.*?)^```$", re.DOTALL)
FILE = re.compile(r"/\* (\w+\.c) \*/\n")


class Guide(harness.TestCase):
    def shell(self, commands):
        env = {**os.environ, "tidemill_DIR": BUILD, "PKG_CONFIG_PATH": self.path("pc"),
               "PATH": BUILD + ":" + os.environ["PATH"]}
        done = subprocess.run(["bash", "-euc", commands], cwd=self.path("."),
                              text=True, env=env, capture_output=True, timeout=200, check=False)
        self.assertEqual(done.returncode, 0, f"{commands}\n{done.stdout}\n{done.stderr}")
        self.assertNotIn("warning:", done.stdout + done.stderr)
        return done.stdout

    def test_every_block(self):
        self.write("pc/tidemill.pc", "Name: tidemill\nDescription: of the build tree\nVersion: 0\n"
                   f"Cflags: -I{SOURCE}/runtime/include\n")
        with open(os.path.join(SOURCE, "docs/plugin-guide.md"), encoding="utf-8") as file:
            blocks = BLOCK.findall(file.read())
        self.assertGreater(len(blocks), 7)
        out, fragments = "", []
        for language, text in blocks:
            with self.subTest(text[:40]):
                named = FILE.match(text)
                if language == "sh":
                    out = self.shell(text)
                elif language == "text":
                    self.assertEqual(out, text)
                elif named:
                    self.write(named[1], text)
                else:
                    self.assertEqual(language, "c")
                    fragments.append(text)
        made = "".join(open(self.path("beat", name), encoding="utf-8").read()
                       for name in ("plugin.c", "source.c", "sink.c"))
        self.assertEqual(len(fragments), 2)
        for text in fragments:
            self.assertIn(text, made)

    def test_names_exist(self):
        with open(os.path.join(SOURCE, "docs/plugin-guide.md"), encoding="utf-8") as file:
            text = file.read()
        headers = ""
        folder = os.path.join(SOURCE, "runtime/include/tidemill")
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                headers += file.read()
        for name in re.findall(r"`(TIDE_\w+|tide_\w+)`", text):
            self.assertIn(name, headers)
        for name in re.findall(r"`host->(\w+)", text):
            self.assertIn(f"(*{name})(", headers)
        for name in re.findall(r"`(?:tidemill/)?(\w+\.h)`", text):
            self.assertTrue(os.path.exists(os.path.join(folder, name)), name)


if __name__ == "__main__":
    harness.main()
