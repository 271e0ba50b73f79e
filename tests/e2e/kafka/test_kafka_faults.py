# SPDX-License-Identifier: MIT
"""A broker that is down or away: the program says so, waits, and no record is unaccounted for.
And a topic that is not there."""

import collections
import json
import re
import resource
import time

import kafka_case  # first: it knows where the others are
import harness
import traffic_check

AWAY_S = 30  # longer than a member's session in its group: it is put out, and comes back
DEADLINE_S = 90
LINE = re.compile(r"(?m)^(\S+)Z (?:warn |error) (\w+): (.*)$")

# Laid over the traffic job: its devices' place is taken by a generator at a pace, so that the
# broker can go away in the middle; what is read and what the windows give is written down as well.
PACED = """\
sources:
  collector:
    type: generator
    count: %d
    rate: 40000
    seed: 7
    fields:
      device: "192.168.{0..3}.{0..249}"
      ts: { sequence: { start: 1700000000000, step: 1, jitter: 2000 } }
      receive_bytes: { int: [0, 1500000] }
      send_bytes: { int: [0, 1500000] }
      receive_packets: { int: [0, 1000] }
      send_packets: { int: [0, 1000] }
operators:
  tagged: ~
  origin:
    type: map
    inputs: traffic
    lua: |
      return function(r)
        local m = meta(r)
        return { split = m.split, offset = m.offset }
      end
sinks:
  store: { inputs: collector }
  made: { type: file, inputs: collector, path: "${DATA}/made.jsonl" }
  seen: { type: file, inputs: origin, path: "${DATA}/seen.jsonl" }
  results: { type: file, inputs: average, path: "${DATA}/results.jsonl" }
"""
COUNT = 200000
DEVICES = 1000
OVER_MS = 1700000160000  # the end of the last minute that is over before the readings are


class Faults(kafka_case.TestCase):
    def start_paced(self, count):
        return self.start(*self.traffic(self.write("paced.yaml", PACED % count)))

    def lines(self, name):
        return harness.read_lines(self.path("data", name))

    def stop(self, running):
        done = running.stop(DEADLINE_S)
        self.assertEqual(done.status, 0, done)
        return done

    def check_warnings(self, running, nodes, seconds):
        """Each node says where the trouble is, at most once a second."""
        said = collections.Counter()
        for _, node, text in LINE.findall(running.err):
            said[node] += 1
            if self.broker.bootstrap in text:
                said[node, "names the broker"] += 1
        for node in nodes:
            self.assertGreater(said[node, "names the broker"], 0, f"{node}: {running}")
            self.assertLessEqual(said[node], seconds + 2, f"{node}: {running}")

    def check_stored(self):
        """All that was made is in the topic, and all of the topic was read, once."""
        made = [json.loads(line) for line in self.lines("made.jsonl")]
        stored = self.broker.consume(self.data)
        self.assertEqual(sorted({json.dumps(json.loads(record["value"])) for record in stored}),
                         sorted(map(json.dumps, made)))
        seen = [json.loads(line) for line in self.lines("seen.jsonl")]
        self.assertEqual(sorted((place["split"], place["offset"]) for place in seen),
                         sorted((f"{self.data}/{record['partition']}", record["offset"])
                                for record in stored))
        return made

    # -- down at the start --

    def test_down_at_start(self):
        self.broker.stop()
        started = time.monotonic()
        running = self.start_paced(2000)
        harness.wait_until(lambda: len(LINE.findall(running.err)) >= 9 or not running.alive(),
                           f"some seconds of waiting: {running}")
        self.check_warnings(running, ["store", "traffic", "analysis"],
                            time.monotonic() - started)
        self.assertTrue(running.alive(), running)
        self.broker.start()
        harness.wait_until(lambda: len(self.lines("seen.jsonl")) >= 2000,
                           f"all records: {running}", DEADLINE_S)
        self.stop(running)
        self.assertEqual(len(self.check_stored()), 2000)

    # -- away in mid-run --

    def away(self, leave, come_back):
        running = self.start_paced(COUNT)
        harness.wait_until(lambda: len(self.lines("seen.jsonl")) > 40000,
                           f"the middle of the run: {running}", DEADLINE_S)
        left = time.monotonic()
        leave()
        harness.wait_until(lambda: time.monotonic() - left > AWAY_S or not running.alive(),
                           "the time away", AWAY_S * 2)
        self.assertTrue(running.alive(), running)
        self.assertLess(len(self.lines("seen.jsonl")), COUNT)
        come_back()
        harness.wait_until(lambda: self.all_is_out() or not running.alive(),
                           f"the end of the data: {running}", DEADLINE_S)
        self.check_warnings(running, ["store"], time.monotonic() - left)
        self.stop(running)
        made = self.check_stored()
        self.assertEqual(len(made), COUNT)
        self.check_results(made)

    def all_is_out(self):
        if len(self.lines("seen.jsonl")) < COUNT:
            return False
        results = [json.loads(line) for line in self.lines("results.jsonl")]
        return len({r["device"] for r in results if r["end"] == OVER_MS}) == DEVICES

    def check_results(self, made):
        """Every total of the minutes that are over; late readings are in their file, and counted
        there. (While the broker is away all partitions are idle: what comes then may be late.)"""
        late = collections.Counter(json.dumps(json.loads(line))
                                   for line in self.lines("late.jsonl"))
        self.assertLess(late.total(), COUNT // 10)
        counted = []
        for reading in made:
            if late[json.dumps(reading)]:
                late[json.dumps(reading)] -= 1
            else:
                counted.append(reading)
        self.assertEqual(late.total(), 0)
        results = self.values(self.analysis)
        last = {(result["device"], result["start"]): result for result in results}
        over = [result for result in last.values() if result["end"] <= OVER_MS]
        wanted = [reading for reading in counted if reading["ts"] < OVER_MS]
        self.assertEqual(traffic_check.differences(wanted, over)[:5], [])

    def test_paused_in_mid_run(self):
        self.away(self.broker.pause, self.broker.resume)

    def test_crashed_and_back_in_mid_run(self):
        self.away(self.broker.kill, self.broker.start)

    # -- a topic that is not there --

    def test_unknown_topic(self):
        for text in ("sources: { in: { type: topic, connection: main, topic: no-such-topic } }\n"
                     "sinks: { out: { type: stdio, inputs: in } }\n",
                     "sources: { in: { type: generator, count: 1, "
                     "fields: { n: { int: [1, 2] } } } }\n"
                     "sinks: { out: { type: topic, connection: main, inputs: in, "
                     "topic: no-such-topic } }\n"):
            with self.subTest(text):
                before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
                done = self.tidemill("run", self.pipeline(text))
                self.assertEqual(done.status, 1, done)
                self.assertRegex(done.err,
                                 r'error: (in|out): topic "no-such-topic" does not exist')
                used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
                self.assertLess(used, 2, "waiting takes no time of the processor")


if __name__ == "__main__":
    kafka_case.main()
