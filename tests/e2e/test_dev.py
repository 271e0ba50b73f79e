# SPDX-License-Identifier: MIT
"""`./dev` on a machine that lacks this and that: what it installs, and what it runs, in which
order. The programs it calls are stood in for by scripts that write down how they were called."""

import os
import re
import shutil
import subprocess

import harness

TOOLS = ["apt-get", "cmake", "ctest", "python3", "clang-tidy", "nproc", "sudo", "id"]
STUB = """#!/bin/sh
echo "$(basename "$0") $*" >> "$CALLS"
case "$(basename "$0")" in
    nproc) echo 3 ;;
    id) echo "${FAKE_UID:-0}" ;;
    sudo) exec "$@" ;;
    cmake) [ "$1" != --preset ] || { mkdir -p "build/$2" && touch "build/$2/CMakeCache.txt"; } ;;
    ctest) [ -z "$CTEST_FAILS" ] ;;
esac
"""
DPKG_QUERY = """#!/bin/sh
for name; do :; done
case " $MISSING " in
    *" $name "* | *" all "*) echo "dpkg-query: no packages found matching $name" >&2; exit 1 ;;
esac
printf installed
"""


class Dev(harness.TestCase):
    def setUp(self):
        super().setUp()
        os.mkdir(self.path("bin"))
        for tool in TOOLS:
            os.chmod(self.write(f"bin/{tool}", STUB), 0o755)
        os.chmod(self.write("bin/dpkg-query", DPKG_QUERY), 0o755)
        shutil.copy(os.path.join(harness.SOURCE, "dev"), self.path("dev"))

    def dev(self, *arguments, missing="", **env):
        calls = self.path("calls")
        if os.path.exists(calls):
            os.remove(calls)
        env = dict(os.environ, PATH=self.path("bin") + ":/usr/bin:/bin", CALLS=calls,
                   MISSING=missing, **env)
        done = subprocess.run(["bash", "dev", *arguments], cwd=self.dir, env=env, text=True,
                              capture_output=True, check=False)
        done.calls = [line for line in harness.read_lines(calls)
                      if not re.match(r"(nproc|id|sudo) ?", line)]
        return done

    def test_nothing_missing_nothing_installed(self):
        done = self.dev("build")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.calls, ["cmake --preset release -DBUILD_TESTS=OFF",
                                      "cmake --build build/release --target runnable"])
        self.assertNotIn("Installing", done.stderr)

    def test_says_what_and_why(self):
        done = self.dev("build", missing="cmake librdkafka-dev maven")
        self.assertIn("Installing 2 missing Debian packages:\n", done.stderr)
        self.assertRegex(done.stderr, r"(?m)^  cmake +configures the build$")
        self.assertRegex(done.stderr, r"(?m)^  librdkafka-dev +the Kafka plugin$")
        self.assertEqual(done.calls[0], "apt-get update -qq")
        self.assertRegex(done.calls[1],
                         r"^apt-get install .*--no-install-recommends cmake librdkafka-dev$")

    def test_all_missing(self):
        done = self.dev("test", missing="all")
        self.assertEqual(done.returncode, 0, done.stderr)
        installed = " ".join(call for call in done.calls if call.startswith("apt-get install"))
        for package in ("gcc", "cmake", "ninja-build", "pkgconf", "liblua5.4-dev", "libyaml-dev",
                        "libjansson-dev", "librdkafka-dev", "libcunit1-dev", "python3", "maven",
                        "default-jre-headless", "clang-format", "lua-check", "clang",
                        "libclang-rt-dev"):
            self.assertIn(f" {package}", installed + " ")

    def test_the_demo_needs_no_tools_of_tests(self):
        done = self.dev("build", missing="all")
        for package in ("maven", "default-jre-headless", "libcunit1-dev", "clang-format"):
            self.assertNotIn(package, " ".join(done.calls))

    def test_not_root(self):
        done = self.dev("build", missing="cmake", FAKE_UID="1000")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("sudo env DEBIAN_FRONTEND=noninteractive apt-get update -qq",
                      harness.read_lines(self.path("calls")))

    def test_test_runs_all_and_ends_with_the_summary(self):
        done = self.dev("test")
        self.assertEqual(done.calls, [
            "cmake --preset release -DBUILD_TESTS=ON",
            "cmake --build build/release --target all",
            "cmake --preset asan -DBUILD_TESTS=ON",
            "cmake --build build/asan --target all",
            "ctest --test-dir build/asan --output-on-failure --no-tests=error -j 3 -L unit",
            "cmake --preset tsan -DBUILD_TESTS=ON",
            "cmake --build build/tsan --target all",
            "ctest --test-dir build/tsan --output-on-failure --no-tests=error -j 3 "
            "-R unit/(engine|observe)|plugins/ -E kafka|nomem",
            "cmake --preset fuzz -DBUILD_TESTS=OFF",
            "cmake --build build/fuzz --target fuzzers",
            "python3 -B tests/fuzz/run.py --seconds 60 --seed 1",
            "ctest --test-dir build/release --output-on-failure --no-tests=error -j 3",
        ])

    def test_failures_are_not_hidden(self):
        self.assertEqual(self.dev("test", CTEST_FAILS="1").returncode, 1)
        self.write("bin/cmake", "#!/bin/sh\nexit 1\n")
        self.assertEqual(self.dev("build").returncode, 1)
        self.write("bin/apt-get", "#!/bin/sh\nexit 100\n")
        self.assertNotEqual(self.dev("build", missing="gcc").returncode, 0)

    def test_fuzz(self):
        done = self.dev("fuzz", "--seconds", "5", "json", missing="libclang-rt-dev")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("libclang-rt-dev", done.calls[1])
        self.assertEqual(done.calls[2:], [
            "cmake --preset fuzz -DBUILD_TESTS=OFF",
            "cmake --build build/fuzz --target fuzzers",
            "python3 -B tests/fuzz/run.py --seconds 5 json",
        ])

    def test_coverage_reports_also_when_a_test_fails(self):
        done = self.dev("coverage", "--html", CTEST_FAILS="1")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.calls[-2:], [
            "ctest --test-dir build/coverage --output-on-failure --no-tests=error -j 3 "
            "-L unit|plugins|e2e|kit|cases -E kafka",
            "python3 -B tests/coverage/report.py --html",
        ])
        self.assertEqual(self.dev("coverage", "--kafka").calls[-2],
                         "ctest --test-dir build/coverage --output-on-failure --no-tests=error "
                         "-j 3 -L unit|plugins|e2e|kit|cases")

    def test_a_selection(self):
        done = self.dev("test", "-R", "unit/record")
        self.assertEqual(done.calls[-1], "ctest --test-dir build/release --output-on-failure "
                                         "--no-tests=error -j 3 -R unit/record")
        self.assertFalse([call for call in done.calls if "asan" in call])

    def test_build_keeps_a_tree_that_has_tests(self):
        self.dev("test", "-R", "x")
        self.assertEqual(self.dev("build").calls,
                         ["cmake --build build/release --target runnable"])

    def test_all_commands_are_in_the_help(self):
        with open(self.path("dev"), encoding="utf-8") as file:
            commands = re.findall(r"(?m)^cmd_(\w+)\(\)", file.read())
        text = self.dev("help").stdout
        for command in commands:
            self.assertRegex(text, rf"(?m)^  {command} ")

    def test_wrong_command(self):
        done = self.dev("biuld")
        self.assertEqual(done.returncode, 2)
        self.assertIn("no command 'biuld'", done.stderr)

    def test_ci_calls_the_test_command(self):
        os.mkdir(self.path(".ci"))
        shutil.copy(os.path.join(harness.SOURCE, ".ci/run"), self.path(".ci/run"))
        self.write("dev", "#!/bin/sh\necho dev \"$@\" > called\n")
        os.chmod(self.path("dev"), 0o755)
        subprocess.run([self.path(".ci/run")], check=True)
        self.assertEqual(harness.read_lines(self.path("called")), ["dev test"])


if __name__ == "__main__":
    harness.main()
