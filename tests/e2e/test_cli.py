# SPDX-License-Identifier: MIT
"""The command line itself: help, versions, near names, exit statuses."""

import json
import os
import re
import subprocess

import harness

COMMANDS = ["demo", "new", "run", "check", "test", "plugins", "graph", "schema", "explain", "bench"]


class Cli(harness.TestCase):
    def test_help_lists_all_commands(self):
        for arguments in (["--help"], ["-h"], ["help"]):
            done = self.succeeds(*arguments)
            for command in COMMANDS:
                self.assertRegex(done.out, rf"(?m)^  {command} ")
            self.assertEqual(done.err, "")

    def test_each_command_has_help_with_an_example(self):
        listed = re.findall(r"(?m)^  ([a-z]+)  ", self.succeeds("--help").out)
        self.assertLessEqual(set(COMMANDS), set(listed))
        for command in listed:
            for arguments in ([command, "--help"], ["help", command], [command, "-h"]):
                done = self.succeeds(*arguments)
                self.assertRegex(done.out, rf"usage: tidemill {command} ")
                self.assertRegex(done.out, rf"example:\n  .*tidemill {command}")

    def test_examples_of_help_run(self):
        for name in ("configs", "scripts"):
            os.symlink(os.path.join(harness.SOURCE, name), self.path(name))
        for name in ("traffic.yaml", "kafka.yaml"):
            os.symlink(self.path("configs", name), self.path(name))
        path = os.path.dirname(harness.TIDEMILL) + os.pathsep + os.environ["PATH"]
        # These want a broker, a drawing program, minutes, a compiler and installed headers, or a
        # pipeline that runs, or did.
        elsewhere = {"run", "bench", "plugin", "why", "checkpoint", "state"}
        listed = re.findall(r"(?m)^  ([a-z]+)  ", self.succeeds("--help").out)
        for command in listed:
            examples = self.succeeds(command, "--help").out.split("\nexample:\n")[1].splitlines()
            for example in examples:
                if command in elsewhere or "| dot " in example:
                    continue
                with self.subTest(example.strip()):
                    done = subprocess.run(["bash", "-euo", "pipefail", "-c", example], text=True,
                                          cwd=self.dir, env=self.environment({"PATH": path}),
                                          capture_output=True, timeout=120, check=False)
                    self.assertEqual(done.returncode, 0, f"{example}\n{done.stderr}")

    def test_version(self):
        self.assertRegex(self.succeeds("--version").out, r"^tidemill \d+\.\d+\.\d+\n$")

    def wrong(self, arguments, *texts):
        done = self.tidemill(*arguments)
        self.assertEqual(done.status, 2, done)
        self.assertEqual(done.out, "", done)
        for text in texts:
            self.assertIn(text, done.err)

    def test_wrong_usage(self):
        self.wrong([], "usage: tidemill COMMAND")
        self.wrong(["chekc"], "no command 'chekc'; did you mean 'check'?")
        self.wrong(["zzzzzzzz"], "no command 'zzzzzzzz' [usage]\n")
        self.wrong(["run", "--wiht", "x"], "unknown option '--wiht'; did you mean '--with'?")
        self.wrong(["run", "--zzzzzz"], "unknown option '--zzzzzz' [usage]\n")
        self.wrong(["run", "-Z"], "unknown option '-Z'")
        self.wrong(["run", "--with"], "option '--with' needs a value: --with FILE")
        self.wrong(["check", "-w"], "needs a value")
        self.wrong(["run", "--quiet=yes"], "option '--quiet' takes no value")
        self.wrong(["run"], "which pipeline?", "see: tidemill run --help")
        self.wrong(["check"], "which pipeline?")
        self.wrong(["demo", "now"], "unexpected argument 'now'")
        self.wrong(["demo", "--for", "soon"], "--for soon: expected a duration such as")
        self.wrong(["demo", "--windows", "-3"], "--windows -3: expected a whole number")

    def test_a_missing_pipeline(self):
        for command in ("run", "check"):
            self.wrong([command, "nowhere.yaml"], "nowhere.yaml")

    def test_plugins(self):
        names = {"file", "generator", "kafka", "log", "null", "stdio", "tcp_poll", "tcp_serve"}
        done = self.succeeds("plugins")
        self.assertEqual({line.split()[0] for line in done.out.splitlines()}, names, done)
        listed = json.loads(self.succeeds("plugins", "--json").out)
        self.assertEqual({plugin["name"] for plugin in listed}, names)
        for plugin in listed:
            self.assertTrue(plugin["help"] and plugin["license"] and plugin["version"], plugin)
            self.assertTrue({"source", "sink", "connection"} & set(plugin), plugin)

    def test_options_of_a_plugin(self):
        done = self.succeeds("plugins", "tcp_poll")
        self.assertRegex(done.out, r"(?m)^  targets +list of text, required")
        one = json.loads(self.succeeds("plugins", "tcp_poll", "--json").out)
        self.assertIn("targets", [option["name"] for option in one["source"]])
        self.wrong(["plugins", "tcp_pol"], "no plugin 'tcp_pol'")


if __name__ == "__main__":
    harness.main()
