# SPDX-License-Identifier: MIT
"""Topic to topic with `delivery: exactly_once`: what a committed reader sees of the output is each
input record once, over kills at random moments."""

import collections
import random
import shutil
import signal
import time

import kafka_case  # first: it knows where the others are
import harness

PIPELINE = """\
delivery: exactly_once
checkpoint: {{ every: {every}, dir: {state} }}
sources:
  in: {{ type: topic, connection: main, topic: {data}, start: earliest }}
operators:
{counted}
sinks:
  out: {{ type: topic, connection: main, inputs: counted, topic: {out}, key: "{{n}}" }}
"""


MAPPED = """\
  counted:
    type: map
    inputs: in
    lua: |
      return function(r) r.twice = r.n * 2 return r end
"""
# Results leave in pairs of records of the same key, which lie far apart: what is between is state.
PAIRED = """\
  key:
    type: map
    inputs: in
    lua: |
      return function(r) r.key = r.n // 1000 * 500 + r.n % 500 return r end
  pairs:
    type: aggregate
    inputs: key
    key_by: key
    window: { count: 2 }
    compute: { low: min(n), high: max(n) }
  counted:
    type: flat_map
    inputs: pairs
    lua: |
      return function(r, emit) emit { n = r.low } emit { n = r.high } end
"""


class ExactlyOnce(kafka_case.TestCase):
    def setUp(self):
        super().setUp()
        self.out = self.name + "-out"
        self.broker.create_topic(self.data, 4)
        self.broker.create_topic(self.out, 4)
        self.sent = 0
        self.counted = MAPPED

    def job(self, every="1s", state="state"):
        return self.pipeline(PIPELINE.format(every=every, state=self.path(state),
                                             counted=self.counted, data=self.data,
                                             out=self.out))

    def produce(self, count):
        self.broker.produce(self.data, ((f"k{n % 100}", f'{{"n":{n}}}')
                                        for n in range(self.sent, self.sent + count)))
        self.sent += count

    def seen(self):
        return collections.Counter(record["n"] for record in self.values(self.out))

    def complete(self, running, seconds=60):
        """Waits until all is there; then it is there once."""
        harness.wait_until(lambda: len(self.seen()) >= self.sent or not running.alive(),
                           f"{self.sent} records: {running}", seconds)
        seen = self.seen()
        self.assertEqual(sorted(seen), list(range(self.sent)), running)
        self.assertEqual([n for n, times in seen.items() if times != 1], [])

    def test_clean_stop_and_start(self):
        for _ in range(2):
            self.produce(5000)
            running = self.start("run", self.job())
            self.complete(running)
            done = running.stop()
            self.assertEqual(done.status, 0, done)
        self.assertEqual(sum(self.broker.committed(self.name, self.data).values()), self.sent)

    def kill_and_resume(self, kills, *options):
        seed = random.randrange(1 << 30)
        chance = random.Random(seed)
        resumed = 0
        for _ in range(kills):
            self.produce(2000)
            running = self.start("run", self.job("200ms"), *options)
            time.sleep(chance.uniform(0.05, 0.9))  # the moment of the kill, not a wait
            running.kill()
            resumed += "going on from" in running.err
        running = self.start("run", self.job("200ms"), *options)
        with self.subTest(seed=seed):
            self.complete(running)
            self.assertGreater(resumed, kills // 4)
        running.stop()

    def test_kills(self):
        self.kill_and_resume(25)

    def test_kills_in_three_lanes(self):
        self.kill_and_resume(15, "--parallelism", "3")

    def test_kills_with_state(self):
        self.counted = PAIRED
        self.kill_and_resume(20, "--parallelism", "3")

    def test_second_process(self):
        """One without the state of the first is refused, and the first does not notice."""
        self.produce(1000)
        first = self.start("run", self.job("200ms"))
        self.complete(first)
        second = self.tidemill("run", self.job("200ms", "elsewhere"))
        self.assertEqual(second.status, 3, second)
        self.produce(1000)
        self.complete(first)
        self.assertEqual(first.stop().status, 0)

    def test_zombie(self):
        """A process that was stopped, and replaced by one with a copy of its state, ends when it
        goes on."""
        self.produce(1000)
        zombie = self.start("run", self.job("200ms"))
        self.complete(zombie)
        zombie.process.send_signal(signal.SIGSTOP)
        shutil.copytree(self.path("state"), self.path("copy"))
        second = self.start("run", self.job("200ms", "copy"))
        self.produce(1000)
        self.complete(second)
        zombie.process.send_signal(signal.SIGCONT)
        done = zombie.wait()
        self.assertEqual(done.status, 1, done)
        self.assertIn("fenced: another process runs this pipeline", done.err)
        self.produce(1000)
        self.complete(second)
        self.assertEqual(second.stop().status, 0)

    def test_commit_timeouts(self):
        """Commits of which nobody knows what became of them: the marker tells."""
        job = self.job("200ms")
        hasty = self.write("hasty.yaml", "connections: { main: { commit_timeout: 1ms } }\n")
        unsure = 0
        for _ in range(5):
            self.produce(1000)
            running = self.start("run", job, "--with", hasty)
            time.sleep(1.5)
            running.kill()
            unsure += "may or may not" in running.err
        running = self.start("run", job)
        self.complete(running)
        running.stop()
        self.assertGreater(unsure, 0, running.err)


if __name__ == "__main__":
    kafka_case.main()
