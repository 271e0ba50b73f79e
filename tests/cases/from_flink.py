#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Turns window cases with exact results (as replayed from Apache Flink's own tests) into pipelines
with `tests:`, one file a case:

    from_flink.py CASES.json DIRECTORY

The files in windows/ were made so; `tidemill test` runs them."""
import json
import pathlib
import sys

HEAD = """# {checks}
# After Apache Flink's {test}; made by from_flink.py.
pipeline: cases

sources:
  in: {{ type: stdio, event_time: {{ field: ts }} }}

operators:
  sums:
    type: aggregate
    inputs: in
    key_by: key
    window: {window}
    compute: {{ value: sum(value) }}

sinks:
  out: {{ type: "null", inputs: sums }}
  late: {{ type: "null", inputs: sums.late }}

tests:
  - name: {name}
    steps:
"""


def gap_of(assigner):
    """A gap that depends on the record, as an expression over its fields."""
    text = ""
    rules = assigner["dynamic_gap"]
    for i, rule in enumerate(rules):
        tests = [f'{name} == {json.dumps(rule[name])}' for name in ("key", "value") if name in rule]
        value = str(rule["gap_ms"])
        text += value if i == len(rules) - 1 else f"{' and '.join(tests)} and {value} or "
    return text


def window_of(config):
    assigner, window = config["assigner"], []
    kind = assigner["type"]
    if kind == "tumbling":
        window.append(f"tumbling: {assigner['size_ms']}ms")
    elif kind == "sliding":
        window.append(f"sliding: {assigner['size_ms']}ms, every: {assigner['slide_ms']}ms")
    elif kind == "session" and "dynamic_gap" in assigner:
        window.append(f"session: {{ gap: '{gap_of(assigner)}' }}")
    elif kind == "session":
        window.append(f"session: {assigner['gap_ms']}ms")
    else:
        window.append("global: true")
    if config["allowed_lateness_ms"]:
        window.append(f"lateness: {config['allowed_lateness_ms']}ms")
    if config["time"] == "processing":
        window.append("time: processing")
    trigger = config["trigger"]
    if trigger["type"] == "count":
        window.append(f"emit: {{ count: {trigger['count']} }}")
    if trigger["purging"]:
        window.append("panes: discard")
    return "{ " + ", ".join(window) + " }"


def result(emit):
    start, end = emit["window_start"], emit["window_end"]
    return {"key": emit["key"], "start": start, "end": end, "value": emit["value"]}


def record(step):
    value = {"key": step["key"], "value": step["value"]}
    return value


def step_lines(step):
    kind, lines = step["do"], []
    if kind == "element":
        time = "" if step["ts"] == 2**63 - 1 else f", time: {step['ts']}"
        lines.append(f"send: {{ to: sums{time}, value: {json.dumps(record(step))} }}")
    elif kind == "watermark":
        lines.append(f"watermark: {{ to: sums, time: {step['ts']} }}")
    elif kind == "processing_time":
        lines.append(f"clock: {step['now']}")
    elif kind == "snapshot_restore":
        lines.append("restart: true")
    else:
        raise SystemExit(f"unknown step {kind}")
    values = json.dumps([result(emit) for emit in step.get("emit", [])])
    lines.append(f"expect: {{ from: sums, values: {values} }}")
    late = json.dumps([record(emit) for emit in step.get("late", [])])
    lines.append(f"expect: {{ from: sums.late, values: {late} }}")
    return lines


def pipeline(case):
    text = HEAD.format(checks=case["checks"], test=", ".join(case["source"]["tests"]),
                       name=case["id"], window=window_of(case["config"]))
    for step in case["steps"]:
        text += "".join(f"      - {line}\n" for line in step_lines(step))
    return text


VALVE = """# After Apache Flink's {test}; made by from_flink.py.
pipeline: cases

sources:
  in: {{ type: stdio, event_time: {{ field: ts }} }}

operators:
  through: {{ type: filter, inputs: in, when: "true" }}

sinks:
  out: {{ type: "null", inputs: through }}

tests:
  - name: {name}
    steps:
"""

NO_WATERMARK = -(2**63)


def valve(case):
    """The inputs are splits of a source; what the merged watermark is after each step."""
    lines, now = [f"active: {{ to: in, split: {case['inputs'] - 1} }}"], NO_WATERMARK
    for step in case["steps"]:
        time = f", time: {step['ts']}" if "ts" in step else ""
        lines.append(f"{step['do']}: {{ to: in, split: {step['input']}{time} }}")
        for emit in step["emit"]:
            now = emit.get("watermark", now)
        lines.append(f"expect: {{ from: through, watermark: {now} }}")
    text = VALVE.format(test=", ".join(case["source"]["tests"]), name=case["id"])
    return text + "".join(f"      - {line}\n" for line in lines)


ASSIGNER = """# {about}: the windows of a time are those that tell it when the end has come.
# After Apache Flink's {test}; made by from_flink.py.
pipeline: cases

sources:
  in: {{ type: stdio, event_time: {{ field: ts }} }}

operators:
  windows:
    type: aggregate
    inputs: in
    window: {window}
    compute: {{ n: count() }}

sinks:
  out: {{ type: "null", inputs: windows }}

tests:
"""


def assigner(case):
    config = case["assigner"]
    window = [f"{config['type']}: {config['size_ms']}ms"]
    if "slide_ms" in config:
        window.append(f"every: {config['slide_ms']}ms")
    if config.get("offset_ms"):
        window.append(f"offset: {config['offset_ms']}ms")
    text = ASSIGNER.format(about=config["type"], test=", ".join(case["source"]["tests"]),
                           name=case["id"], window="{ " + ", ".join(window) + " }")
    for one in case["cases"]:
        values = [{"start": start, "end": end, "n": 1} for start, end in one["windows"]]
        text += (f"  - name: of {one['ts']}\n    steps:\n"
                 f"      - send: {{ to: windows, time: {one['ts']}, value: {{}} }}\n"
                 f"      - watermark: {{ to: windows, time: end }}\n"
                 f"      - expect: {{ from: windows, values: {json.dumps(values)} }}\n")
    return text


def main(cases, directory):
    out = pathlib.Path(directory)
    data = json.loads(pathlib.Path(cases).read_text())
    made = {case["id"]: pipeline(case) for case in data["window_operator_cases"]
            if "point_value" not in case["config"]["assigner"]}
    made.update({case["id"]: valve(case) for case in data["watermark_merge_cases"]})
    made.update({case["id"]: assigner(case) for case in data["assigner_cases"]
                 if case["assigner"]["type"] in ("tumbling", "sliding")})
    for name, text in made.items():
        (out / f"{name.replace('-', '_').lower()}.yaml").write_text(text)


if __name__ == "__main__":
    main(*sys.argv[1:])
