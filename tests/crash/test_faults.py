# SPDX-License-Identifier: MIT
"""Each call on files fails in turn, n-th by n-th, in pipelines that are exactly once.

What must hold: no crash, no hang; either the run ends well and its output is exact, or it fails and
says what the system said, and the next run goes on and makes it exact. An interrupted call and one
that did a part are no errors. TIDEMILL_SEED draws which n beyond the first ones are tried.
"""

import errno
import os
import random
import sys
import unittest
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../e2e"))

import harness  # noqa: E402
import jobs  # noqa: E402

SEED = int(os.environ.get("TIDEMILL_SEED", "1"))
SHIM = os.environ.get("SHIM", "")
SHORT = 0
SMALL_JOB = {"count": 240, "rate": 3000, "every": 10}
DEADLINE_S = 20
LAST = 40
AGAIN = "{ max: 3, backoff: 10ms..20ms }"  # within the same process

TRANSFERS = ("read", "pread", "write", "pwrite", "writev")
HARMLESS = [(call, code) for call in TRANSFERS for code in (errno.EINTR, SHORT)]
HARMLESS += [(call, errno.EINTR) for call in ("open", "ftruncate", "close")]
FAULTS = [(call, errno.EIO) for call in (*TRANSFERS, "open", "fsync", "fdatasync", "ftruncate",
                                         "rename", "unlink", "mkdir", "close", "fstat", "flock")]
FAULTS += [(call, errno.ENOSPC) for call in ("write", "pwrite", "writev", "open", "fdatasync",
                                             "fsync", "rename", "mkdir")]
FAULTS += [("fsync", errno.EINTR), ("fdatasync", errno.EINTR)]


def numbers(rng):
    """1 to 4 each, then ever sparser."""
    n = 0
    while n < LAST:
        n += 1 if n < 4 else rng.randrange(1, 2 * n)
        yield n


def judge(place, job, fault, done):
    """None, or what is wrong."""
    call, code = fault
    if done.status < 0:
        return f"ended by signal {-done.status}"
    if done.status and fault in HARMLESS:
        return "this is no error"
    if done.status and os.strerror(code) not in done.err:
        return f"the message does not say '{os.strerror(code)}'"
    if done.status:
        again = place.tidemill("run", "pipeline.yaml", "-q", deadline_s=DEADLINE_S)
        if again.status:
            return f"the next run fails as well: {again}"
    return job.check(place)


def attempt(job, fault, nth):
    """Whether the call came to pass, and what is wrong (None: nothing)."""
    call, code = fault
    with jobs.Place() as place:
        job.prepare(place, SEED)
        env = {"LD_PRELOAD": SHIM, "SHIM_CALL": call, "SHIM_CODE": str(code),
               "SHIM_NTH": str(nth), "SHIM_REPORT": place.path("reached")}
        try:
            done = place.tidemill("run", "pipeline.yaml", "-q", env=env, deadline_s=DEADLINE_S)
            wrong = judge(place, job, fault, done)
        except AssertionError as failed:
            done, wrong = failed, "no end, or the wrong one"
        what = os.strerror(code) if code else "short"
        return (os.path.exists(place.path("reached")),
                wrong and f"{job.name} {nth}. {call}, {what}: {wrong}\n{done}")


def sweep(job, fault):
    """What is wrong, n by n."""
    found = []
    for nth in numbers(random.Random(f"{SEED} {fault}")):
        reached, wrong = attempt(job, fault, nth)
        if wrong:
            found.append(wrong)
        if not reached or len(found) > 2:
            break
    return found


@unittest.skipUnless(SHIM, "SHIM names no shim")
class Faults(harness.TestCase):
    def each_call(self, make):
        with ThreadPoolExecutor(2) as pool:
            found = [wrong for some in pool.map(lambda fault: sweep(make(), fault),
                                                [*HARMLESS, *FAULTS]) for wrong in some]
        self.assertEqual(found, [], f"TIDEMILL_SEED={SEED}\n" + "\n".join(found))

    def test_files(self):
        self.each_call(lambda: jobs.Files(1, "window", "each", restart=AGAIN, **SMALL_JOB))

    def test_packed_files(self):
        self.each_call(lambda: jobs.Files(1, "process", "gzip", packed=True, **SMALL_JOB))

    def test_topics(self):
        self.each_call(lambda: jobs.Topics(1, "pass", **SMALL_JOB))

    def test_a_full_disk_is_waited_for(self):
        """Sinks and checkpoints pause, say so, and go on."""
        for job, call, path in ((jobs.Files(1, "pass", **SMALL_JOB), "write", "all.jsonl"),
                                (jobs.Topics(1, "pass", **SMALL_JOB), "writev", "/log/output"),
                                (jobs.Files(1, "pass", **SMALL_JOB), "writev", "/0000000")):
            with self.subTest(job=job.name, path=path), jobs.Place() as place:
                job.prepare(place, SEED)
                env = {"LD_PRELOAD": SHIM, "SHIM_CALL": call, "SHIM_CODE": str(errno.ENOSPC),
                       "SHIM_NTH": "1", "SHIM_TIMES": "4", "SHIM_PATH": path,
                       "SHIM_REPORT": place.path("reached")}
                done = place.succeeds("run", "pipeline.yaml", "-q", env=env)
                self.assertTrue(os.path.exists(place.path("reached")), done)
                self.assertIn(os.strerror(errno.ENOSPC), done.err)
                self.assertIsNone(job.check(place), done)


if __name__ == "__main__":
    harness.main()
