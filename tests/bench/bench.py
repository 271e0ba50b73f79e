#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""bench.py [--tidemill FILE] [--json] [--kafka] [JOB...]: the figures of the README.

Each job is a pipeline in tests/bench/; it runs in a process of its own (release build, one lane),
once to warm the page cache and then five times, of which the median by records per second counts.
Time is that of the whole run inside the program, first opening to last flush; memory is the
process's peak. Readings are made once and kept in the directory of the run.
"""

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
RECORDS = 5_000_000
RICH_SHARE = 5  # one rich record for so many readings: they are three times as long

# name, what it is, bar in records/s, pipeline that must have run before
JOBS = [
    ("pass", "file to file, as it is", 8.0e6, None),
    ("lua", "file, Lua filter and transform, file", 3.0e6, None),
    ("aggregate", "file, keyed 60 s aggregate, file", 6.0e6, None),
    ("keys_1k", "generator, keyed aggregate, 1,000 keys", 0, None),
    ("keys_1m", "generator, keyed aggregate, a million keys", 0, None),
    ("sliding", "generator, an hour by the second", 0, None),
    ("sliding_late", "generator, an hour by the second, lateness", 0, None),
    ("session", "generator, sessions of 1,000 keys", 0, None),
    ("lanes_1", "generator of two splits, keyed aggregate, 1 lane", 0, None),
    ("lanes_2", "generator of two splits, keyed aggregate, 2 lanes", 0, None),
    ("process", "generator, process: two states and a timer", 1.5e6, None),
    ("join", "file, interval join of two sides, half a pair a record", 0, None),
    ("append", "file, embedded log (fdatasync each second)", 3.0e6, None),
    ("read", "embedded log, nothing", 8.0e6, "append"),
    # Nested objects and arrays, UTF-8, escapes: some 330 bytes a record.
    ("rich", "file to file, rich records as they are", 2.0e6, None),
    ("rich_filter", "file, Lua filter of two fields, rich records", 2.0e6, None),
    ("rich_map", "file, Lua map of two fields, rich records", 2.0e6, None),
    ("csv", "CSV file to JSON file, five typed columns", 4.0e6, None),
    ("syslog", "file of syslog lines to JSON file", 2.0e6, None),
    ("logfmt", "logfmt file to JSON file", 0, None),
    ("msgpack", "MessagePack file to JSON file", 0, None),
    ("regex", "access log to JSON file, regular expression", 0, None),
    # Every record fails, in turn with runs in which none does.
    ("storm_decode", "no record is JSON, dead letters", 0, None),
    ("storm_decode_skip", "no record is JSON, skip", 0, None),
    ("storm_lua", "Lua map calls error(), dead letters", 0, None),
    ("storm_lua_skip", "Lua map calls error(), skip", 0, None),
    ("storm_nil", "Lua map reckons with nil, dead letters", 0, None),
]
STORMS = {  # job -> the pipeline, what its script does at the end
    "storm_decode": ("storm_decode", ""), "storm_decode_skip": ("storm_decode_skip", ""),
    "storm_lua": ("storm_lua", 'error("bad")'),
    "storm_lua_skip": ("storm_lua_skip", 'error("bad")'),
    "storm_nil": ("storm_lua", "return r.nothing * 8"),
}
STORM_SHARE = 0.5  # of what the same pipeline does where no record fails
KAFKA_JOBS = [
    ("kafka", "Kafka topic, keyed 60 s aggregate, Kafka topic", 1.8e6, "kafka_fill"),
]
FORMATS = {"csv": "fields", "logfmt": "fields", "msgpack": "fields", "syslog": "syslog",
           "regex": "regex"}  # job -> the pipeline make_... that writes what it reads
FORMAT_SHARE = 2  # one line of theirs for so many readings
MEMORY_MIB = 64
START_MS = 50


def note(text):
    print(text, file=sys.stderr, flush=True)


def rich_record(luck, number):
    """A line with most of what JSON has."""
    pick = luck.randrange
    return (f'{{"id":"{luck.getrandbits(30):08x}-77aa","ts":{1700000000000 + number},'
            f'"site":{{"name":"München-Ost {pick(100)}","geo":{{"lat":48.{pick(10**6):06},'
            f'"lon":11.{pick(10**6):06}}}}},"user":"Jürgen €{pick(1000)}",'
            f'"ok":{"true" if pick(2) else "false"},'
            f'"note":"line one\\nline \\"two\\" \\u00e9 {pick(1000)}",'
            f'"tags":["a{pick(10)}","edge","日本"],'
            f'"load":[{pick(10)}.{pick(100)},{pick(10)}.{pick(100)},{pick(100)}],'
            f'"items":[{{"k":"x","v":{pick(1000)}}},{{"k":"y","v":{pick(1000)}}}],'
            f'"temp":{pick(40)}.{pick(10)},"host":"edge-{pick(20):02}","err":null}}\n')


class Bench:
    def __init__(self, options):
        self.tidemill = os.path.abspath(options.tidemill)
        self.records, self.repeats = options.records, options.repeats
        self.dir = options.dir or tempfile.mkdtemp(prefix="tidemill-bench-")
        os.makedirs(self.dir, exist_ok=True)
        self.readings = os.path.join(self.dir, f"readings-{self.records}.jsonl")
        self.rich_records = max(1, self.records // RICH_SHARE)
        self.rich = os.path.join(self.dir, f"rich-{self.rich_records}.jsonl")
        self.storm = os.path.join(self.dir, f"storm-{self.records}.jsonl")
        self.storm_input, self.ending = "", ""
        self.calm = {}  # storm -> records/s where no record fails
        self.count, self.format = self.records, ""

    def environment(self):
        return dict(os.environ, COUNT=str(self.count), READINGS=self.readings, RICH=self.rich,
                    FORMAT=self.format,
                    LINES=os.path.join(self.dir, "lines." + self.format),
                    STORM=self.storm_input, ENDING=self.ending,
                    RUN=str(os.getpid()),  # topics of its own
                    OUT=os.path.join(self.dir, "out"), LOG=os.path.join(self.dir, "log"))

    def tidemill_bench(self, pipeline):
        """One run; the program's own report."""
        command = [self.tidemill, "bench", "--json", os.path.join(HERE, pipeline + ".yaml")]
        done = subprocess.run(command, env=self.environment(), capture_output=True, text=True,
                              check=False)
        if done.returncode:
            sys.exit(f"bench: {' '.join(command)}\n{done.stderr}exit status {done.returncode}")
        return json.loads(done.stdout)[0]

    def clear(self, name):
        shutil.rmtree(os.path.join(self.dir, name), ignore_errors=True)

    def make_readings(self):
        if os.path.exists(self.readings):
            return
        note(f"making {self.records:,} readings in {self.dir} ...")
        part = self.readings + ".part"
        self.readings, final = part, self.readings
        self.tidemill_bench("make")
        os.rename(part, final)
        self.readings = final

    def make_rich(self):
        if os.path.exists(self.rich):
            return
        note(f"making {self.rich_records:,} rich records in {self.dir} ...")
        luck = random.Random(1)
        with open(self.rich + ".part", "w", encoding="utf-8") as file:
            file.writelines(rich_record(luck, number) for number in range(self.rich_records))
        os.rename(self.rich + ".part", self.rich)

    def make_storm(self):
        """The readings, each with a letter in the midst of a number."""
        if os.path.exists(self.storm):
            return
        note(f"spoiling {self.records:,} readings in {self.dir} ...")
        with open(self.readings, encoding="utf-8") as good, open(self.storm + ".part", "w",
                                                                 encoding="utf-8") as bad:
            bad.writelines(line.replace('"send_bytes":', '"send_bytes":x') for line in good)
        os.rename(self.storm + ".part", self.storm)

    def storm_runs(self, name):
        """Runs of a storm in turn with the same pipeline where no record fails."""
        pipeline, ending = STORMS[name]
        bad = self.storm if pipeline.startswith("storm_decode") else self.readings
        if bad == self.storm:
            self.make_storm()
        runs, calm = [], []
        for number in range(self.repeats + 1):
            note(f"{name}: " + ("warming up" if number == 0 else f"run {number}, calm and storm"))
            for source, end, into in ((self.readings, "return r", calm), (bad, ending, runs)):
                self.clear("out")
                self.storm_input, self.ending = source, end
                into.append(self.tidemill_bench(pipeline))
        self.calm[name] = statistics.median(run["records_per_second"] for run in calm[1:])
        return runs[1:]

    def make_lines(self, name):
        self.count, self.format = max(1, self.records // FORMAT_SHARE), name
        note(f"making {self.count:,} lines in {self.dir} ...")
        self.tidemill_bench("make_" + FORMATS[name])

    def job(self, name, before):
        records = self.records
        if name in FORMATS:
            self.make_lines(name)
            records = self.count
        if name.startswith("rich"):
            self.make_rich()
            records = self.rich_records
        if before:
            self.clear("log")
            self.tidemill_bench(before)
        runs = self.storm_runs(name) if name in STORMS else self.plain_runs(name)
        if any(run["records"] != records for run in runs):
            sys.exit(f"bench: {name} read {runs[0]['records']} records, not {records}")
        if name in FORMATS:
            os.remove(os.path.join(self.dir, "lines." + name))
            self.count = self.records
        return runs

    def plain_runs(self, name):
        runs = []
        for number in range(self.repeats + 1):
            self.clear("out")
            if name == "append":
                self.clear("log")
            note(f"{name}: " + ("warming up" if number == 0 else f"run {number}"))
            runs.append(self.tidemill_bench(name))
        return runs[1:]

    def start_ms(self):
        """From the start of the process to the first byte of output."""
        times = []
        small = os.path.join(self.dir, "one.jsonl")
        with open(self.readings, encoding="utf-8") as file, open(small, "w",
                                                                encoding="utf-8") as out:
            out.write(file.readline())
        for _ in range(self.repeats):
            started = time.perf_counter()
            with subprocess.Popen([self.tidemill, "run", "-q", os.path.join(HERE, "start.yaml")],
                                  env=dict(self.environment(), READINGS=small),
                                  stdout=subprocess.PIPE) as process:
                if not process.stdout.read(1):
                    sys.exit("bench: no record came")
                times.append((time.perf_counter() - started) * 1000)
        return statistics.median(times)


def summary(name, title, bar, runs):
    """The median run as a row."""
    runs = sorted(runs, key=lambda run: run["records_per_second"])
    run = runs[len(runs) // 2]
    stages = {node["name"]: round(node["busy_ns"] / run["records"], 1) for node in run["nodes"]}
    return {
        "job": name, "title": title, "records": run["records"],
        "records_per_second": round(run["records_per_second"]), "bar": bar,
        "ns_per_record": round(1e9 / run["records_per_second"], 1),
        "slowest": round(runs[0]["records_per_second"]),
        "fastest": round(runs[-1]["records_per_second"]),
        "peak_mib": round(max(r["peak_kib"] for r in runs) / 1024, 1),
        "allocations": run["allocations"], "stages_ns_per_record": stages,
    }


def compare_storms(rows, calm):
    """A storm's bar is a share of what the pipeline does without one."""
    for row in rows:
        normal = calm.get(row["job"])
        if normal:
            row["bar"] = round(normal * STORM_SHARE)
            row["percent_of_normal"] = round(100 * row["records_per_second"] / normal)
            row["title"] += f" ({row['percent_of_normal']} % of calm)"


def print_table(rows, start):
    print(f"{'':58} {'M records/s':>11} {'bar':>5} {'spread':>11} {'ns/record':>9} {'MiB':>6}")
    for row in rows:
        rate, bar = row["records_per_second"] / 1e6, row["bar"] / 1e6
        mark = "" if rate >= bar else f"  {100 * (1 - rate / bar):.0f} % below the bar"
        spread = f"{row['slowest'] / 1e6:.2f}-{row['fastest'] / 1e6:.2f}"
        print(f"{row['title']:58} {rate:11.2f} {bar:5.1f} {spread:>11} "
              f"{row['ns_per_record']:9.1f} {row['peak_mib']:6.1f}{mark}")
        print("    " + ", ".join(f"{name} {ns}" for name, ns in
                                 row["stages_ns_per_record"].items()) + " ns per record")
    print(f"{'start to first record':58} {start:8.1f} ms {START_MS:5} ms")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tidemill", default=os.path.join(SOURCE, "build/release/tidemill"))
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--kafka", action="store_true", help="the Kafka job as well, on a broker "
                        "that is started for it (or the one of KAFKA_BROKERS)")
    parser.add_argument("--records", type=int, default=RECORDS)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--dir", help="keep readings and outputs there")
    parser.add_argument("jobs", nargs="*", metavar="JOB",
                        help=" ".join(job[0] for job in JOBS + KAFKA_JOBS))
    options = parser.parse_args()
    unknown = set(options.jobs) - {job[0] for job in JOBS + KAFKA_JOBS}
    if unknown:
        parser.error(f"no job '{unknown.pop()}'")
    return options


def with_broker():
    """Runs this script again, given a broker."""
    broker = os.path.join(SOURCE, "tests/support/kafka_broker.py")
    os.execv(sys.executable, [sys.executable, broker, "run", "--", sys.executable, *sys.argv])


def main():
    options = arguments()
    wanted = [job for job in JOBS + (KAFKA_JOBS if options.kafka else [])
              if not options.jobs or job[0] in options.jobs]
    if options.kafka and "KAFKA_BROKERS" not in os.environ:
        with_broker()
    bench = Bench(options)
    try:
        bench.make_readings()
        rows = [summary(name, title, bar, bench.job(name, before))
                for name, title, bar, before in wanted]
        compare_storms(rows, bench.calm)
        start = bench.start_ms()
    finally:
        if not options.dir:
            shutil.rmtree(bench.dir, ignore_errors=True)
    if options.json:
        print(json.dumps({"jobs": rows, "start_ms": round(start, 1)}, indent=2))
    else:
        print_table(rows, start)
    return 0


if __name__ == "__main__":
    sys.exit(main())
