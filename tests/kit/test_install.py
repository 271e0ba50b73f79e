# SPDX-License-Identifier: MIT
"""cmake --install into a prefix of its own: the program finds its plugins there, and authors find
the headers by pkg-config and by find_package."""

import glob
import os
import shutil
import subprocess
import sys

BUILD = os.environ["TIDEMILL_BUILD"]
sys.path.insert(0, os.path.join(os.environ["TIDEMILL_SOURCE"], "tests/e2e"))
import harness  # noqa: E402

STRICT = ["-std=c11", "-Wall", "-Wextra", "-pedantic", "-Werror"]


class Install(harness.TestCase):
    def run_tool(self, *command, **env):
        env = {**os.environ, **env}
        env.pop("TIDEMILL_PLUGINS", None)
        done = subprocess.run(command, cwd=self.path("."), capture_output=True, text=True,
                              timeout=200, check=False, env=env)
        self.assertEqual(done.returncode, 0, done)
        return done.stdout

    def setUp(self):
        super().setUp()
        self.prefix = self.path("prefix")
        self.run_tool("cmake", "--install", BUILD, "--prefix", self.prefix)
        self.program = os.path.join(self.prefix, "bin/tidemill")

    def names(self, *parts):
        return {os.path.basename(path) for path in glob.glob(os.path.join(self.prefix, *parts))}

    def test_what_is_where(self):
        headers = os.path.join(os.environ["TIDEMILL_SOURCE"], "runtime/include/tidemill/*.h")
        built = glob.glob(os.path.join(BUILD, "plugins/*.so"))
        self.assertEqual(self.names("include/tidemill/*"),
                         {os.path.basename(path) for path in glob.glob(headers)})
        self.assertEqual(self.names("lib/tidemill/plugins/*"),
                         {os.path.basename(path) for path in built})
        self.assertIn("generator", self.run_tool(self.program, "plugins"))
        version = self.run_tool(self.program, "--version").split()[1]
        found = self.run_tool("pkg-config", "--modversion", "tidemill",
                              PKG_CONFIG_PATH=os.path.join(self.prefix, "lib/pkgconfig"))
        self.assertEqual(found.strip(), version)

    def test_authors_find_it(self):
        packages = {"PKG_CONFIG_PATH": os.path.join(self.prefix, "lib/pkgconfig")}
        shutil.move(self.prefix, self.path("moved"))  # nothing depends on the place
        self.prefix = self.path("moved")
        packages = {"PKG_CONFIG_PATH": os.path.join(self.prefix, "lib/pkgconfig")}
        program = os.path.join(self.prefix, "bin/tidemill")
        self.run_tool(program, "plugin", "new", "mine")
        flags = self.run_tool("pkg-config", "--cflags", "tidemill", **packages).split()
        self.run_tool("cc", *STRICT, "-shared", "-fPIC", *flags,
                      *glob.glob(self.path("mine/*.c")), "-o", "mine.so")
        out = self.run_tool(program, "plugin", "check", "mine.so", "--set", "path=out.jsonl")
        self.assertIn("ok   sink: write", out)
        self.run_tool("cmake", "-S", "mine", "-B", "mine/build",
                      f"-DCMAKE_PREFIX_PATH={self.prefix}")
        self.run_tool("cmake", "--build", "mine/build")
        self.run_tool("ctest", "--test-dir", "mine/build", "--output-on-failure")
        self.run_tool("cmake", "--install", "mine/build", "--prefix", self.prefix)
        self.assertIn("mine", self.run_tool(program, "plugins"))

    def test_another_major_version_is_refused(self):
        self.write("p/CMakeLists.txt", "cmake_minimum_required(VERSION 3.16)\nproject(p C)\n"
                   "find_package(tidemill 99 REQUIRED)\n")
        done = subprocess.run(["cmake", "-S", self.path("p"), "-B", self.path("p/b"),
                               f"-DCMAKE_PREFIX_PATH={self.prefix}"], capture_output=True,
                              text=True, timeout=100, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("compatible with", done.stderr.replace("\n", " "))


if __name__ == "__main__":
    harness.main()
