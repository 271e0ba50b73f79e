# SPDX-License-Identifier: MIT
"""A case of a random test, in one lane and in several: the same results in each."""
import subprocess

SEVERAL = (2, 3, 8)


def run(tidemill, path, seed):
    """What `tidemill test` did with the file: in one lane, or in several when that was good."""
    for lanes in (1, SEVERAL[seed % len(SEVERAL)]):
        done = subprocess.run([tidemill, "test", path, "--parallelism", str(lanes)],
                              capture_output=True, text=True, timeout=60, check=False)
        if done.returncode:
            print(f"in {lanes} lanes:")
            break
    return done
