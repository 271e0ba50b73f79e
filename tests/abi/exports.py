# SPDX-License-Identifier: MIT
"""Each plugin exports one symbol and nothing else: exports.py DIR..."""

import glob
import os
import subprocess
import sys

ALLOWED = {"tide_plugin_entry"}
# What compilers and sanitizers add.
IGNORED = ("__asan", "__ubsan", "__tsan", "__odr_asan", "_init", "_fini", "_edata", "_end",
           "__bss_start")


def exported(path):
    text = subprocess.run(["nm", "-D", "--defined-only", path], check=True, capture_output=True,
                          text=True).stdout
    names = {line.split()[-1].split("@")[0] for line in text.splitlines()}
    return {name for name in names if not name.startswith(IGNORED)}


def main():
    paths = [path for folder in sys.argv[1:] for path in glob.glob(os.path.join(folder, "*.so"))]
    wrong = {path: exported(path) for path in paths if exported(path) != ALLOWED}
    for path, names in sorted(wrong.items()):
        print(f"{os.path.basename(path)} exports {', '.join(sorted(names)) or 'nothing'}")
    return 1 if wrong or not paths else 0


if __name__ == "__main__":
    sys.exit(main())
