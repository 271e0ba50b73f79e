#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Plants one defect after the other in a copy of the engine, and tells after how many seeds the
simulator finds each. One that it does not find fails the run.

    mutants.py [--seeds N] [NAME...]
"""
import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
COPIED = ["CMakeLists.txt", "cmake", "runtime", "plugins", "packaging", "configs", "scripts",
          "docs", "tests", "LICENSE", "README.md"]

# name: (file, what stands there, what is to stand there)
MUTANTS = {
    "wrong lane": (
        "runtime/engine/scatter.c",
        "    return group_lane(group_of(hash), outlet->lanes);",
        "    return group_lane(group_of(hash) ^ (batch->count == 3), outlet->lanes);"),
    "no alignment": (
        "runtime/engine/operator_node.c",
        "        node->inputs[node->input].held = true;\n        node->barriers++;",
        "        node->barriers++;"),
    "barrier never let go": (
        "runtime/engine/operator_node.c",
        "        node->inputs[i].held = false;",
        "        node->inputs[i].held = i > 1;"),
    "greatest watermark": (
        "runtime/time/watermark.c",
        "        min = input->watermark < min ? input->watermark : min;",
        "        min = min == WATERMARK_END || input->watermark > min ? input->watermark : min;"),
    "record lost when a part is taken": (
        "runtime/engine/sink_driver.c",
        "    outgoing->accepted += accepted;",
        "    outgoing->accepted += accepted && accepted + 1 < count - outgoing->accepted ? accepted"
        " + 1 : accepted;"),
    "record twice when a part is taken": (
        "runtime/engine/sink_driver.c",
        "    outgoing->accepted += accepted;",
        "    outgoing->accepted += accepted > 1 && accepted < count - outgoing->accepted ? accepted"
        " - 1 : accepted;"),
    "producer not woken": (
        "runtime/engine/link.c", "    waker_wake(link->from);\n", ""),
    "consumer not woken": (
        "runtime/engine/link.c", "    waker_wake(link->to);\n", ""),
    "lane not woken by a source": (
        "runtime/engine/source_driver.c", "        waker_wake(ring->waker);\n", ""),
    "driver not woken by a sink's lane": (
        "runtime/engine/sink_node.c", "    driver_wake(&node->driver->driver);\n", ""),
    "bytes read twice after RETRY": (
        "runtime/engine/source_positions.c",
        "        split->skip = split->past;", "        split->skip = 0;"),
    "acknowledged too early": (
        "runtime/engine/lane_epochs.c",
        "barrier->epoch > flushed", "barrier->epoch > flushed + 1"),
    "sink not flushed at a barrier": (
        "runtime/engine/sink_driver.c",
        "(outgoing->marks & (BATCH_BARRIER | BATCH_END))", "(outgoing->marks & BATCH_END)"),
    "window told too early": (
        "runtime/time/watermark.c",
        "__builtin_sub_overflow(watermark, 1, &watermark))",
        "__builtin_add_overflow(watermark, 1, &watermark))"),
    "interrupted windows forgotten": (
        "runtime/operators/aggregate_slices.c",
        "    if (slices->at_work != INT64_MAX)\n        return slices->at_work;\n", ""),
    "idle before the end": (
        "runtime/engine/source_node.c",
        "    if (node->phase == SOURCE_ENDING && node->end_is_final)\n        return 0;\n", ""),
    "lanes do not end together": (
        "runtime/time/watermark.c",
        "    rouse_group(valve, input->group);", "    rouse_group(valve, 0);"),
    "order of a key lost": (
        "runtime/engine/plan_lanes.c",
        "    else if (takes_turns(to) || from->lanes > to->lanes)",
        "    else if (takes_turns(to) || from->lanes >= to->lanes)"),
}


def run(*command, cwd=None):
    return subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True)


def make_copy(folder):
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name)
        elif source.exists():
            shutil.copy(source, folder / name)
    options = ["-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release"]
    if shutil.which("ccache"):
        options += ["-DCMAKE_C_COMPILER_LAUNCHER=ccache", "-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"]
    done = run("cmake", "-S", folder, "-B", folder / "build", *options)
    if done.returncode:
        sys.exit(done.stderr)


def build(folder):
    done = run("ninja", "-C", folder / "build", "simulator")
    if done.returncode:
        sys.exit(done.stdout[-3000:])


def find(folder, seeds):
    """The first seed that fails, and why; None: none does."""
    done = run(folder / "build/tests/simulator", "--seed", 1, "--count", seeds)
    if done.returncode < 0:
        return f"the simulator died of signal {-done.returncode}"
    first = re.search(r"^seed (\d+) \(.*?\): (.*)$", done.stderr, re.MULTILINE)
    return first and f"seed {first[1]:>5}: {first[2][:90]}"


def try_mutant(folder, name, seeds):
    path, old, new = MUTANTS[name]
    file = folder / path
    text = file.read_text()
    if text.count(old) != 1:
        print(f"{name}: {path} has changed: what is to be replaced stands there "
              f"{text.count(old)} times")
        return False
    file.write_text(text.replace(old, new))
    try:
        build(folder)
        found = find(folder, seeds)
    finally:
        file.write_text(text)
    print(f"{name:<36} {found or 'NOT FOUND'}", flush=True)
    return bool(found)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=20000)
    parser.add_argument("names", nargs="*", default=[])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        make_copy(folder)
        missed = [name for name in options.names or MUTANTS
                  if not try_mutant(folder, name, options.seeds)]
    sys.exit(f"not found: {', '.join(missed)}" if missed else 0)


if __name__ == "__main__":
    main()
