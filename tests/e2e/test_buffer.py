# SPDX-License-Identifier: MIT
"""`buffer: { disk }`: a source that cannot be read again loses nothing that it took."""

import collections
import json
import os
import shutil

import harness

HEAD = """
pipeline: collect
delivery: exactly_once
checkpoint: { every: 50ms }
"""

STDIO = HEAD + """
sources:
  in: { type: stdio, buffer: { disk: 1MiB } }
sinks:
  out: { type: file, inputs: in, path: out.jsonl }
"""

COLLECT = HEAD.replace("50ms", "400ms") + """
parallelism: %d
sources:
  in:
    type: tcp_poll
    targets: [%s]
    interval: 10ms
    timeout: 2s
    buffer: { disk: 4MiB, sync: 0s }
    event_time: { field: ts, unit: ms }
    on_error: skip
operators:
  sums:
    type: aggregate
    inputs: in
    key_by: dev
    window: { tumbling: 100ms }
    compute: { count: count(), first: min(seq), last: max(seq) }
sinks:
  out: { type: file, inputs: in, path: out.jsonl }
  windows: { type: file, inputs: sums, path: windows.jsonl }
"""


class Buffer(harness.TestCase):
    def run_stdio(self, lines):
        data = "".join(json.dumps({"n": n}) + "\n" for n in lines)
        return self.tidemill("run", "s.yaml", "-q", stdin=data)

    def numbers(self):
        return [r["n"] for r in harness.read_jsonl(self.path("out.jsonl"))]

    def test_what_is_promised(self):
        self.write("s.yaml", STDIO)
        self.assertIn("exactly once (from the buffer on", self.succeeds("check", "s.yaml").out)
        self.write("s.yaml", STDIO.replace("delivery: exactly_once", ""))
        self.assertIn("in -> out: at least once", self.succeeds("check", "s.yaml").out)
        self.write("s.yaml", STDIO.replace("buffer: { disk: 1MiB }", "rate: 1000"))
        self.assertIn("at most once", self.succeeds("check", "s.yaml").out)

    def test_what_it_does_not_go_with(self):
        self.write("s.yaml", STDIO.replace("checkpoint:", "#"))
        self.assertIn("in: `buffer` needs `checkpoint:`", self.tidemill("check", "s.yaml").err)
        self.write("s.yaml", STDIO.replace("stdio", "file, path: in.jsonl"))
        self.assertIn("sources that cannot be read again", self.tidemill("check", "s.yaml").err)

    def test_more_than_it_has_room_for(self):
        self.write("s.yaml", STDIO)
        done = self.run_stdio(range(150000))
        self.assertEqual(done.status, 0, done)
        self.assertEqual(self.numbers(), list(range(150000)))
        held = sum(os.path.getsize(self.path("state/collect/buffer-in", name))
                   for name in os.listdir(self.path("state/collect/buffer-in")))
        self.assertLess(held, 1 << 20)

    def test_a_buffer_that_is_gone(self):
        reading = b'{"dev":"d","seq":1,"ts":1}'
        device = self.device("127.0.0.1", harness.answers(reading))
        self.write("c.yaml", COLLECT % (1, f'"{device.address}"'))
        running = self.start("run", "c.yaml", "-q")
        harness.wait_until(self.found, "what a checkpoint has decided")
        running.kill()
        shutil.rmtree(self.path("state/collect/buffer-in"))
        done = self.tidemill("run", "c.yaml", "-q")
        self.assertNotEqual(done.status, 0, done)
        self.assertIn("in: buffer: the checkpoint goes on at record", done.err)

    def test_only_the_buffer_has_it(self):
        """No checkpoint was made before the kill, and the journal's end is torn."""
        served = []

        def behave(device, connection):
            served.append(len(served) + 1)
            connection.sendall(json.dumps({"dev": "d", "seq": served[-1], "ts": 1}).encode())

        device = self.device("127.0.0.1", behave)
        text = (COLLECT % (1, f'"{device.address}"')).replace("sync: 0s", "sync: 60s")
        self.write("c.yaml", text.replace("400ms", "1h"))
        running = self.start("run", "c.yaml", "-q")
        harness.wait_until(lambda: len(served) > 50, "readings")
        running.kill()
        device.close()
        self.assertEqual(self.found(), {})
        buffer = self.path("state/collect/buffer-in")
        newest = os.path.join(buffer, max(n for n in os.listdir(buffer) if n.endswith(".seg")))
        os.truncate(newest, os.path.getsize(newest) - 5)
        self.write("c.yaml", text)
        running = self.start("run", "c.yaml", "-q")
        harness.wait_until(self.found, "what a checkpoint has decided")
        self.assertEqual(running.stop().status, 0, running)
        come = [r["seq"] for r in harness.read_jsonl(self.path("out.jsonl"))]
        self.assertEqual(come, list(range(1, len(come) + 1)))
        self.assertGreater(len(come), 50 - 3)  # the torn one, and what was under way

    def collect(self, lanes):
        """Devices that count their readings; kill -9 in between."""
        served = collections.defaultdict(int)

        def answer(dev):
            def behave(device, connection):
                served[dev] += 1
                record = {"dev": dev, "seq": served[dev], "ts": served[dev] * 10}
                connection.sendall(json.dumps(record).encode())
            return behave

        devices = [self.device(f"127.0.0.{i + 1}", answer(f"d{i}")) for i in range(4)]
        targets = ", ".join(f'"{device.address}"' for device in devices)
        self.write("c.yaml", COLLECT % (lanes, targets))
        lost_at = collections.defaultdict(set)
        for _ in range(4):
            before = dict(served)
            running = self.start("run", "c.yaml", "-q")
            harness.wait_until(lambda: len(served) == 4 and all(
                n > before.get(dev, 0) + 25 for dev, n in list(served.items())), "readings")
            running.kill()
            for dev, n in list(served.items()):
                lost_at[dev] |= {n - 1, n, n + 1}  # on their way into the buffer
        running = self.start("run", "c.yaml", "-q")
        before = dict(served)
        harness.wait_until(lambda: all(served[dev] > n + 5 for dev, n in before.items()), "more")
        for device in devices:
            device.close()
        last = dict(served)
        harness.wait_until(lambda: self.found().items() >= last.items(), "the last readings")
        self.assertEqual(running.stop().status, 0, running)
        return last, lost_at

    def found(self):
        if not os.path.exists(self.path("out.jsonl")):
            return {}
        return {r["dev"]: r["seq"] for r in harness.read_jsonl(self.path("out.jsonl"))}

    def check_collected(self, lanes):
        last, lost_at = self.collect(lanes)
        come = collections.defaultdict(list)
        for record in harness.read_jsonl(self.path("out.jsonl")):
            come[record["dev"]].append(record["seq"])
        for dev, n in last.items():
            self.assertEqual(come[dev], sorted(set(come[dev])), "in order, none twice")
            missing = set(range(1, n + 1)) - set(come[dev])
            self.assertLessEqual(missing, lost_at[dev])
        for window in harness.read_jsonl(self.path("windows.jsonl")):
            seqs = [s for s in come[window["dev"]] if window["first"] <= s <= window["last"]]
            self.assertEqual(window["count"], len(seqs), window)

    def test_collector_1(self):
        self.check_collected(1)

    def test_collector_3(self):
        self.check_collected(3)


if __name__ == "__main__":
    harness.main()
