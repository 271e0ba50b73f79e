# SPDX-License-Identifier: MIT
"""What a job does with its records: the operators, and what must come of which input.

`wanted` and `found` are multisets of the same tuples: from the input, and from the output.
"""

import collections

WINDOW_MS = 1000
GAP_MS = 100  # no two records are exactly so far apart: times differ by threes


class Pass:
    """Every record goes through."""
    operators, script, port = "", "", "in"

    @staticmethod
    def input(given):
        return given

    @staticmethod
    def wanted(given):
        return collections.Counter((r["dev"], r["seq"]) for r in given)

    @staticmethod
    def found(out):
        return collections.Counter((r["dev"], r["seq"]) for r in out)


class Window(Pass):
    """Sums by device and second; each names the range of records that made it."""
    port = "sums"
    operators = f"""
operators:
  sums:
    type: aggregate
    inputs: in
    key_by: dev
    window: {{ tumbling: {WINDOW_MS}ms }}
    compute: {{ count: count(), total: sum(n), first: min(seq), last: max(seq) }}
"""

    @staticmethod
    def wanted(given):
        sums = collections.defaultdict(list)
        for r in given:
            sums[r["dev"], r["ts"] // WINDOW_MS * WINDOW_MS].append(r)
        return collections.Counter(
            (*key, len(of), sum(r["n"] for r in of), min(r["seq"] for r in of),
             max(r["seq"] for r in of)) for key, of in sums.items())

    @staticmethod
    def found(out):
        return collections.Counter((r["dev"], r["start"], r["count"], r["total"], r["first"],
                                    r["last"]) for r in out)


class Session(Window):
    """The same by sessions."""
    operators = Window.operators.replace(f"tumbling: {WINDOW_MS}ms", f"session: {GAP_MS}ms")

    @staticmethod
    def wanted(given):
        of, found = collections.defaultdict(list), collections.Counter()
        for r in sorted(given, key=lambda r: r["ts"]):
            if of[r["dev"]] and r["ts"] - of[r["dev"]][-1]["ts"] > GAP_MS:
                found[Session.told(of.pop(r["dev"]))] += 1
            of[r["dev"]].append(r)
        found.update(Session.told(session) for session in of.values())
        return found

    @staticmethod
    def told(session):
        numbers = [r["seq"] for r in session]
        return (session[0]["dev"], session[0]["ts"], len(session), sum(r["n"] for r in session),
                min(numbers), max(numbers))


class Process(Pass):
    """Numbers the records of a device, and tells by a timer how many a second had."""
    port = "work"
    operators = """
operators:
  work: { type: process, inputs: in, key_by: dev, script: stage.lua }
"""
    script = """
return {
  state = { all = state.counter(), by_second = state.map() },
  on_record = function(r, ctx)
    local second = r.ts // 1000
    ctx.by_second:set(second, (ctx.by_second:get(second) or 0) + 1)
    ctx.timer(tostring(second), second * 1000 + 1500)
    ctx.emit { dev = ctx.key, seq = r.seq, number = ctx.all:add(1) }
  end,
  on_timer = function(name, ctx)
    local second = math.tointeger(tonumber(name))
    ctx.emit { dev = ctx.key, seq = second, count = ctx.by_second:get(second) }
  end,
}
"""

    @staticmethod
    def wanted(given):
        found = collections.Counter((r["dev"], r["seq"], r["seq"], None) for r in given)
        seconds = collections.Counter((r["dev"], r["ts"] // 1000) for r in given)
        found.update((dev, second, None, count) for (dev, second), count in seconds.items())
        return found

    @staticmethod
    def found(out):
        return collections.Counter((r["dev"], r["seq"], r.get("number"), r.get("count"))
                                   for r in out)


class Dedup(Pass):
    """Every record comes twice, and goes through once."""
    port = "once"
    operators = """
operators:
  once: { type: dedup, inputs: in, key_by: [dev, seq], within: 1h }
"""

    @staticmethod
    def input(given):
        for i, r in enumerate(given):
            yield r
            if i >= 40:
                yield given[i - 40]
        yield from given[-40:]


class Join(Pass):
    """Records with those of them that have an even number, or alone."""
    port = "pairs"
    operators = """
operators:
  even: { type: filter, inputs: in, when: seq % 2 == 0 }
  pairs:
    type: join
    inputs: { left: in, right: even }
    on: [dev, seq]
    interval: { before: 0s, after: 0s }
    kind: left
"""

    @staticmethod
    def wanted(given):
        return collections.Counter((r["dev"], r["seq"], r["n"] if r["seq"] % 2 == 0 else None)
                                   for r in given)

    @staticmethod
    def found(out):
        return collections.Counter((r["dev"], r["seq"], r.get("right_n")) for r in out)


STAGES = {"pass": Pass, "window": Window, "session": Session, "process": Process, "dedup": Dedup,
          "join": Join}
