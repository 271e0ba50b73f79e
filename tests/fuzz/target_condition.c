// SPDX-License-Identifier: MIT
#include "fuzz/stand.h"
#include "base/clock.h"
#include "lua/script.h"

// The text of a condition (`when:`): it is refused with words, or runs over records within its
// limits and touches nothing: the records are as they were.

enum { MEMORY = 4 << 20, TIME_MS = 10 };

static const char *const lines[] = {
    "{\"status\":503,\"method\":\"GET\",\"tags\":[\"a\",\"b\"],\"user\":{\"id\":7,\"ok\":true}}",
    "{\"status\":\"no\",\"a\":null,\"b\":-1.5}",
    "{}",
};
enum { LINES = sizeof lines / sizeof *lines };

struct outcome {
    uint32_t kept, done, failed;
};

static enum script_verdict count_done(void *arg, uint32_t index, bool kept)
{
    struct outcome *outcome = arg;
    outcome->done++;
    outcome->kept |= (uint32_t)kept << index;
    return SCRIPT_NEXT;
}

static enum script_verdict count_failed(void *arg, uint32_t index, const struct error *err)
{
    struct outcome *outcome = arg;
    (void)index;
    PROMISE(err->len > 0);
    outcome->failed++;
    return SCRIPT_NEXT;
}

static void add_lines(struct stand *stand, struct json_reader *reader)
{
    stand->batch->cursor = stand->batch->count;
    for (size_t i = 0; i < LINES; i++) {
        struct record *record = stand_record(stand);
        const char *text = stand_text(stand, lines[i], strlen(lines[i]), CHUNK_PAD);
        record_init(record, shape_empty(stand->shapes));
        PROMISE(json_read(reader, stand->batch, text, strlen(lines[i]), CHUNK_PAD, record, NULL) ==
                0);
    }
}

static void run(struct stand *stand, struct json_reader *reader, struct script *script)
{
    struct outcome outcome = {0};
    struct script_sink sink = {.arg = &outcome, .done = count_done, .failed = count_failed};
    add_lines(stand, reader);
    uint32_t first = stand->batch->cursor;
    int code = script_run(script, SCRIPT_CALL_FILTER, stand->batch, &sink, &stand->err);
    PROMISE_OF(code == 0 || code == ERR_LIMIT || code == ERR_NOMEM, stand->err.text);
    PROMISE(code || outcome.done + outcome.failed == LINES);
    for (size_t i = 0; i < LINES; i++) {
        const char *text = stand_json(stand, &stand->batch->records[first + i]);
        PROMISE_OF(strcmp(text, lines[i]) == 0, text);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct stand stand;
    struct script *script = NULL;
    if (memchr(data, 0, size)) // it comes from YAML, which knows no NUL
        return 0;
    stand_open(&stand);
    char *text = strndup((const char *)data, size);
    struct json_reader *reader = json_reader_new(stand.shapes, NULL);
    PROMISE(text != NULL && reader != NULL);
    struct virtual_clock clock;
    virtual_clock_init(&clock, 1700000000000);
    struct script_source source = {.name = "p.yaml:12",
                                   .clock = &clock.clock,
                                   .node = "node",
                                   .shapes = stand.shapes,
                                   .limits = {.memory_bytes = MEMORY, .time_ms = TIME_MS}};
    int code = script_condition(&script, &source, text, &stand.err);
    PROMISE((code == 0) == (script != NULL) && (code == 0 || stand.err.len > 0));
    if (code == 0)
        run(&stand, reader, script);
    script_free(script);
    json_reader_free(reader);
    free(text);
    stand_close(&stand);
    return 0;
}
