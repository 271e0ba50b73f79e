// SPDX-License-Identifier: MIT
#include "cli/status.h"

#include "time/watermark.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

void number_grouped(uint64_t value, char out[NUMBER_MAX])
{
    char digits[NUMBER_MAX];
    int len = snprintf(digits, sizeof digits, "%" PRIu64, value);
    size_t at = 0;
    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = 0;
}

void number_short(double value, char out[NUMBER_MAX])
{
    static const char *const units[] = {"", " k", " M", " G"};
    size_t unit = 0;
    while (value >= 999.5 && unit < 3) {
        value /= 1000;
        unit++;
    }
    int decimals = unit && value < 9.95;
    snprintf(out, NUMBER_MAX, "%.*f%s", decimals, value, units[unit]);
}

static const char *const kinds[] = {
    [NODE_SOURCE] = "source",
    [NODE_OPERATOR] = "operator",
    [NODE_SINK] = "sink",
    [NODE_CONNECTION] = "connection",
};

void totals_add(struct totals *out, const struct totals *more)
{
    out->in += more->in;
    out->out += more->out;
    out->failed += more->failed;
    out->late += more->late;
    if (more->lag >= 0)
        out->lag = (out->lag < 0 ? 0 : out->lag) + more->lag;
    if (more->lag_bytes >= 0)
        out->lag_bytes = (out->lag_bytes < 0 ? 0 : out->lag_bytes) + more->lag_bytes;
    if (more->watermark != WATERMARK_NONE &&
        (out->watermark == WATERMARK_NONE || more->watermark < out->watermark))
        out->watermark = more->watermark;
}

static void add_source(struct totals *out, const struct node_status *node)
{
    const struct totals one = {.in = node->in,
                               .lag = node->lag,
                               .lag_bytes = node->lag_bytes,
                               .watermark = node->watermark};
    totals_add(out, &one);
}

void totals_of(struct totals *out, const struct engine_status *status)
{
    *out = (struct totals){.lag = -1, .lag_bytes = -1, .watermark = WATERMARK_NONE};
    for (uint32_t i = 0; i < status->node_count; i++) {
        const struct node_status *node = &status->nodes[i];
        if (node->kind == NODE_SOURCE)
            add_source(out, node);
        if (node->kind == NODE_SINK)
            out->out += node->in;
        out->failed += node->failed;
        out->late += node->late;
    }
}

static int add_count(struct buf *out, const char *name, uint64_t now, const uint64_t *since,
                     int64_t ms)
{
    char count[NUMBER_MAX], rate[NUMBER_MAX];
    number_grouped(now, count);
    if (!since || ms <= 0)
        return buf_printf(out, "%s %s  ", name, count);
    uint64_t more = now > *since ? now - *since : 0; // a pipeline that goes back counts less
    number_short((double)more * 1000 / (double)ms, rate);
    return buf_printf(out, "%s %s (%s/s)  ", name, count, rate);
}

static int add_bytes(struct buf *out, const char *name, uint64_t bytes)
{
    char size[NUMBER_MAX];
    number_short((double)bytes, size);
    return buf_printf(out, "%s %s%sB  ", name, size, bytes < 1000 ? " " : "");
}

static int add_watermark(struct buf *out, int64_t watermark)
{
    if (watermark == WATERMARK_NONE)
        return 0;
    if (watermark == WATERMARK_END)
        return buf_puts(out, "watermark end  ");
    time_t seconds = (time_t)(watermark / 1000);
    struct tm local;
    char text[32] = "?";
    if (localtime_r(&seconds, &local))
        strftime(text, sizeof text, "%H:%M:%S", &local);
    return buf_printf(out, "watermark %s  ", text);
}

int totals_line(const struct totals *now, const struct totals *since, int64_t ms, struct buf *out)
{
    int code = add_count(out, "in", now->in, since ? &since->in : NULL, ms);
    if (!code)
        code = add_count(out, "out", now->out, since ? &since->out : NULL, ms);
    if (!code && now->lag >= 0)
        code = add_count(out, "lag", (uint64_t)now->lag, NULL, 0);
    if (!code && now->lag_bytes >= 0)
        code = add_bytes(out, "lag", (uint64_t)now->lag_bytes);
    if (!code)
        code = add_watermark(out, now->watermark);
    if (!code)
        code = add_count(out, "late", now->late, NULL, 0);
    if (!code)
        code = add_count(out, "errors", now->failed, NULL, 0);
    if (!code)
        out->len -= 2; // the last two spaces
    return code;
}

static void set_count(json_t *object, const char *name, uint64_t value)
{
    json_object_set_new(object, name, json_integer((json_int_t)value));
}

static void set_known(json_t *object, const char *name, int64_t value)
{
    json_object_set_new(object, name, value < 0 ? json_null() : json_integer(value));
}

static json_t *node_json(const struct node_status *node)
{
    json_t *object = json_pack("{s:s, s:s, s:s}", "name", node->name, "kind", kinds[node->kind],
                               "type", node->type);
    set_count(object, "in", node->in);
    set_count(object, "out", node->out);
    set_count(object, "in_bytes", node->in_bytes);
    set_count(object, "out_bytes", node->out_bytes);
    set_count(object, "filtered", node->filtered);
    set_count(object, "failed", node->failed);
    set_count(object, "late", node->late);
    set_count(object, "absorbed", node->absorbed);
    set_count(object, "created", node->created);
    set_count(object, "retried", node->retried);
    set_count(object, "in_flight", node->in_flight);
    set_count(object, "busy_ns", node->busy_ns);
    set_known(object, "lag", node->lag);
    set_known(object, "lag_bytes", node->lag_bytes);
    json_object_set_new(object, "last_error",
                        node->last_error[0] ? json_string(node->last_error) : json_null());
    return object;
}

static json_t *nodes_json(const struct engine_status *status)
{
    json_t *nodes = json_array();
    for (uint32_t i = 0; i < status->node_count; i++)
        json_array_append_new(nodes, node_json(&status->nodes[i]));
    return nodes;
}

uint64_t peak_kib(void)
{
    struct rusage usage = {0};
    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)usage.ru_maxrss;
}

json_t *report_json(const struct engine_status *status, int64_t ms)
{
    int64_t first_ns = status->first_record_mono_ns - status->started_mono_ns;
    json_t *first = status->first_record_mono_ns ? json_real((double)first_ns / 1e6) : json_null();
    return json_pack("{s:o, s:f, s:o, s:I}", "nodes", nodes_json(status), "seconds",
                     (double)ms / 1000, "first_record_ms", first, "peak_kib",
                     (json_int_t)peak_kib());
}
