// SPDX-License-Identifier: MIT
#include "tool.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_HEADERS = 8, GENERATED_MAX = 4096 };

struct job {
    const char *topic, *file, *transaction;
    int abort;
    int64_t count; // of generated records; 0: lines
    size_t size;   // of a generated value, at least
    int32_t partition;
    int64_t time_ms;
    char *headers[MAX_HEADERS]; // name=value
    int header_count;
    rd_kafka_conf_t *conf;
    rd_kafka_t *rk;
};

static int64_t failed;

static void delivered(rd_kafka_t *rk, const rd_kafka_message_t *message, void *arg)
{
    (void)rk, (void)arg;
    if (message->err && failed++ == 0)
        fprintf(stderr, "kafka_tool: produce: %s\n", rd_kafka_err2str(message->err));
}

static void add_header(struct job *job, rd_kafka_vu_t *vu, int i)
{
    char *sign = strchr(job->headers[i], '=');
    if (!sign)
        tool_die("%s: name=value expected", job->headers[i]);
    vu->vtype = RD_KAFKA_VTYPE_HEADER;
    char *name = strndup(job->headers[i], (size_t)(sign - job->headers[i]));
    vu->u.header.name = name;
    vu->u.header.val = sign + 1;
    vu->u.header.size = (ssize_t)strlen(sign + 1);
}

// One record; waits while the queue is full.
static void produce_one(struct job *job, const char *key, size_t key_len, const char *value,
                        size_t value_len)
{
    rd_kafka_vu_t vus[6 + MAX_HEADERS] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = job->topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = job->partition},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *)(uintptr_t)value, value_len}},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)(uintptr_t)key, key_len}},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = job->time_ms},
    };
    for (int i = 0; i < job->header_count; i++)
        add_header(job, &vus[6 + i], i);
    rd_kafka_error_t *error;
    while ((error = rd_kafka_produceva(job->rk, vus, 6 + (size_t)job->header_count))) {
        if (rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            tool_die("produce: %s", rd_kafka_error_string(error));
        rd_kafka_error_destroy(error);
        rd_kafka_poll(job->rk, 100);
    }
    for (int i = 0; i < job->header_count; i++)
        free((void *)(uintptr_t)vus[6 + i].u.header.name);
    rd_kafka_poll(job->rk, 0);
}

static void send_lines(struct job *job)
{
    FILE *in = job->file ? fopen(job->file, "r") : stdin;
    if (!in)
        tool_die("%s: cannot be opened", job->file);
    char *line = NULL;
    size_t cap = 0;
    ssize_t len;
    while ((len = getline(&line, &cap, in)) > 0) {
        if (line[len - 1] == '\n')
            len--;
        char *tab = memchr(line, '\t', (size_t)len);
        size_t key_len = tab ? (size_t)(tab - line) : (size_t)len;
        const char *value = tab ? tab + 1 : NULL;
        produce_one(job, key_len ? line : NULL, key_len, value,
                    value ? (size_t)(line + len - value) : 0);
    }
    free(line);
    if (in != stdin)
        fclose(in);
}

// Readings of 1,000 devices, 1 ms apart, padded to `size`: {"device":"192.168.1.17","ts":...}.
static size_t reading(char *out, int64_t i, size_t size)
{
    int len = snprintf(out, GENERATED_MAX,
                       "{\"device\":\"192.168.%d.%d\",\"ts\":%" PRId64
                       ",\"receive_bytes\":%d,\"send_bytes\":%d,\"receive_packets\":%d,"
                       "\"send_packets\":%d",
                       (int)(i % 1000 / 250), (int)(i % 250 + 1), INT64_C(1700000000000) + i,
                       (int)(i * 7919 % 100000), (int)(i * 104729 % 50000), (int)(i % 100),
                       (int)(i % 90));
    if ((size_t)len + 9 < size) {
        int pad = (int)(size - (size_t)len - 8);
        len += snprintf(out + len, GENERATED_MAX - (size_t)len, ",\"x\":\"%0*d\"", pad, 0);
    }
    out[len++] = '}';
    return (size_t)len;
}

static void send_generated(struct job *job)
{
    char value[GENERATED_MAX], key[16];
    if (job->size > GENERATED_MAX - 16)
        tool_die("-s: at most %d", GENERATED_MAX - 16);
    for (int64_t i = 0; i < job->count; i++) {
        size_t len = reading(value, i, job->size);
        int key_len = snprintf(key, sizeof key, "%d", (int)(i % 1000));
        produce_one(job, key, (size_t)key_len, value, len);
    }
}

static void parse(struct job *job, int argc, char **argv)
{
    int option;
    char *sign;
    while ((option = getopt(argc, argv, "f:n:s:p:t:H:T:Ao:")) != -1) {
        switch (option) {
        case 'f':
            job->file = optarg;
            break;
        case 'n':
            job->count = atoll(optarg);
            break;
        case 's':
            job->size = (size_t)atoll(optarg);
            break;
        case 'p':
            job->partition = atoi(optarg);
            break;
        case 't':
            job->time_ms = atoll(optarg);
            break;
        case 'H':
            if (job->header_count == MAX_HEADERS)
                tool_die("at most %d headers", MAX_HEADERS);
            job->headers[job->header_count++] = optarg;
            break;
        case 'T':
            job->transaction = optarg;
            break;
        case 'A':
            job->abort = 1;
            break;
        case 'o':
            sign = strchr(optarg, '=');
            if (!sign)
                tool_die("%s: name=value expected", optarg);
            *sign = '\0';
            tool_set(job->conf, optarg, sign + 1);
            break;
        default:
            tool_die("unknown option");
        }
    }
}

static void must(rd_kafka_error_t *error, const char *what)
{
    if (error)
        tool_die("%s: %s", what, rd_kafka_error_string(error));
}

static void finish(struct job *job)
{
    if (job->transaction && job->abort) {
        // What is in flight arrives first: an aborted record is in the log, not dropped here.
        rd_kafka_flush(job->rk, TOOL_DEADLINE_MS);
        must(rd_kafka_abort_transaction(job->rk, TOOL_DEADLINE_MS), "abort");
    } else if (job->transaction) {
        must(rd_kafka_commit_transaction(job->rk, TOOL_DEADLINE_MS), "commit");
    }
    while (rd_kafka_outq_len(job->rk) > 0)
        rd_kafka_poll(job->rk, 100); // bounded by message.timeout.ms
}

int tool_produce(int argc, char **argv)
{
    struct job job = {.topic = argv[0], .partition = RD_KAFKA_PARTITION_UA, .size = 121};
    job.conf = tool_conf();
    tool_set(job.conf, "linger.ms", "5");
    tool_set(job.conf, "message.timeout.ms", "30000");
    tool_set(job.conf, "partitioner", "murmur2_random");
    tool_set(job.conf, "batch.num.messages", "10000");
    rd_kafka_conf_set_dr_msg_cb(job.conf, delivered);
    parse(&job, argc, argv);
    if (job.transaction)
        tool_set(job.conf, "transactional.id", job.transaction);
    job.rk = tool_handle(RD_KAFKA_PRODUCER, job.conf);
    if (job.transaction) {
        must(rd_kafka_init_transactions(job.rk, TOOL_DEADLINE_MS), "init_transactions");
        must(rd_kafka_begin_transaction(job.rk), "begin");
    }
    if (job.count)
        send_generated(&job);
    else
        send_lines(&job);
    finish(&job);
    rd_kafka_destroy(job.rk);
    return failed ? 1 : 0;
}
