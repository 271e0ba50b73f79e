// SPDX-License-Identifier: MIT
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "support.h"

// A deciding connection in a process of its own, step by step: tx_driver BROKERS PIPELINE
// [name=value...] reads a command a line and answers each with a line, the result's name first.
//
//   look, settle             decided; the mark follows
//   sink TOPIC [name=value]  opens the sink; source TOPIC [name=value] the source
//   at SPLIT OFFSET          where the source is to begin in that split
//   begin N, abort N, close
//   write FIRST LAST         records with these numbers, key and value
//   read COUNT               on until so many were read in all; their values follow
//   flush, prepare N         of the sink; of the connection, with the source's positions
//   commit N MARK            what was decided follows

enum { DEADLINE_MS = 60000, MAX_AT = 16 };

static struct {
    struct fake_host host;
    const tide_connection *table;
    void *self;
    struct kafka_sink sink;
    struct kafka_source source;
    struct {
        char split[80];
        int64_t offset;
    } at[MAX_AT];
    int at_count;
} it;

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void answer(tide_result result, const struct fake_host *host, const char *more)
{
    static const char *const names[] = {"FENCED", "FATAL", "DATA", "RETRY", "OK", "AGAIN", "EOF"};
    printf("%s %s\n", names[result - TIDE_FENCED], result < 0 ? host->reason : more);
    fflush(stdout);
}

static void set(struct fake_host *host, char *pairs)
{
    for (char *pair = strtok(pairs, " "); pair; pair = strtok(NULL, " ")) {
        char *sign = strchr(pair, '=');
        if (!sign)
            abort();
        *sign = 0;
        fake_set(host, pair, sign + 1);
    }
}

// The rest of a line behind its first word, which is cut off.
static char *cut(char *text)
{
    char *space = strchr(text, ' ');
    if (!space)
        return text + strlen(text);
    *space = 0;
    return space + 1;
}

// -- the connection --

static void decided(int look)
{
    tide_buf *mark = fake_buf_new();
    tide_result result;
    int64_t end = now_ms() + DEADLINE_MS;
    while ((result = it.table->decided(it.self, look, mark)) == TIDE_AGAIN && now_ms() < end)
        fake_wait(&it.host, -1, 100);
    const struct fake_bytes *bytes = fake_buf_bytes(mark);
    answer(result, &it.host, bytes->data ? bytes->data : "");
    fake_buf_free(mark);
}

static void abort_epoch(uint64_t epoch)
{
    tide_result result;
    int64_t end = now_ms() + DEADLINE_MS;
    while ((result = it.table->abort(it.self, epoch)) == TIDE_AGAIN && now_ms() < end)
        fake_wait(&it.host, -1, 100);
    answer(result, &it.host, "");
}

static void prepare(uint64_t epoch)
{
    struct kafka_source *source = &it.source;
    uint32_t count = source->self ? (uint32_t)source->host.split_count : 0;
    tide_position positions[64];
    tide_buf *at[64];
    for (uint32_t i = 0; i < count; i++) {
        at[i] = fake_buf_new();
        source->plugin->position(source->self, i, at[i]);
        const struct fake_bytes *bytes = fake_buf_bytes(at[i]);
        const struct fake_bytes *name = &source->host.splits[i].name;
        positions[i] = (tide_position){.struct_size = sizeof *positions,
                                       .split = i,
                                       .position = {bytes->data, bytes->len},
                                       .name = {name->data, name->len},
                                       .node = source->host.node};
    }
    tide_result result;
    int64_t end = now_ms() + DEADLINE_MS;
    while ((result = it.table->prepare(it.self, epoch, positions, count, sizeof *positions)) ==
               TIDE_AGAIN &&
           now_ms() < end)
        fake_wait(&it.host, -1, 100);
    answer(result, &it.host, "");
    for (uint32_t i = 0; i < count; i++)
        fake_buf_free(at[i]);
}

static void commit(uint64_t epoch, const char *mark)
{
    static const char *const names[] = {"undecided", "decided", "unknown"};
    int32_t decision = -1;
    tide_result result =
        it.table->commit(it.self, epoch, (tide_bytes){mark, strlen(mark)}, &decision);
    answer(result, &it.host, decision < 0 ? "" : names[decision]);
}

// -- its nodes --

static void open_sink(char *topic)
{
    char *rest = cut(topic);
    kafka_sink_init(&it.sink, NULL, topic);
    it.sink.host.connection = it.self;
    it.sink.host.pipeline = it.host.pipeline;
    set(&it.sink.host, rest);
    answer(kafka_sink_open(&it.sink), &it.sink.host, "");
}

static void open_source(char *topic)
{
    char *rest = cut(topic);
    kafka_source_init(&it.source, NULL, topic);
    it.source.host.connection = it.self;
    it.source.host.pipeline = it.host.pipeline;
    it.source.host.node = "in";
    set(&it.source.host, rest);
    answer(kafka_source_open(&it.source), &it.source.host, "");
}

