#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""run.py [--build DIR] [--seconds N] [--jobs N] [TARGET...]: runs fuzz targets.

Each starts from its seeds and from what earlier runs kept in DIR/corpus/TARGET, and adds what
reaches new code there. What breaks a target is kept in DIR/findings and printed as a line for
seeds/TARGET.txt. Exit status 1 when something was found.
"""

import argparse
import glob
import os
import re
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
INPUT_MAX = 4096  # bytes
INPUT_SECONDS = 20  # one input: more than any may take, on a busy machine too
MEMORY_MB = 2048
REPORT_LINES = 20
ESCAPES = {"n": b"\n", "r": b"\r", "t": b"\t", "\\": b"\\"}


def unescape(line):
    """As seeds.c: \\n \\r \\t \\\\ \\xHH."""
    return re.sub(rb"\\(x[0-9a-f]{2}|[nrt\\])",
                  lambda match: bytes([int(match[1][1:], 16)]) if match[1][:1] == b"x"
                  else ESCAPES[match[1].decode()], line)


def escape(data):
    names = {value[0]: "\\" + name for name, value in ESCAPES.items()}
    return "".join(names.get(byte) or (chr(byte) if 0x20 <= byte < 0x7f else f"\\x{byte:02x}")
                   for byte in data)


def read_seeds(path):
    with open(path, "rb") as file:
        content = file.read()
    if not path.endswith(".txt"):
        return [content]
    return [unescape(line) for line in content.split(b"\n") if line and line[:1] != b"#"]


class Target:
    def __init__(self, build, name):
        self.name = name
        self.program = os.path.join(build, "targets", f"fuzz_{name}")
        self.corpus = os.path.join(build, "corpus", name)
        self.seeds = os.path.join(build, "seeds", name)
        self.findings = os.path.join(build, "findings")
        self.log = os.path.join(build, "logs", f"{name}.log")
        for folder in (self.corpus, self.seeds, self.findings, os.path.dirname(self.log)):
            os.makedirs(folder, exist_ok=True)
        self.before = set(self.found())
        self.process = None

    def found(self):
        return glob.glob(os.path.join(self.findings, f"{self.name}-*"))

    def write_seeds(self):
        with open(self.program + ".seeds", encoding="utf-8") as file:
            paths = file.read().split()
        for number, data in enumerate(data for path in paths for data in read_seeds(path)):
            with open(os.path.join(self.seeds, f"{number:04}"), "wb") as file:
                file.write(data)

    def start(self, seconds, seed):
        self.write_seeds()
        command = [self.program, f"-max_total_time={seconds}", f"-seed={seed}",
                   f"-timeout={INPUT_SECONDS}",
                   f"-rss_limit_mb={MEMORY_MB}", f"-max_len={INPUT_MAX}",
                   f"-artifact_prefix={self.findings}/{self.name}-", "-print_final_stats=1",
                   self.corpus, self.seeds]
        env = dict(os.environ, UBSAN_OPTIONS="print_stacktrace=1")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=env)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait()

    def report(self):
        """Says how it went; True when nothing was found."""
        with open(self.log, encoding="utf-8", errors="replace") as file:
            text = file.read()
        runs = re.search(r"stat::number_of_executed_units:\s*(\d+)", text)
        covered = re.findall(r"cov: (\d+)", text)
        print(f"{self.name:10} {runs[1] if runs else '?':>10} runs, "
              f"{covered[-1] if covered else '?':>6} places reached, "
              f"corpus {len(os.listdir(self.corpus))}", flush=True)
        if self.process.returncode == 0:
            return True
        start = re.search(r"broken promise|ERROR: |runtime error|SUMMARY", text)
        print(f"--- {self.name} broke (all of it: {self.log}):")
        lines = text[text.rfind("\n", 0, start.start()) + 1 if start else -4000:].splitlines()
        print("\n".join([line for line in lines if " in fuzzer::" not in line][:REPORT_LINES]))
        for path in sorted(set(self.found()) - self.before):
            with open(path, "rb") as file:
                print(f"--- the input, in {path}; for seeds/{self.name}.txt:\n"
                      f"{escape(file.read())}")
        return False


def run_all(targets, seconds, jobs, seed):
    waiting, running, good = list(targets), [], True
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                running.append(waiting.pop(0))
                running[-1].start(seconds, seed)
            time.sleep(0.1)
            for target in [target for target in running if target.process.poll() is not None]:
                running.remove(target)
                good = target.report() and good
    finally:
        for target in running:
            target.stop()
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.path.join(ROOT, "build", "fuzz"), metavar="DIR")
    parser.add_argument("--seconds", type=int, default=60, help="of each target (60)")
    parser.add_argument("--seed", type=int, default=0,
                        help="of what is tried, for a run that is to be like another (0: random)")
    parser.add_argument("--jobs", type=int, default=2, help="targets at a time (2)")
    parser.add_argument("targets", nargs="*", metavar="TARGET")
    options = parser.parse_args()
    build = os.path.abspath(options.build)
    names = sorted(os.path.basename(path)[len("fuzz_"):-len(".seeds")]
                   for path in glob.glob(os.path.join(build, "targets", "fuzz_*.seeds")))
    unknown = set(options.targets) - set(names)
    if unknown:
        parser.error(f"no target '{min(unknown)}'; there are: {' '.join(names)}")
    targets = [Target(build, name) for name in options.targets or names]
    return 0 if run_all(targets, options.seconds, options.jobs, options.seed) else 1


if __name__ == "__main__":
    sys.exit(main())
