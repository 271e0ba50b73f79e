# SPDX-License-Identifier: MIT
"""`tidemill demo`: the first window in under five seconds, in plain text; what it ran is kept."""

import glob
import os
import re
import signal
import time

import harness

FIRST_WINDOW_S = 5
ROW = re.compile(r"(?m)^  (127\.0\.0\.\d+) +([\d,]+) +([\d,]+) +([\d,]+) +([\d.]+) +([\d.]+)  #*$")
BAD = ["answers too slowly", "closes in the middle", "sends garbage", "refuses to be called",
       "accepts and says nothing"]


class Demo(harness.TestCase):
    def temporary(self):
        return {"TMPDIR": self.dir}

    def test_two_windows(self):
        started = time.monotonic()
        running = self.start("demo", "--windows", "2", "--dir", self.path("demo"))
        harness.wait_until(lambda: "window " in running.out, f"the first window: {running}")
        self.assertLess(time.monotonic() - started, FIRST_WINDOW_S, running)
        done = running.wait()
        self.assertEqual(done.status, 0, done)
        self.assertNotIn("\033", done.out + done.err)
        self.assertEqual(len(re.findall(r"(?m)^window [\d:]{8} - [\d:]{8}", done.out)), 2)
        rows = ROW.findall(done.out)
        self.assertEqual({row[0] for row in rows}, {f"127.0.0.{n}" for n in range(11, 17)}, done)
        for story in BAD:
            self.assertRegex(done.out, re.escape(story) + r" +\d+ failed: \w", done)
        self.check_figures(rows)

    def check_figures(self, rows):
        """The table shows what the pipeline stored."""
        results = harness.read_jsonl(self.path("demo/data/results.jsonl"))
        shown = {tuple(row) for row in rows}
        wanted = set()
        for result in results:
            wanted.add((result["device"].split(":")[0], f"{result['total_receive_bytes']:,}",
                        f"{result['total_send_bytes']:,}", f"{result['total_receive_packets']:,}",
                        f"{result['average_receive_bytes']:.1f}",
                        f"{result['average_send_bytes']:.1f}"))
        self.assertLessEqual(shown, wanted)

    def test_what_it_ran_can_be_checked(self):
        self.assertEqual(self.tidemill("demo", "--for", "100ms", "--dir", "kept").status, 0)
        done = self.succeeds("check", "kept/configs/traffic.yaml", "--with",
                             "kept/configs/demo.yaml", env={"DEMO_PORT": "20000"})
        self.assertIn("no problems", done.out)

    def test_interrupted(self):
        running = self.start("demo", env=self.temporary())
        harness.wait_until(lambda: "window " in running.out, f"the first window: {running}")
        self.assertEqual(len(glob.glob(self.path("tidemill-demo-*"))), 1)
        running.process.send_signal(signal.SIGINT)
        done = running.wait()
        self.assertEqual(done.status, 0, done)
        self.assertEqual(glob.glob(self.path("tidemill-demo-*")), [], "the directory is removed")

    def test_no_room(self):
        done = self.tidemill("demo", env={"TMPDIR": self.path("nowhere")})
        self.assertEqual(done.status, 1, done)
        self.assertIn(self.path("nowhere"), done.err)
        self.assertEqual(os.listdir(self.dir), [])


if __name__ == "__main__":
    harness.main()
