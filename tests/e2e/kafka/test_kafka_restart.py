# SPDX-License-Identifier: MIT
"""A run that is ended and started again reads on where its group stands: exactly after a clean end,
at least once after a crash."""

import kafka_case  # first: it knows where the others are
import harness

RECORDS = 100000

READER = """\
sources:
  in:
    type: topic
    connection: main
    topic: {topic}
    rate: {rate}
    options: {{ session.timeout.ms: 6000 }}
    {more}
sinks:
  out: {{ type: file, inputs: in, path: {path} }}
"""


class Restart(kafka_case.TestCase):
    def setUp(self):
        super().setUp()
        self.broker.create_topic(self.data, 4)
        self.runs = 0

    def produce(self, first, count):
        self.broker.produce(self.data, ((f"k{n % 100}", f'{{"n":{n}}}')
                                        for n in range(first, first + count)))

    def reader(self, rate=1000000, more=""):
        """A pipeline that writes what it reads to a file of this run; the group is the same."""
        self.runs += 1
        self.out = self.path(f"out-{self.runs}.jsonl")
        return self.pipeline(READER.format(topic=self.data, rate=rate, path=self.out, more=more))

    def read(self):
        return [record["n"] for record in harness.read_jsonl(self.out)]

    def run_on(self, enough, rate=1000000):
        """Runs until the file holds so many; still running."""
        running = self.start("run", self.reader(rate))
        harness.wait_until(lambda: len(harness.read_lines(self.out)) >= enough or
                           not running.alive(), f"{enough} records: {running}")
        return running

    def end(self, running):
        done = running.stop()
        self.assertEqual(done.status, 0, done)
        return self.read()

    def test_bounded_runs_follow_each_other(self):
        for first, count in ((0, 5000), (5000, 3000), (8000, 0)):
            self.produce(first, count)
            self.succeeds("run", self.reader(more="until: latest"))
            self.assertEqual(sorted(self.read()), list(range(first, first + count)))
            committed = self.broker.committed(self.name, self.data)
            self.assertEqual(sum(committed.values()), first + count)

    def test_ended_by_a_signal_in_the_middle(self):
        self.produce(0, RECORDS)
        first = self.end(self.run_on(10000, rate=40000))
        self.assertLess(len(first), RECORDS)
        second = self.end(self.run_on(RECORDS - len(first)))
        self.assertEqual(sorted(first + second), list(range(RECORDS)))

    def test_killed_in_the_middle(self):
        self.produce(0, RECORDS)
        running = self.run_on(45000, rate=20000)
        running.kill()
        first = self.read()
        committed = sum(at or 0 for at in self.broker.committed(self.name, self.data).values())
        self.assertGreater(committed, 0, "offsets are committed while it runs")
        self.assertLessEqual(committed, len(first), "never ahead of what is written")
        second = self.end(self.run_on(RECORDS - committed))
        self.assertEqual(len(second), RECORDS - committed)
        self.assertEqual(set(first + second), set(range(RECORDS)))


if __name__ == "__main__":
    kafka_case.main()
