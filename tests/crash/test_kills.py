# SPDX-License-Identifier: MIT
"""kill -9 at random moments, again and again: the output is what it would have been without."""

import os
import random
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../e2e"))

import collector  # noqa: E402
import harness  # noqa: E402
import jobs  # noqa: E402

SEED = int(os.environ.get("TIDEMILL_SEED", "1"))
KILLS = int(os.environ.get("TIDEMILL_KILLS", "8"))  # of each pipeline
LONGEST_S = 0.5  # until a kill


class Kills(harness.TestCase):
    def survive(self, seed):
        """Runs the job to its end, through so many kills."""
        rng = random.Random(seed)
        kills = 0
        while True:
            running = self.start("run", "pipeline.yaml", "-q")
            try:
                running.process.wait(rng.random() * LONGEST_S if kills < KILLS else
                                     harness.DEADLINE_S)
            except subprocess.TimeoutExpired:
                kills += 1
                running.kill()
                continue
            done = running.wait()
            self.assertEqual(done.status, 0, done)
            return kills

    def interrupt(self, config, rng, killed):
        """Kills a job that has no end so many times; `killed` is called after each."""
        for _ in range(KILLS):
            running = self.start("run", config, "-q")
            with self.assertRaises(subprocess.TimeoutExpired, msg=running):
                running.process.wait(rng.random() * LONGEST_S)
            running.kill()
            killed()

    def exact(self, job):
        seed = SEED * 1000003 + len(job.name)
        job.prepare(self, seed)
        kills = self.survive(seed)
        self.assertGreater(kills, 0)
        self.assertIsNone(job.check(self), f"{job.name}: TIDEMILL_SEED={SEED}")


def add(kind, lanes, stage):
    job = kind(lanes, stage)
    setattr(Kills, f"test_{kind.__name__}_{stage}_{lanes}", lambda self: self.exact(job))


for each_kind in (jobs.Files, jobs.Topics, collector.Collector):
    for each_lanes in (1, 3):
        for each_stage in ("pass", "window"):
            add(each_kind, each_lanes, each_stage)

if __name__ == "__main__":
    harness.main()
