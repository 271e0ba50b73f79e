#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""lint.py [--root DIR] [CHECK...]: runs the checks named, or all; exit status 1 on a finding."""

import argparse
import os
import sys

import banned
import configs
import layers
import sizes
import text
import tools

CHECKS = {
    "layers": layers.check,
    "sizes": sizes.check,
    "banned": banned.check,
    "text": text.check,
    "configs": configs.check,
    "format": tools.check_format,
    "lua": tools.check_lua,
}


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", default=os.path.dirname(os.path.dirname(here)))
    parser.add_argument("checks", nargs="*", metavar="CHECK", help=" ".join(CHECKS))
    options = parser.parse_args()
    unknown = [name for name in options.checks if name not in CHECKS]
    if unknown:
        parser.error(f"no check '{unknown[0]}'; there are: {' '.join(CHECKS)}")
    count = 0
    for name in options.checks or CHECKS:
        for problem in CHECKS[name](options.root):
            print(f"{problem}  [{name}]")
            count += 1
    print(f"lint: {count} finding{'' if count == 1 else 's'}")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