static void write_numbers(int first, int last)
{
    tide_result result = TIDE_OK;
    for (int n = first; n <= last && result >= 0; n++) {
        char text[16];
        size_t len = (size_t)snprintf(text, sizeof text, "%d", n);
        tide_record record = {.struct_size = sizeof record,
                              .offset = TIDE_NO_OFFSET,
                              .time_ms = TIDE_NO_TIME,
                              .key = {text, len},
                              .value = {text, len}};
        result = fake_write(&it.sink.host, it.sink.plugin, it.sink.self, &record, 1);
    }
    answer(result, &it.sink.host, "");
}

static void place(void)
{
    for (int i = 0; i < it.at_count; i++) {
        int id = fake_split_id(&it.source.host, it.at[i].split);
        unsigned char bytes[8];
        for (int k = 0; k < 8; k++)
            bytes[k] = (unsigned char)((uint64_t)it.at[i].offset >> (8 * k));
        if (id >= 0 && !it.source.host.splits[id].assigned)
            fake_position(&it.source.host, it.at[i].split, bytes, sizeof bytes);
    }
}

static void read_records(size_t count)
{
    struct kafka_source *source = &it.source;
    tide_result result = TIDE_AGAIN;
    int64_t end = now_ms() + DEADLINE_MS;
    while (source->host.message_count < count && now_ms() < end && result >= 0) {
        place();
        result = fake_assign(&source->host, source->plugin, source->self);
        if (result >= 0)
            result = fake_read(&source->host, source->plugin, source->self,
                               (uint32_t)(count - source->host.message_count));
        if (result == TIDE_AGAIN && source->host.message_count < count)
            fake_wait(&source->host, source->plugin->poll_fd(source->self), 20);
    }
    size_t size = (source->host.message_count + 1) * 12;
    char *text = calloc(size, 1);
    if (!text)
        abort();
    for (size_t i = 0, len = 0; i < source->host.message_count; i++)
        len += (size_t)snprintf(text + len, size - len, "%s ", source->host.messages[i].value.data);
    answer(result < 0 ? result : TIDE_OK, &source->host, text);
    free(text);
}

static void close_all(void)
{
    if (it.sink.self)
        kafka_sink_close(&it.sink);
    if (it.source.self)
        kafka_source_close(&it.source);
    it.sink.self = it.source.self = NULL;
    it.table->close(it.self);
}

static int obey(char *line)
{
    char *rest = cut(line);
    if (!strcmp(line, "look") || !strcmp(line, "settle"))
        decided(*line == 'l');
    else if (!strcmp(line, "sink"))
        open_sink(rest);
    else if (!strcmp(line, "source"))
        open_source(rest);
    else if (!strcmp(line, "begin"))
        answer(it.table->begin(it.self, strtoull(rest, NULL, 10)), &it.host, "");
    else if (!strcmp(line, "abort"))
        abort_epoch(strtoull(rest, NULL, 10));
    else if (!strcmp(line, "prepare"))
        prepare(strtoull(rest, NULL, 10));
    else if (!strcmp(line, "flush"))
        answer(fake_flush(&it.sink.host, it.sink.plugin, it.sink.self, DEADLINE_MS), &it.sink.host,
               "");
    else if (!strcmp(line, "read"))
        read_records(strtoull(rest, NULL, 10));
    else if (!strcmp(line, "write")) {
        char *last = cut(rest);
        write_numbers(atoi(rest), atoi(last));
    } else if (!strcmp(line, "commit")) {
        char *mark = cut(rest);
        commit(strtoull(rest, NULL, 10), mark);
    } else if (!strcmp(line, "at") && it.at_count < MAX_AT) {
        char *offset = cut(rest);
        snprintf(it.at[it.at_count].split, sizeof it.at->split, "%s", rest);
        it.at[it.at_count++].offset = strtoll(offset, NULL, 10);
        answer(TIDE_OK, &it.host, "");
    } else {
        return strcmp(line, "close") == 0 ? 0 : -1;
    }
    return 1;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    fake_host_init(&it.host);
    it.host.pipeline = argv[2];
    it.table = fake_load(kafka_plugin_file())->connection;
    fake_add(&it.host, "brokers", argv[1]);
    for (int i = 3; i < argc; i++)
        set(&it.host, argv[i]);
    fake_defaults(&it.host, it.table->options);
    tide_result result = it.table->open(&it.host.table, fake_ctx(&it.host), &it.self);
    answer(result, &it.host, "");
    char line[512];
    int go_on = result == TIDE_OK;
    while (go_on == 1 && fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        go_on = obey(line);
    }
    if (it.self)
        close_all();
    fake_host_deinit(&it.host);
    return go_on < 0 ? 2 : 0;
}
