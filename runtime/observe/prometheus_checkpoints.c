// SPDX-License-Identifier: MIT
#include "observe/prometheus_text.h"

// Of pipelines that make checkpoints; what is of the newest begins with the first of this run.

static double made(const struct snapshot *snapshot)
{
    return (double)snapshot->checkpoints.made;
}

static double failed(const struct snapshot *snapshot)
{
    return (double)snapshot->checkpoints.failed;
}

static double took(const struct snapshot *snapshot)
{
    return (double)snapshot->checkpoints.took_us / 1e6;
}

static double bytes(const struct snapshot *snapshot)
{
    return (double)snapshot->checkpoints.bytes;
}

static double age(const struct snapshot *snapshot)
{
    int64_t ms = snapshot->now_ms - snapshot->checkpoints.wall_ms;
    return ms > 0 ? (double)ms / 1e3 : 0; // the clock may have been set
}

static const struct {
    const char *name, *type, *help;
    double (*value)(const struct snapshot *snapshot);
    bool of_newest;
} rows[] = {
    {"checkpoints_total", "counter", "Checkpoints that were made.", made, false},
    {"checkpoint_failures_total", "counter",
     "Checkpoints that were late or could not be written at once.", failed, false},
    {"checkpoint_duration_seconds", "gauge", "What the newest took, from its first barrier.", took,
     true},
    {"checkpoint_bytes", "gauge", "What the store takes on the disk.", bytes, true},
    {"checkpoint_age_seconds", "gauge", "Time since the newest checkpoint.", age, true},
};

static bool has(const struct snapshot *snapshot, bool of_newest)
{
    return snapshot->checkpoints.kept && (!of_newest || snapshot->checkpoints.made);
}

static int put_row(const struct snapshots *all, size_t row, struct buf *out)
{
    int code = 0;
    bool begun = false;
    for (uint32_t i = 0; i < all->count && !code; i++) {
        if (!has(&all->items[i], rows[row].of_newest))
            continue;
        if (!begun)
            code =
                prometheus_head("tidemill_", rows[row].name, rows[row].type, rows[row].help, out);
        begun = true;
        if (!code)
            code = buf_printf(out, "tidemill_%s", rows[row].name);
        if (!code)
            code = prometheus_labels(&all->items[i], NULL, out);
        if (!code)
            code = prometheus_number(rows[row].value(&all->items[i]), out);
    }
    return code;
}

int prometheus_checkpoints(const struct snapshots *all, struct buf *out)
{
    int code = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows && !code; i++)
        code = put_row(all, i, out);
    return code;
}
