# SPDX-License-Identifier: MIT
"""Killed at every named point (base/crash_point.h) and around calls of the system (tests/shim).

A job is run, dies at a point, is started again, dies at another, ...; then it runs to its end, and
the output is what it would have been. Points and their numbers are drawn by TIDEMILL_SEED; for
TIDEMILL_SECONDS it goes on with the seeds behind it.
"""

import glob
import itertools
import os
import random
import re
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../e2e"))

import harness  # noqa: E402
import jobs  # noqa: E402

SEED = int(os.environ.get("TIDEMILL_SEED", "1"))
SECONDS = float(os.environ.get("TIDEMILL_SECONDS", "0"))
SHIM = os.environ.get("SHIM", "")
EACH = 5  # numbers of each point, in each group
KILLS_OF_A_JOB = 9
SHORT_JOB = {"count": 1500, "rate": 6000, "every": 15}
# Calls and, of each, before, behind, within.
CALLS = [(call, code) for call in ("write", "writev", "pwrite") for code in (-1, -2, -3)]
CALLS += [(call, code) for call in ("fsync", "fdatasync", "rename", "ftruncate", "open", "unlink",
                                    "mkdir", "close") for code in (-1, -2)]
# What is passed only with a connection that decides, or a source that is told what is safe (Kafka).
ELSEWHERE = re.compile(r"connection\.|source\.ack\.")


def points():
    """The names in the source: a new point is tried without being listed."""
    names = set()
    for path in glob.glob(os.path.join(harness.SOURCE, "runtime/**/*.c"), recursive=True):
        with open(path, encoding="utf-8") as file:
            names.update(re.findall(r'crash_point\("([^"]+)"\)', file.read()))
    return sorted(name for name in names if not ELSEWHERE.match(name))


class Death:
    """Where a run is to end."""

    def __init__(self, what, env):
        self.what, self.env = what, env


def deaths(rng):
    drawn = []
    for name in points():
        once = name.startswith("restore.")
        for i in range(EACH):
            n = 1 if i == 0 or once else rng.randrange(2, 12)
            drawn.append(Death(name, {"TIDEMILL_CRASH": f"{name}:{n}"}))
    for call, code in CALLS if SHIM else ():
        for reach in (3, 12):
            env = {"LD_PRELOAD": SHIM, "SHIM_CALL": call, "SHIM_CODE": str(code),
                   "SHIM_NTH": str(rng.randrange(1, reach))}
            drawn.append(Death(f"{call}{code}", env))
    rng.shuffle(drawn)
    return drawn


class Points(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.lock, self.kills, self.reached, self.missed = threading.Lock(), 0, set(), 0

    def die(self, place, job, death, seed):
        """True: it died there; False: it came to its end before."""
        running = place.start("run", "pipeline.yaml", "-q", env=death.env)
        done = running.wait()
        running.close()
        self.assertIn(done.status, (0, -signal.SIGKILL),
                      f"TIDEMILL_SEED={seed} {job.name} {death.env}: {done}")
        with self.lock:
            if done.status:
                self.kills += 1
                self.reached.add(death.what)
            else:
                self.missed += 1
        return done.status != 0

    def one(self, job, todo, seed):
        """Takes deaths off the list for one job from its beginning to its end."""
        died = []
        with jobs.Place() as place:
            job.prepare(place, seed)
            while todo and len(died) < KILLS_OF_A_JOB:
                died.append(todo.pop())
                if not self.die(place, job, died[-1], seed):
                    break
            place.succeeds("run", "pipeline.yaml", "-q")
            wrong = job.check(place)
            place.succeeds("run", "pipeline.yaml", "-q")  # it has ended: nothing more comes
            wrong = wrong or job.check(place)
        self.assertIsNone(wrong, f"TIDEMILL_SEED={seed}, died at {[d.env for d in died]}")

    def group(self, kinds, seed):
        todo = deaths(random.Random(f"{seed} {kinds[0].name}"))
        for job in itertools.cycle(kinds):
            if not todo:
                return
            self.one(job, todo, seed)

    def all_groups(self, seed):
        groups = [kinds for lanes in (1, 3)
                  for kinds in jobs.of_all_kinds(lanes, **SHORT_JOB).values()]
        with ThreadPoolExecutor(2) as pool:
            for result in [pool.submit(self.group, kinds, seed) for kinds in groups]:
                result.result()

    def test_a_wrong_choice(self):
        for wrong in ("", ":1", "sink.write.before", "sink.write.before:0", "a:1x"):
            done = self.tidemill("--version", env={"TIDEMILL_CRASH": wrong})
            self.assertEqual(done.status, 2, done)
            self.assertIn("expected NAME:N", done.err)

    def test_every_point(self):
        until = time.monotonic() + SECONDS
        print(f"TIDEMILL_SEED={SEED}", file=sys.stderr)
        seed = SEED
        self.all_groups(seed)
        while time.monotonic() < until:
            seed += 1
            self.all_groups(seed)
        print(f"{self.kills} kills at {len(self.reached)} points, {self.missed} not reached, "
              f"seeds {SEED} to {seed}: exact", file=sys.stderr)
        self.assertEqual(sorted(set(points()) - self.reached), [])


if __name__ == "__main__":
    harness.main()
