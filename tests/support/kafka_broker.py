#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""One real Apache Kafka node (KRaft) on loopback, for tests. Python's standard library only.

    with KafkaBroker() as broker:            # a fresh node in a temporary directory
        os.environ["KAFKA_BROKERS"] = broker.bootstrap

    kafka_broker.py run -- COMMAND ARG...    # a fresh node for one command; its exit status
    kafka_broker.py start --state DIR        # a node that stays; prints its bootstrap address
    kafka_broker.py with  --state DIR -- COMMAND ARG...   # a command against that node
    kafka_broker.py stop | kill | pause | resume | restart | status | remove --state DIR
    kafka_broker.py jars                     # only fetches the jars; prints where they are

Commands find KAFKA_BROKERS (host:port), KAFKA_PID, KAFKA_STATE (the node's directory) and
KAFKA_BROKER_PY (this script) in their environment.

The jars come from Maven (kafka/pom.xml names the version) into a cache outside of the source tree:
$KAFKA_JARS_DIR, or ${XDG_CACHE_HOME:-~/.cache}/tidemill/kafka-<hash of the pom>. A node keeps its
ports and data over stop and start. The node is ended by its process id only.
"""
import argparse
import base64
import contextlib
import ctypes
import fcntl
import hashlib
import json
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
POM = os.path.join(HERE, "kafka", "pom.xml")
START_DEADLINE_S = 90
STOP_DEADLINE_S = 20

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs={data}
num.partitions=4
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
log.retention.ms=-1
"""


class BrokerError(Exception):
    pass


def wait_until(condition, deadline_s, what):
    """Polls `condition` until it is true; BrokerError when it is not in time."""
    end = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > end:
            raise BrokerError(f"{what}: not within {deadline_s} s")
        time.sleep(0.05)


# -- the jars ------------------------------------------------------------------------------------

def jars_dir():
    given = os.environ.get("KAFKA_JARS_DIR")
    if given:
        return given
    with open(POM, "rb") as pom:
        digest = hashlib.sha256(pom.read()).hexdigest()[:12]
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(cache, "tidemill", f"kafka-{digest}")


def fetch_jars():
    """Returns the directory of the jars, fetched if need be. Safe to run many times at once."""
    target = jars_dir()
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(target + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.isdir(target):
            return target
        part = tempfile.mkdtemp(prefix="jars-", dir=os.path.dirname(target))
        command = ["mvn", "-B", "-ntp", "-q", "-f", POM, "dependency:copy-dependencies",
                   f"-DoutputDirectory={part}", "-DincludeScope=runtime"]
        try:
            got = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, timeout=600)
        except FileNotFoundError:
            shutil.rmtree(part)
            raise BrokerError("mvn is not there: apt-get install maven default-jre-headless")
        if got.returncode != 0:
            shutil.rmtree(part)
            raise BrokerError("mvn failed:\n" + got.stdout.decode(errors="replace")[-4000:])
        os.rename(part, target)  # complete or not there at all
        return target


# -- the network ---------------------------------------------------------------------------------

def free_port(taken=()):
    """A port that nobody listens on, below the range from which the kernel takes ports for
    outgoing connections: nobody takes it by chance while the node is stopped."""
    for _ in range(1000):
        port = random.SystemRandom().randrange(12000, 32000)
        if port in taken:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise BrokerError("no free port")


def recv_exactly(sock, size):
    data = b""
    while len(data) < size:
        chunk = sock.recv(size - len(data))
        if not chunk:
            raise OSError("closed")
        data += chunk
    return data


def answers(port, timeout_s=2.0):
    """True when the node answers a Metadata request with itself in the list of brokers."""
    body = struct.pack(">hhih", 3, 1, 7, 4) + b"test" + struct.pack(">i", 0)
    try:
        with socket.create_connection(("127.0.0.1", port), timeout_s) as sock:
            sock.settimeout(timeout_s)
            sock.sendall(struct.pack(">i", len(body)) + body)
            size = struct.unpack(">i", recv_exactly(sock, 4))[0]
            answer = recv_exactly(sock, size)
    except (OSError, struct.error):
        return False
    return len(answer) >= 8 and struct.unpack(">ii", answer[:8])[1] >= 1


# -- processes -----------------------------------------------------------------------------------

def start_time(pid):
    """When a process started, in clock ticks: with its id it names one process for good."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            fields = stat.read().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def die_with_parent():
    ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class KafkaBroker:
    """A node in `directory` (given: it stays there; not given: temporary, removed by `close`)."""

    def __init__(self, directory=None, die_with_me=True):
        self.temporary = directory is None
        self.directory = directory or tempfile.mkdtemp(prefix="tidemill-kafka-")
        self.die_with_me = die_with_me and self.temporary
        self.child = None
        self.info = {}
        os.makedirs(self.directory, exist_ok=True)
        with contextlib.suppress(OSError, ValueError):
            with open(self._path("broker.json")) as file:
                self.info = json.load(file)

    def _path(self, name):
        return os.path.join(self.directory, name)

    @property
    def bootstrap(self):
        return f"127.0.0.1:{self.info['port']}"

    @property
    def pid(self):
        return self.info.get("pid")

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.temporary:
            self.remove()
        else:
            self.stop()

    def remove(self):
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def environment(self):
        return dict(os.environ, KAFKA_BROKERS=self.bootstrap, KAFKA_PID=str(self.pid),
                    KAFKA_STATE=self.directory, KAFKA_BROKER_PY=os.path.abspath(__file__))

    # -- start --

    def start(self):
        if self.running():
            return self
        self.jars = fetch_jars()
        for attempt in range(3):
            fresh = "port" not in self.info
            if fresh:
                self._format()
            self._launch()
            try:
                wait_until(self._ready, START_DEADLINE_S, "the broker's start")
                return self
            except BrokerError:
                self.stop()
                if not fresh or attempt == 2:
                    raise BrokerError("the broker did not start:\n" + self.log_tail())
                self.info = {}  # somebody may have taken a port meanwhile: other ones
        return self

    def _format(self):
        shutil.rmtree(self._path("data"), ignore_errors=True)
        port = free_port()
        controller = free_port((port,))
        with open(self._path("server.properties"), "w") as file:
            file.write(PROPERTIES.format(port=port, controller=controller,
                                         data=self._path("data")))
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        while cluster.startswith("-"):
            cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        got = subprocess.run(self._java("-Xmx128m", "kafka.tools.StorageTool", "format", "-t",
                                        cluster, "-c", self._path("server.properties")),
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, cwd=self.directory, timeout=60)
        if got.returncode != 0:
            raise BrokerError("format failed:\n" + got.stdout.decode(errors="replace")[-4000:])
        self.info = {"port": port, "controller": controller}

    def _java(self, heap, *command):
        return ["java", heap, "-cp", os.path.join(self.jars, "*"), *command]

    def _launch(self):
        with open(self._path("broker.log"), "ab") as log:
            self.child = subprocess.Popen(
                self._java("-Xmx512m", "kafka.Kafka", self._path("server.properties")),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory,
                close_fds=True, start_new_session=True,
                preexec_fn=die_with_parent if self.die_with_me else None)
        self.info.update(pid=self.child.pid, started=start_time(self.child.pid))
        self._save()

    def _save(self):
        with open(self._path("broker.json.new"), "w") as file:
            json.dump(self.info, file)
        os.rename(self._path("broker.json.new"), self._path("broker.json"))

    def _ready(self):
        if not self.running():
            raise BrokerError("it ended")
        return answers(self.info["port"])

    def log_tail(self):
        with contextlib.suppress(OSError):
            with open(self._path("broker.log"), errors="replace") as log:
                return log.read()[-4000:]
        return ""

    # -- running, stop, pause --

    def running(self):
        if self.child:
            self.child.poll()  # reaps it
        pid = self.info.get("pid")
        return pid is not None and start_time(pid) == self.info.get("started")

    def _signal(self, number):
        if self.running():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.info["pid"], number)

    def stop(self):
        """SIGTERM, then SIGKILL when that takes too long. Data and ports stay."""
        self.resume()
        self._signal(signal.SIGTERM)
        try:
            wait_until(lambda: not self.running(), STOP_DEADLINE_S, "the broker's stop")
        except BrokerError:
            self.kill()

    def kill(self):
        """SIGKILL: the node's crash. Data and ports stay."""
        self._signal(signal.SIGKILL)
        wait_until(lambda: not self.running(), STOP_DEADLINE_S, "the broker's end")

    def pause(self):
        self._signal(signal.SIGSTOP)

    def resume(self):
        self._signal(signal.SIGCONT)

    def restart(self):
        self.stop()
        return self.start()

    # -- the tool (tests/support/kafka), for tests in Python --

    def tool(self, *arguments, data=None, timeout=120):
        """Runs kafka_tool ($KAFKA_TOOL, or on the path) and returns its standard output."""
        command = [os.environ.get("KAFKA_TOOL", "kafka_tool"), "-b", self.bootstrap, *arguments]
        got = subprocess.run(command, input=data, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, timeout=timeout)
        if got.returncode != 0:
            raise BrokerError(" ".join(command) + ":\n" + got.stderr.decode(errors="replace"))
        return got.stdout.decode()

    def create_topic(self, topic, partitions=4, **settings):
        pairs = [f"{name.replace('_', '.')}={value}" for name, value in settings.items()]
        self.tool("create", topic, str(partitions), *pairs)

    def delete_topic(self, topic):
        self.tool("delete", topic)

    def produce(self, topic, records, *options):
        """`records`: (key, value) pairs of text without tabs and newlines; value None: a
        tombstone, key None: none."""
        lines = "".join((key or "") + ("\n" if value is None else f"\t{value}\n")
                        for key, value in records)
        self.tool("produce", topic, *options, data=lines.encode())

    def consume(self, topic, *options):
        """All committed records, in the order of partition and offset: dictionaries with
        partition, offset, time, key, value, headers."""
        lines = self.tool("consume", topic, *options).splitlines()
        records = [json.loads(line) for line in lines]
        return sorted(records, key=lambda r: (r["partition"], r["offset"]))

    def count(self, topic, *options):
        return int(self.tool("count", topic, *options))

    def committed(self, group, topic):
        """{partition: committed offset, or None}"""
        return {int(partition): None if offset == "-" else int(offset) for partition, offset in
                (line.split() for line in self.tool("committed", topic, group).splitlines())}


# -- the command line ----------------------------------------------------------------------------

def run_command(broker, command):
    if not command:
        raise BrokerError("no command given: -- COMMAND ARG...")
    return subprocess.run(command, env=broker.environment()).returncode


def known(directory):
    broker = KafkaBroker(directory)
    if "port" not in broker.info:
        raise BrokerError(f"no broker in {directory}: start it first")
    return broker


def start_shared(directory):
    """A fresh node; what an earlier, broken-off run has left there is ended first."""
    KafkaBroker(directory).remove()
    print(KafkaBroker(directory).start().bootstrap)
    return 0


def act(options):
    if options.action == "jars":
        print(fetch_jars())
        return 0
    if options.action == "run":
        with KafkaBroker() as broker:
            return run_command(broker, options.command)
    if not options.state:
        raise BrokerError(f"{options.action} needs --state DIR")
    if options.action == "start":
        return start_shared(options.state)
    broker = known(options.state)
    if options.action == "with":
        broker.resume()  # whatever the test before has left
        return run_command(broker.start(), options.command)
    if options.action == "status":
        print("running" if broker.running() else "stopped", broker.bootstrap, broker.pid)
        return 0
    getattr(broker, options.action)()
    return 0


def main():
    actions = ["run", "start", "stop", "kill", "pause", "resume", "restart", "with", "status",
               "remove", "jars"]
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("action", choices=actions)
    parser.add_argument("--state", metavar="DIR", type=os.path.abspath)
    split = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    options = parser.parse_args(sys.argv[1:split])
    options.command = sys.argv[split + 1:]
    # SIGTERM ends the node too: leave by way of every `with`.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return act(options)
    except BrokerError as error:
        print(f"kafka_broker: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
