# SPDX-License-Identifier: MIT
"""Compiles each public header by itself, as strict C11 and as C++17: headers.py DIR CC CXX."""

import os
import subprocess
import sys
import tempfile

STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-pedantic-errors", "-Werror", "-fsyntax-only"]


def compiles(compiler, flags, folder, header, suffix):
    with tempfile.NamedTemporaryFile("w", suffix=suffix) as source:
        source.write(f'#include "tidemill/{header}"\n#include "tidemill/{header}"\nint used;\n')
        source.flush()
        command = [compiler, *flags, *STRICT, "-I", folder, source.name]
        return subprocess.run(command, check=False).returncode == 0


def main():
    folder, c_compiler, cxx_compiler = sys.argv[1:]
    headers = sorted(os.listdir(os.path.join(folder, "tidemill")))
    ways = [(c_compiler, ["-std=c11"], ".c"), (cxx_compiler, ["-std=c++17"], ".cc")]
    failed = [f"{header} by {compiler}" for header in headers for compiler, flags, suffix in ways
              if not compiles(compiler, flags, folder, header, suffix)]
    print("\n".join(failed) or f"{len(headers)} headers")
    return 1 if failed or not headers else 0


if __name__ == "__main__":
    sys.exit(main())
