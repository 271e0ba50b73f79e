# SPDX-License-Identifier: MIT
"""A Kafka connection as the commit point of epochs, driven step by step in processes of their own
(tx_driver.c): crashes, timeouts, rivals, foreign transactions. What counts is what a committed
reader sees, and which mark the next process is told."""

import os
import signal
import subprocess
import time

import kafka_case  # first: it knows where the others are


class Driver:
    """One process with a connection, perhaps a sink and a source."""

    def __init__(self, broker, pipeline, **options):
        pairs = [f"{name}={value}" for name, value in options.items()]
        self.child = subprocess.Popen(
            [os.environ["KAFKA_TX_DRIVER"], broker.bootstrap, pipeline, *pairs],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.open = self.hear()

    def say(self, line):
        self.child.stdin.write(line + "\n")
        self.child.stdin.flush()

    def hear(self):
        return self.child.stdout.readline().strip()

    def ask(self, line):
        """What it answers, which must be OK."""
        answer = self.does(line)
        assert answer.startswith("OK"), f"{line}: {answer}"
        return answer[2:].strip()

    def does(self, line):
        self.say(line)
        return self.hear()

    def settled(self, sink=None, source=None, more=""):
        """Settles, opens the nodes, begins the epoch after the mark's; returns the mark."""
        mark = self.ask("settle")
        if sink:
            self.ask(f"sink {sink}")
        if source:
            self.ask(f"source {source} {more}".strip())
        self.epoch = int(mark or 0) + 1
        self.ask(f"begin {self.epoch}")
        return mark

    def commit(self, mark=None):
        """The epoch's end; what was decided."""
        self.ask("flush")
        self.ask(f"prepare {self.epoch}")
        said = self.ask(f"commit {self.epoch} {mark or self.epoch}")
        if said == "decided":
            self.epoch += 1
            self.ask(f"begin {self.epoch}")
        return said

    def kill(self):
        self.child.kill()
        self.end()

    def close(self):
        self.say("close")
        self.end()
        assert self.child.returncode == 0, self.child.returncode

    def end(self):
        self.child.stdin.close()
        self.child.stdout.close()
        self.child.wait(30)


class Transactions(kafka_case.TestCase):
    def setUp(self):
        super().setUp()
        self.drivers = []
        self.out = self.name + "-out"
        self.broker.create_topic(self.out, 2)

    def driver(self, pipeline=None, **options):
        driver = Driver(self.broker, pipeline or self.name, **options)
        self.drivers.append(driver)
        self.addCleanup(lambda: driver.child.poll() is None and driver.kill())
        return driver

    def committed(self):
        return sorted(int(record["value"]) for record in self.broker.consume(self.out))

    def test_epochs(self):
        first = self.driver()
        self.assertEqual(first.ask("look"), "")
        self.assertEqual(first.settled(self.out), "")
        first.ask("write 0 99")
        first.ask("flush")
        self.assertEqual(self.committed(), [])
        self.assertEqual(first.commit(), "decided")
        self.assertEqual(self.committed(), list(range(100)))
        first.ask("write 100 199")
        first.ask("flush")
        first.ask("prepare 2")
        first.ask("abort 2")
        first.epoch = 3
        first.ask("begin 3")
        first.ask("write 200 299")
        self.assertEqual(first.commit(), "decided")
        first.close()  # an epoch is open, and is aborted
        self.assertEqual(self.committed(), [*range(100), *range(200, 300)])
        self.assertEqual(self.driver().ask("look"), "3")

    def test_offsets_go_with_the_epoch(self):
        self.broker.create_topic(self.data, 2)
        self.broker.produce(self.data, ((f"k{n}", str(n)) for n in range(50)))
        for assignment in ("all", "group"):
            with self.subTest(assignment=assignment):
                group = f"{self.name}-{assignment}"
                driver = self.driver(f"{self.name}-{assignment}")
                driver.settled(self.out, self.data, f"group={group} assignment={assignment}")
                self.assertEqual(len(driver.ask("read 50").split()), 50)
                self.assertEqual(set(self.broker.committed(group, self.data).values()), {None})
                driver.ask("flush")
                driver.ask("prepare 1")
                self.assertEqual(driver.ask("commit 1 1"), "decided")
                self.assertEqual(sum(self.broker.committed(group, self.data).values()), 50)
                driver.close()

    def test_position_wins_over_the_group(self):
        self.broker.create_topic(self.data, 1)
        self.broker.produce(self.data, ((None, str(n)) for n in range(50)))
        driver = self.driver()
        driver.settled(self.out, self.data)
        driver.ask("read 50")
        driver.commit()
        driver.close()
        again = self.driver()
        again.ask(f"at {self.data}/0 20")
        again.settled(self.out, self.data)
        self.assertEqual(again.ask("read 30").split(), [str(n) for n in range(20, 50)])
        again.close()

    def test_lost_position_is_fatal(self):
        """auto.offset.reset does not apply to positions of a checkpoint."""
        self.broker.create_topic(self.data, 1)
        driver = self.driver()
        driver.ask(f"at {self.data}/0 20")
        driver.settled(self.out, self.data, "options:auto.offset.reset=earliest")
        answer = driver.does("read 1")
        self.assertIn("FATAL", answer)
        self.assertIn("offset 20", answer)
        driver.close()

    def crash(self, *steps):
        """One committed epoch, then `steps`, then a kill; what the next process is told."""
        driver = self.driver()
        driver.settled(self.out)
        driver.ask("write 0 9")
        driver.commit()
        driver.ask("write 10 19")
        for step in steps:
            driver.ask(step)
        driver.kill()
        after = self.driver()
        look = after.ask("look")
        begun = time.monotonic()
        mark = after.settled(self.out)
        self.assertLess(time.monotonic() - begun, 5)
        after.ask("write 20 29")
        self.assertEqual(after.commit(), "decided")
        after.close()
        return look, mark

    def test_crash_before_commit(self):
        for steps in ((), ("flush",), ("flush", "prepare 2")):
            with self.subTest(steps=steps):
                self.assertEqual(self.crash(*steps), ("1", "1"))
                self.assertEqual(self.committed(), [*range(10), *range(20, 30)])
                self.name += "x"
                self.out += "x"
                self.broker.create_topic(self.out, 2)

    def test_crash_after_commit(self):
        """... before anybody has heard of it."""
        self.assertEqual(self.crash("flush", "prepare 2", "commit 2 2"), ("2", "2"))
        self.assertEqual(self.committed(), list(range(30)))

    def test_crash_in_commit(self):
        """Killed at some moment of it: the mark and the records agree."""
        mark, expected = "", []
        for n in range(12):
            driver = self.driver()
            self.assertEqual(driver.settled(self.out), mark)
            driver.ask(f"write {n * 10} {n * 10 + 9}")
            driver.ask("flush")
            driver.ask(f"prepare {driver.epoch}")
            driver.say(f"commit {driver.epoch} {driver.epoch}")
            time.sleep(0.004 * n)
            driver.kill()
            after = self.driver()
            now = after.ask("settle")
            after.close()
            self.assertIn(now, (mark, str(driver.epoch)))
            if now != mark:
                expected += range(n * 10, n * 10 + 10)
            mark = now
            self.assertEqual(self.committed(), expected)

    def test_commit_timeout(self):
        """1 ms is too short for most: unknown, until a new producer and the marker tell."""
        mark, expected, unknown = "", [], 0
        for n in range(10):
            driver = self.driver(commit_timeout=1)
            self.assertEqual(driver.settled(self.out), mark)
            driver.ask(f"write {n * 10} {n * 10 + 9}")
            driver.ask("flush")
            driver.ask(f"prepare {driver.epoch}")
            said = driver.ask(f"commit {driver.epoch} {driver.epoch}")
            unknown += said == "unknown"
            self.assertIn(said, ("unknown", "decided"))
            if said == "unknown":
                self.assertIn("RETRY", driver.does(f"begin {driver.epoch + 1}"))
            now = driver.ask("settle")
            self.assertIn(now, (mark, str(driver.epoch)))
            if now != mark:
                expected += range(n * 10, n * 10 + 10)
            else:
                self.assertEqual(said, "unknown")
            mark = now
            driver.close()
            self.assertEqual(self.committed(), expected)
        self.assertGreater(unknown, 0)

    def test_fenced(self):
        """A process that was stopped and has lost its place says so and stops."""
        zombie = self.driver()
        zombie.settled(self.out)
        zombie.ask("write 0 9")
        zombie.commit()
        zombie.ask("write 10 19")
        zombie.child.send_signal(signal.SIGSTOP)
        rival = self.driver()
        self.assertEqual(rival.ask("look"), "1")
        self.assertEqual(rival.settled(self.out), "1")
        rival.ask("write 20 29")
        self.assertEqual(rival.commit(), "decided")
        zombie.child.send_signal(signal.SIGCONT)
        zombie.does("flush")
        answer = zombie.does("prepare 2")
        if answer.startswith("OK"):
            answer = zombie.does("commit 2 2")
        self.assertIn("FENCED", answer)
        self.assertIn("fenced: another process runs this pipeline", answer)
        self.assertIn("FENCED", zombie.does("begin 3"))
        zombie.close()
        rival.ask("write 30 39")
        self.assertEqual(rival.commit(), "decided")
        rival.close()
        self.assertEqual(self.committed(), [*range(10), *range(20, 40)])

    def test_look_fences_nobody(self):
        running = self.driver()
        running.settled(self.out)
        running.ask("write 0 9")
        running.commit()
        running.ask("write 10 19")
        running.ask("flush")
        other = self.driver()
        self.assertEqual(other.ask("look"), "1")
        other.close()
        self.assertEqual(running.commit(), "decided")
        running.close()
        self.assertEqual(self.committed(), list(range(20)))

    def test_foreign_transaction(self):
        """Somebody else's open transaction hides the end of the marker topic: wait, then stop."""
        running = self.driver()
        running.settled(self.out)
        running.commit()
        running.close()
        foreign = self.driver(self.name + "-foreign", marker_topic=self.name + ".foreign")
        foreign.settled(self.name + ".tidemill")
        foreign.ask("write 0 0")
        foreign.ask("flush")
        running = self.driver(transaction_timeout=3000, commit_timeout=1000)
        self.assertEqual(running.ask("look"), "1")
        running.say("settle")
        time.sleep(1)
        foreign.ask("abort 1")
        self.assertEqual(running.hear(), "OK 1")
        foreign.ask("begin 2")
        foreign.ask("write 1 1")
        foreign.ask("flush")
        answer = running.does("settle")
        self.assertIn("FATAL", answer)
        self.assertIn("each pipeline needs a marker topic of its own", answer)
        running.close()
        foreign.close()

    def test_marker_behind_aborted_ones(self):
        """The look back widens until there is a mark; aborted epochs leave none."""
        driver = self.driver()
        driver.settled(self.out)
        driver.commit()
        foreign = self.driver(self.name + "-foreign", marker_topic=self.name + ".foreign")
        foreign.settled(self.name + ".tidemill")
        foreign.ask("write 0 299")
        foreign.commit()
        foreign.close()
        self.assertEqual(driver.ask("look"), "1")
        driver.close()

    def test_compaction(self):
        """The newest mark stays when the marker topic is compacted."""
        self.broker.create_topic(self.name + ".tidemill", 1, cleanup_policy="compact",
                                 segment_ms=100, min_cleanable_dirty_ratio=0.01,
                                 delete_retention_ms=100)
        driver = self.driver()
        driver.settled(self.out)
        for _ in range(40):
            self.assertEqual(driver.commit(), "decided")
            time.sleep(0.02)
        driver.close()
        after = self.driver()
        self.assertEqual(after.ask("look"), "40")
        self.assertEqual(after.ask("settle"), "40")
        after.close()

    def test_two_pipelines(self):
        one, two = self.driver(self.name + "-1"), self.driver(self.name + "-2")
        one.settled(self.out)
        two.settled(self.out)
        for n in range(5):
            one.ask(f"write {n * 20} {n * 20 + 9}")
            two.ask(f"write {n * 20 + 10} {n * 20 + 19}")
            self.assertEqual(one.commit(), "decided")
            if n != 2:
                self.assertEqual(two.commit(), "decided")
                continue
            two.kill()
            two = self.driver(self.name + "-2")
            self.assertEqual(two.settled(self.out), "2")
        self.assertEqual(self.driver(self.name + "-1").ask("look"), "5")
        self.assertEqual(self.driver(self.name + "-2").ask("look"), "4")
        self.assertEqual(self.committed(), [n for n in range(100) if not 50 <= n < 60])

    def test_rival_in_the_group(self):
        running = self.driver()
        self.broker.create_topic(self.data, 1)
        running.settled(self.out, self.data, "assignment=group")
        self.broker.produce(self.data, [(None, "1")])
        running.ask("read 1")
        other = self.driver()
        begun = time.monotonic()
        other.say("look")
        time.sleep(1)
        running.close()  # and leaves the group
        self.assertEqual(other.hear(), "OK")
        self.assertGreater(time.monotonic() - begun, 0.9)
        other.close()

    def test_refused_record(self):
        """A record that the broker refuses would be refused again: no more attempts."""
        self.out += "-small"
        self.broker.create_topic(self.out, 1, max_message_bytes=70)
        driver = self.driver()
        driver.settled(self.out)
        driver.ask("write 0 9")
        driver.ask("flush")
        answer = driver.does("prepare 1")
        self.assertIn("FATAL", answer)
        self.assertIn(self.out, answer)
        driver.close()
        self.assertEqual(self.committed(), [])

    def test_plain_sink(self):
        """delivery: at_least_once on a sink: what it writes does not wait for the epoch."""
        driver = self.driver()
        driver.ask("settle")
        driver.ask(f"sink {self.out} delivery=at_least_once options:linger.ms=0")
        driver.ask("begin 1")
        driver.ask("write 0 9")
        driver.ask("flush")
        self.assertEqual(self.committed(), list(range(10)))
        driver.close()
        other = self.driver()
        other.ask("settle")
        answer = other.does(f"sink {self.out} options:linger.ms=0")
        self.assertIn("FATAL options: with delivery: exactly_once", answer)
        other.close()

    def test_shared_group(self):
        """A consumer that joins the group later takes partitions away: that is the end."""
        self.broker.create_topic(self.data, 2)
        self.broker.produce(self.data, ((str(n), str(n)) for n in range(20)))
        first = self.driver()
        first.settled(self.out, self.data, "assignment=group")
        first.ask("read 20")
        other = self.driver(self.name + "-2")
        other.settled(self.out, self.data, f"assignment=group group={self.name}")
        other.say("read 100")
        answer = first.does("read 100")
        self.assertIn("FATAL the group has other members: 1 of 2 partitions", answer)
        self.assertIn("FATAL the group has other members", other.hear())
        first.kill()
        other.kill()

    def test_static_member(self):
        """One that was killed is replaced at once; one that is alive is thrown out."""
        self.broker.create_topic(self.data, 2)
        self.broker.produce(self.data, ((str(n), str(n)) for n in range(20)))
        more = "assignment=group options:group.instance.id=one"
        first = self.driver()
        first.settled(self.out, self.data, more)
        first.ask("read 20")
        first.commit()
        first.kill()
        second = self.driver()
        begun = time.monotonic()
        second.settled(self.out, self.data, more)
        self.broker.produce(self.data, ((str(n), str(n)) for n in range(20, 40)))
        self.assertEqual(sorted(map(int, second.ask("read 20").split())), list(range(20, 40)))
        self.assertLess(time.monotonic() - begun, 5)
        third = self.driver()
        self.assertEqual(third.ask("look"), "1")
        third.settled(self.out, self.data, more)
        third.ask("read 20")
        answer = second.does("read 100")
        self.assertIn("FENCED fenced: another process took the place", answer)
        second.kill()
        third.close()

    def test_expired(self):
        """An epoch that took longer than transaction_timeout is not committed."""
        driver = self.driver(transaction_timeout=1000, commit_timeout=500)
        driver.settled(self.out)
        driver.ask("write 0 9")
        driver.ask("flush")
        time.sleep(13)  # the broker looks every ten seconds
        answer = driver.does("prepare 1")
        if answer.startswith("OK"):
            answer = driver.does("commit 1 1")
        self.assertNotIn("decided", answer.replace("undecided", ""))
        self.assertIn("transaction_timeout", answer)
        driver.close()
        self.assertEqual(self.committed(), [])

    def test_broken_epoch_takes_and_drops(self):
        """What is written outside of an epoch makes all that follows void, until it is settled."""
        driver = self.driver()
        driver.ask("settle")
        driver.ask(f"sink {self.out}")
        answer = driver.does("write 0 9")  # no begin
        self.assertIn("OK", answer)
        driver.ask("flush")
        self.assertIn("RETRY", driver.does("begin 1"))
        self.assertIn("RETRY", driver.does("prepare 1"))
        driver.ask("settle")
        driver.ask("begin 1")
        driver.close()
        self.assertEqual(self.committed(), [])


if __name__ == "__main__":
    kafka_case.main()
