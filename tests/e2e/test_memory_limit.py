# SPDX-License-Identifier: MIT
"""`limits.memory`: sources wait where there is no room, and say so where there will be none."""

import harness

GROWS = """
pipeline: grows
limits: { memory: 96MiB }
sources:
  in:
    type: generator
    count: 100000000
    fields: { key: { int: [0, 1000000000000] }, ts: { int: [0, 1000] } }
    event_time: { field: ts, unit: ms }
operators:
  all:
    type: aggregate
    inputs: in
    key_by: key
    window: { global: true }
    compute: { n: count() }
    limits: { state: 10GiB }
sinks:
  out: { type: "null", inputs: all }
"""


def resident(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        for line in file:
            if line.startswith("VmHWM"):
                return int(line.split()[1]) * 1024
    return 0


class MemoryLimit(harness.TestCase):
    def test_state_that_grows_for_ever(self):
        self.write("p.yaml", GROWS)
        running = self.start("run", "p.yaml", "-q")
        most = [0]

        def ends():
            if running.alive():
                try:
                    most[0] = max(most[0], resident(running.process.pid))
                except OSError:
                    pass
            return not running.alive()

        harness.wait_until(ends, "the end", 60)
        done = running.wait()
        self.assertEqual(done.status, 1, done)
        self.assertIn("limits.memory", done.err)
        self.assertGreater(most[0], 64 << 20)
        self.assertLess(most[0], 144 << 20)

    def test_enough_is_not_noticed(self):
        self.write("p.yaml", GROWS.replace("100000000", "1000"))
        self.succeeds("run", "p.yaml", "-q")


if __name__ == "__main__":
    harness.main()
