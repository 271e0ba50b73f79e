// SPDX-License-Identifier: MIT
#include "kit/checks.h"
#include "kit/child.h"
#include "kit/writing.h"

#include <string.h>

// Two-phase sinks: what is committed is there once, what is aborted is not, over a crash as well.

enum { RECORDS = 12 };

static const char rule[] = "sink.h: prepare, commit, abort";

static void begin(const struct subject *s)
{
    if (!(s->plugin->sink->capabilities & TIDE_SINK_TWO_PHASE))
        child_skip("it is not TWO_PHASE");
    writing_look(s);
}

static void write_epoch(struct writing *w, int epoch, struct epoch_data *data)
{
    writing_put(w, epoch, 0, RECORDS, RECORDS);
    writing_flush(w);
    writing_prepare(w, (uint64_t)epoch, data);
}

void check_commit(const struct subject *s, const struct part *part)
{
    (void)part;
    struct writing w;
    struct epoch_data data;
    begin(s);
    writing_open(&w, s);
    for (int epoch = 1; epoch <= 3; epoch++) {
        write_epoch(&w, epoch, &data);
        writing_commit(&w, &data);
    }
    writing_prepare(&w, 4, &data); // an epoch without records
    writing_commit(&w, &data);
    writing_close(&w);
    for (int epoch = 1; epoch <= 3; epoch++)
        writing_expect(&w, epoch, RECORDS, 1, rule, "after its commit");
    writing_end();
}

void check_commit_again(const struct subject *s, const struct part *part)
{
    (void)part;
    struct writing w;
    struct epoch_data data;
    begin(s);
    writing_open(&w, s);
    write_epoch(&w, 1, &data);
    writing_commit(&w, &data);
    writing_commit(&w, &data);
    writing_expect(&w, 1, RECORDS, 1, rule, "after two commits");
    writing_close(&w);
    writing_open(&w, s);
    writing_commit(&w, &data);
    writing_commit(&w, &data);
    writing_close(&w);
    writing_expect(&w, 1, RECORDS, 1, rule, "after commits by another instance");
    writing_end();
}

void check_abort(const struct subject *s, const struct part *part)
{
    (void)part;
    struct writing w;
    struct epoch_data first, second;
    begin(s);
    writing_open(&w, s);
    write_epoch(&w, 1, &first);
    writing_commit(&w, &first);
    write_epoch(&w, 2, &second);
    writing_abort(&w, &second);
    writing_expect(&w, 2, RECORDS, 0, rule, "after its abort");
    writing_expect(&w, 1, RECORDS, 1, rule, "after the abort of the next epoch");
    writing_abort(&w, &second);
    write_epoch(&w, 3, &second);
    writing_commit(&w, &second);
    writing_close(&w);
    writing_expect(&w, 1, RECORDS, 1, rule, "after the abort of the next epoch");
    writing_expect(&w, 2, RECORDS, 0, rule, "after its abort, and the commit of the next epoch");
    writing_expect(&w, 3, RECORDS, 1, rule, "committed after an abort:");
    writing_end();
}

// -- crashes: the instance that prepared is gone without a close --

struct life {
    const struct subject *subject;
    int epochs;      // that are prepared
    bool commits;    // those before the last
    bool unprepared; // writes one more behind them
};

static size_t live_and_crash(void *arg, void *out, size_t cap)
{
    const struct life *life = arg;
    struct writing w;
    struct epoch_data data = {.len = 0};
    writing_open(&w, life->subject);
    for (int epoch = 1; epoch <= life->epochs; epoch++) {
        write_epoch(&w, epoch, &data);
        if (epoch < life->epochs || life->commits)
            writing_commit(&w, &data);
    }
    if (life->unprepared) {
        writing_put(&w, life->epochs + 1, 0, RECORDS, RECORDS);
        writing_flush(&w);
    }
    size_t len = data.len < cap ? data.len : cap;
    memcpy(out, data.bytes, len);
    return len;
}

static void crash(struct life *life, struct epoch_data *data)
{
    begin(life->subject);
    data->len = child_crash(live_and_crash, life, data->bytes, sizeof data->bytes);
}

void check_crash_commit(const struct subject *s, const struct part *part)
{
    (void)part;
    struct life life = {.subject = s, .epochs = 2};
    struct epoch_data data;
    struct writing w;
    crash(&life, &data);
    writing_open(&w, s);
    writing_commit(&w, &data);
    writing_commit(&w, &data);
    write_epoch(&w, 3, &data);
    writing_commit(&w, &data);
    writing_close(&w);
    for (int epoch = 1; epoch <= 3; epoch++)
        writing_expect(&w, epoch, RECORDS, 1, rule,
                       "prepared, then a crash, then the commit by another instance:");
    writing_end();
}

void check_crash_abort(const struct subject *s, const struct part *part)
{
    (void)part;
    struct life life = {.subject = s, .epochs = 2};
    struct epoch_data data;
    struct writing w;
    crash(&life, &data);
    writing_open(&w, s);
    writing_abort(&w, &data);
    writing_abort(&w, &data);
    write_epoch(&w, 3, &data);
    writing_commit(&w, &data);
    writing_close(&w);
    writing_expect(&w, 1, RECORDS, 1, rule, "committed before the crash:");
    writing_expect(&w, 2, RECORDS, 0, rule,
                   "prepared, then a crash, then the abort by another instance:");
    writing_expect(&w, 3, RECORDS, 1, rule, "written after a crash and an abort:");
    writing_end();
}

void check_crash_unprepared(const struct subject *s, const struct part *part)
{
    (void)part;
    struct life life = {.subject = s, .epochs = 1, .commits = true, .unprepared = true};
    struct epoch_data data;
    struct writing w;
    crash(&life, &data);
    writing_open(&w, s);
    writing_commit(&w, &data); // of the last checkpoint
    write_epoch(&w, 3, &data);
    writing_commit(&w, &data);
    writing_close(&w);
    writing_expect(&w, 1, RECORDS, 1, rule, "committed before the crash:");
    writing_expect(&w, 2, RECORDS, 0, rule, "never prepared, then a crash:");
    writing_expect(&w, 3, RECORDS, 1, rule, "written after a crash:");
    writing_end();
}
