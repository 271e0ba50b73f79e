#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""report.py [--html] [--build DIR]: lines of runtime/ that ran, by folder, and whether they are
enough. Exit status 1 when they are not."""

import argparse
import collections
import fnmatch
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# what, which files, percent of their lines taken together
BARS = [
    ("runtime/", ["runtime/*"], 90),
    ("JSON reader", ["runtime/record/json_*"], 95),
    ("framing", ["runtime/record/framing*"], 95),
    ("journal", ["runtime/state/journal*"], 95),
    ("loader", ["runtime/plugin/loader.c"], 95),
]
FILE_BAR = 90  # files below are listed


class Count:
    def __init__(self):
        self.lines = self.ran = 0

    def add(self, lines, ran):
        self.lines += lines
        self.ran += ran

    @property
    def percent(self):
        return 100 * self.ran / self.lines if self.lines else 100.0

    def __str__(self):
        return f"{self.percent:5.1f} %  {self.ran:6} of {self.lines:6}"


def collect(build, more):
    """{file: [(line number, times)]}"""
    out = os.path.join(build, "coverage.json")
    command = ["gcovr", "--root", ROOT, "--filter", os.path.join(ROOT, "runtime/"), "--json", out]
    subprocess.run([*command, *more, os.path.join(build, "runtime")], check=True,
                   stdout=subprocess.DEVNULL)
    with open(out, encoding="utf-8") as file:
        return {entry["file"]: [(line["line_number"], line["count"]) for line in entry["lines"]
                                if not line.get("gcovr/noncode")]
                for entry in json.load(file)["files"]}


def ranges(numbers):
    """1-3,7"""
    runs = []
    for number in numbers:
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(f"{first}-{last}" if last > first else str(first) for first, last in runs)


def count(files, patterns):
    total = Count()
    for path, lines in files.items():
        if any(fnmatch.fnmatch(path, pattern) for pattern in patterns):
            total.add(len(lines), sum(times > 0 for _, times in lines))
    return total


def print_folders(files):
    folders = collections.defaultdict(Count)
    for path, lines in files.items():
        folders[os.path.dirname(path)].add(len(lines), sum(times > 0 for _, times in lines))
    for folder, total in sorted(folders.items()):
        print(f"{folder:28} {total}")


def print_low_files(files):
    for path in sorted(files):
        total = count(files, [path])
        if total.percent < FILE_BAR:
            missing = ranges([number for number, times in files[path] if not times])
            print(f"{path:40} {total.percent:5.1f} %  lines {missing}")


def check_bars(files):
    good = True
    for what, patterns, percent in BARS:
        total = count(files, patterns)
        enough = total.lines > 0 and total.percent >= percent
        good = good and enough
        print(f"{what:28} {total}  {'enough' if enough else 'TOO FEW'}: at least {percent} %")
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default=os.path.join(ROOT, "build", "coverage"), metavar="DIR")
    parser.add_argument("--html", action="store_true", help="also pages, line by line, in DIR/html")
    options = parser.parse_args()
    more = []
    if options.html:
        os.makedirs(os.path.join(options.build, "html"), exist_ok=True)
        more = ["--html-details", os.path.join(options.build, "html", "index.html")]
    files = collect(options.build, more)
    print_folders(files)
    print()
    print_low_files(files)
    print()
    good = check_bars(files)
    if options.html:
        print(f"\nLine by line: {os.path.join(options.build, 'html', 'index.html')}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
