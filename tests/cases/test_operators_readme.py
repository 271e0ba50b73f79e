#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every pipeline in runtime/operators/README.md is run with its tests. Blocks with a name are files
that stand beside them.

    test_operators_readme.py TIDEMILL README"""
import pathlib
import re
import subprocess
import sys
import tempfile


def main(tidemill, readme):
    text = pathlib.Path(readme).read_text(encoding="utf-8")
    blocks = re.findall(r"```yaml\n(.*?)```", text, re.S)
    failed = 0
    with tempfile.TemporaryDirectory() as directory:
        for name, content in re.findall(r"```\w+ (\S+)\n(.*?)```", text, re.S):
            (pathlib.Path(directory) / name).write_text(content, encoding="utf-8")
        for i, block in enumerate(blocks):
            path = pathlib.Path(directory) / f"example_{i}.yaml"
            path.write_text(block, encoding="utf-8")
            run = subprocess.run([tidemill, "test", path], capture_output=True, text=True,
                                 timeout=60, check=False)
            if run.returncode or "tests:" not in block:
                failed += 1
                print(f"{block}\n{run.stdout}{run.stderr}")
    print(f"{len(blocks) - failed} of {len(blocks)} examples do as they say")
    return 1 if failed or not blocks else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
