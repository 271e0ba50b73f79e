#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The queries of NEXMark in configs/nexmark/, run on 110 events, against the rows that RisingWave's
end-to-end tests (Apache-2.0) have for them, as multisets,
with 1, 2 and 7 lanes.

    test_nexmark.py TIDEMILL CONFIGS"""
import itertools
import json
import os
import pathlib
import subprocess
import sys
import tempfile

DATA = pathlib.Path(__file__).resolve().parent / "nexmark"
BID = ["auction", "bidder", "price", "date_time"]
COLUMNS = {
    "q0.yaml": BID,
    "q1.yaml": BID,
    "q2.yaml": ["auction", "price"],
    "q3.yaml": ["name", "city", "state", "id"],
    "q5.yaml": ["auction", "num"],
    "q7.yaml": ["auction", "price", "bidder", "date_time"],
    "q8.yaml": ["id", "name", "starttime"],
    "q17.yaml": ["auction", "day", "total_bids", "rank1_bids", "rank2_bids", "rank3_bids",
                 "min_price", "max_price", "avg_price", "sum_price"],
    "q18.yaml": ["auction", "bidder", "price", "channel", "url", "date_time", "extra"],
    "q22.yaml": ["auction", "bidder", "price", "channel", "dir1", "dir2", "dir3"],
}


def plain(word):
    """Numbers that are equal become one text; all else stays."""
    try:
        return f"{float(word):.2f}"
    except ValueError:
        return word


def normal(row):
    return " ".join(plain(word) for word in row.split())


def rows_of(columns, output):
    records = [json.loads(line) for line in output.splitlines()]
    return sorted(normal(" ".join(str(r[name]) for name in columns)) for r in records)


def run(tidemill, config, lanes, directory):
    env = {**os.environ, "EVENTS": str(DATA / "events.jsonl")}
    return subprocess.run([tidemill, "run", "-q", "--parallelism", lanes, config],
                          capture_output=True, text=True, timeout=60, check=False, env=env,
                          cwd=directory)


def main(tidemill, configs):
    expected = json.loads((DATA / "expected.json").read_text())
    failed = []
    with tempfile.TemporaryDirectory() as directory:
        for query, lanes in itertools.product(COLUMNS, ["1", "2", "7"]):
            columns = COLUMNS[query]
            done = run(tidemill, pathlib.Path(configs).resolve() / query, lanes, directory)
            got = rows_of(columns, done.stdout) if done.returncode == 0 else []
            wanted = sorted(map(normal, expected[query.removesuffix(".yaml")]))
            if got == wanted:
                continue
            failed.append(query)
            print(f"{query}, {lanes} lanes: exit status {done.returncode}\n{done.stderr}")
            print("".join(f"  - {row}\n" for row in wanted if row not in got), end="")
            print("".join(f"  + {row}\n" for row in got if row not in wanted), end="")
    good = len(COLUMNS) - len(set(failed))
    print(f"{good} of {len(COLUMNS)} queries give the rows that they should")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
