# SPDX-License-Identifier: MIT
"""new: what it makes passes its own checks and runs; what is there is left alone."""

import json
import os
import re
import subprocess

import harness

FILES = {".gitignore", ".luarc.json", ".vscode/settings.json", "pipeline.yaml",
         "scripts/bit_rate.lua", "scripts/bit_rate_test.lua", "tidemill.d.lua",
         "tidemill.schema.json"}


class New(harness.TestCase):
    def files(self, *under):
        root = self.path(*under)
        return {os.path.relpath(os.path.join(place, name), root)
                for place, _, names in os.walk(root) for name in names}

    def read(self, *parts):
        with open(self.path(*parts), encoding="utf-8") as file:
            return file.read()

    def test_a_project_works_as_it_is(self):
        done = self.succeeds("new", "deep/traffic")
        self.assertEqual(self.files("deep/traffic"), FILES)
        for name in FILES:
            self.assertIn(name, done.out)
        self.assertIn("no problems", self.succeeds("check", "deep/traffic/pipeline.yaml").out)
        tests = re.search(r"(?m)^  tidemill (test .*)$", done.out)[1]
        self.assertIn("2 passed, 0 failed", self.succeeds(*tests.split()).out)
        made = self.succeeds("run", "-q", "deep/traffic/pipeline.yaml").jsonl()
        self.assertEqual(len(made), 20)
        for record in made:
            self.assertEqual(record["bits_per_second"], record["receive_bytes"] * 8 // 10)

    def test_files_for_the_editor(self):
        self.succeeds("new", "p")
        settings = json.loads(self.read("p/.luarc.json"))
        self.assertEqual(settings["runtime.version"], "Lua 5.4")
        for name in settings["workspace.library"]:
            self.assertTrue(os.path.exists(self.path("p", name)), name)
        with open(os.path.join(harness.SOURCE, "scripts/tidemill.d.lua"), encoding="utf-8") as file:
            self.assertEqual(self.read("p/tidemill.d.lua"), file.read())

    def test_the_schema_is_there_and_used(self):
        self.succeeds("new", "p")
        self.assertEqual(self.read("p/tidemill.schema.json"), self.succeeds("schema").out)
        (name, used), = json.loads(self.read("p/.vscode/settings.json"))["yaml.schemas"].items()
        for path in [name, *used]:
            self.assertTrue(os.path.exists(self.path("p", path)), path)
        first = self.read("p/pipeline.yaml").splitlines()[0]
        self.assertEqual(first, f"# yaml-language-server: $schema={name.removeprefix('./')}")

    def test_nothing_half_made_stays(self):
        os.mkdir(self.path("empty"))
        # After so many KiB of files no more can be written: each file fails in its turn.
        for kib in (0, 1, 2, 4, 8, 16, 32):
            for target in ("deep/er/p", "empty"):
                done = subprocess.run(
                    ["bash", "-c", f'ulimit -f {kib}; trap "" XFSZ; exec "$0" new {target}',
                     harness.TIDEMILL], cwd=self.dir, env=self.environment(None), text=True,
                    capture_output=True, check=False, timeout=60)
                self.assertEqual(done.returncode, 1, done)
                self.assertIn("File too large [input-output]", done.stderr)
                self.assertEqual(sorted(os.listdir(self.dir)), ["empty"])
                self.assertEqual(os.listdir(self.path("empty")), [])

    def test_the_pipeline_is_named_after_the_directory(self):
        for given, name in (("traffic", "traffic"), ("a b:c", "a_b_c"), ("..x", "x"),
                            ("-_", "my_pipeline"), ("\u00e9t\u00e9", "t__"), ("y" * 90, "y" * 64),
                            ("slash/", "slash")):
            with self.subTest(given):
                self.succeeds("new", "--", given)
                self.assertIn(f"\npipeline: {name}\n", self.read(given, "pipeline.yaml"))
                self.succeeds("check", "--", os.path.join(given, "pipeline.yaml"))

    def test_an_empty_directory_is_taken_and_a_full_one_refused(self):
        os.mkdir(self.path("empty"))
        self.succeeds("new", ".", cwd=self.path("empty"))
        self.assertEqual(self.files("empty"), FILES)
        before = self.read("empty/pipeline.yaml")
        done = self.tidemill("new", "empty")
        self.assertEqual(done.status, 3, done)
        self.assertIn("empty is not empty: nothing was changed", done.err)
        self.assertEqual(self.read("empty/pipeline.yaml"), before)
        self.write("hidden/.git", "")
        self.assertEqual(self.tidemill("new", "hidden").status, 3)
        self.assertEqual(self.files("hidden"), {".git"})

    def test_wrong_use(self):
        self.write("file", "")
        for arguments, status in (([], 2), (["a", "b"], 2), (["file"], 1), (["file/x"], 1)):
            done = self.tidemill("new", *arguments)
            self.assertEqual(done.status, status, done)
            self.assertTrue(done.err)
        self.assertIn("tidemill new traffic", self.succeeds("new", "--help").out)


if __name__ == "__main__":
    harness.main()
