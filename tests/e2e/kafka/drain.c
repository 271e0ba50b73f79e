// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "support.h"

// Measures the source alone: drain BROKERS TOPIC COUNT [name=value...] reads COUNT records, touches
// each value's bytes and prints records/s, CPU seconds and peak memory. DRAIN_COPY=1: as if the
// host copied; DRAIN_HOLD=N: gives back what it was lent N batches later (at most 64).

enum { ROOM = 1 << 20, HELD = 64 };

static uint64_t sum;
static int copies;
static uint32_t hold;
static struct {
    void (*release)(void *arg);
    void *arg;
} held[HELD];

static void copy(tide_bytes bytes)
{
    static char room[ROOM];
    static size_t at;
    if (bytes.len > ROOM)
        abort();
    if (at + bytes.len > ROOM)
        at = 0;
    if (bytes.data)
        memcpy(room + at, bytes.data, bytes.len);
    at += bytes.len;
}

static uint32_t touch(tide_out *out, const tide_message *messages, uint32_t count, uint32_t stride)
{
    (void)stride;
    *(size_t *)out += count;
    for (uint32_t i = 0; i < count; i++) {
        if (copies) {
            copy(messages[i].key);
            copy(messages[i].value);
        }
        const unsigned char *bytes = messages[i].value.data;
        for (size_t k = 0; k < messages[i].value.len; k += 16)
            sum += bytes[k];
    }
    return count;
}

static uint32_t lend(tide_out *out, const tide_message *messages, uint32_t count, uint32_t stride,
                     void (*release)(void *arg), void *arg)
{
    static uint32_t turn;
    touch(out, messages, count, stride);
    if (hold == 0) {
        release(arg);
        return count;
    }
    turn = (turn + 1) % hold;
    if (held[turn].release)
        held[turn].release(held[turn].arg);
    held[turn].release = release;
    held[turn].arg = arg;
    return count;
}

static void split_end(tide_out *out, uint32_t split)
{
    (void)out, (void)split;
}

static double seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static size_t drain(struct kafka_source *source, size_t want, double *begin)
{
    size_t count = 0;
    const tide_source *plugin = source->plugin;
    while (count < want) {
        fake_assign(&source->host, plugin, source->self);
        tide_result result = plugin->read(source->self, (tide_out *)(void *)&count, 1024);
        if (*begin == 0 && count > 0)
            *begin = seconds(CLOCK_MONOTONIC);
        if (result == TIDE_EOF || result < 0)
            break;
        if (result == TIDE_AGAIN && !fake_wait(&source->host, plugin->poll_fd(source->self), 10000))
            break;
    }
    return count;
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    copies = getenv("DRAIN_COPY") != NULL;
    hold = getenv("DRAIN_HOLD") ? (uint32_t)atoi(getenv("DRAIN_HOLD")) % (HELD + 1) : 0;
    struct kafka_source source;
    kafka_source_init(&source, argv[1], argv[2]);
    source.host.table.lend = lend;
    source.host.table.emit = touch;
    source.host.table.split_end = split_end;
    for (int i = 4; i < argc; i++) {
        char *sign = strchr(argv[i], '=');
        if (!sign)
            return 2;
        *sign = '\0';
        fake_set(&source.host, argv[i], sign + 1);
    }
    double opened = seconds(CLOCK_MONOTONIC), begin = 0;
    kafka_source_open(&source);
    size_t count = drain(&source, (size_t)atoll(argv[3]), &begin);
    double took = seconds(CLOCK_MONOTONIC) - begin;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("%zu records, %.2f M/s, first after %.0f ms, CPU %.2f s, peak %ld MB (%llu) %s\n", count,
           (double)count / took / 1e6, (begin - opened) * 1e3, seconds(CLOCK_PROCESS_CPUTIME_ID),
           usage.ru_maxrss / 1024, (unsigned long long)sum, source.host.reason);
    for (int i = 0; i < HELD; i++)
        if (held[i].release)
            held[i].release(held[i].arg);
    kafka_source_close(&source);
    return 0;
}
