#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""traffic_check.py READINGS.jsonl RESULTS.jsonl: is each total and average right, exactly?

An independent calculation of what `configs/traffic.yaml` does: per device and tumbling minute of
event time the totals of four counters, and the averages of bytes per packet (null without packets).
Nothing is rounded: integers are Python's, and a quotient of integers below 2**53 is the nearest
double in Python as in C.
"""

import json
import sys

WINDOW_MS = 60000
COUNTERS = ("receive_bytes", "send_bytes", "receive_packets", "send_packets")
AVERAGES = (("average_receive_bytes", "total_receive_bytes", "total_receive_packets"),
            ("average_send_bytes", "total_send_bytes", "total_send_packets"))


def expected(readings, window_ms=WINDOW_MS):
    """{(device, start): result} for any iterable of readings."""
    results = {}
    for reading in readings:
        start = reading["ts"] // window_ms * window_ms
        result = results.get((reading["device"], start))
        if result is None:
            result = {"device": reading["device"], "start": start, "end": start + window_ms}
            result.update({"total_" + name: 0 for name in COUNTERS})
            results[reading["device"], start] = result
        for name in COUNTERS:
            result["total_" + name] += reading[name]
    for result in results.values():
        for name, total, packets in AVERAGES:
            result[name] = result[total] / result[packets] if result[packets] else None
    return results


def same(wanted, found):
    """Equal, and of the same types: 1, 1.0 and true are three things."""
    return wanted == found and all(type(found[name]) is type(wanted[name]) for name in wanted)


def differences(readings, results, window_ms=WINDOW_MS):
    """A list of texts, empty when all is right; every result is wanted, and wanted once."""
    wanted = expected(readings, window_ms)
    seen, wrong = set(), []
    for result in results:
        key = (result.get("device"), result.get("start"))
        if key in seen:
            wrong.append(f"twice: {result}")
        elif key not in wanted:
            wrong.append(f"not wanted: {result}")
        elif not same(wanted[key], result):
            wrong.append(f"wanted {wanted[key]}\n found {result}")
        seen.add(key)
    wrong += [f"missing: {wanted[key]}" for key in sorted(wanted) if key not in seen]
    return wrong


def lines(path):
    with open(path, encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    wrong = differences(lines(sys.argv[1]), lines(sys.argv[2]))
    print("\n".join(wrong[:20]))
    print(f"{len(wrong)} differences")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
