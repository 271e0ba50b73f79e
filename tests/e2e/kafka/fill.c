// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "support.h"

// Measures the sink alone: fill BROKERS TOPIC COUNT [name=value...] writes COUNT records of 121
// bytes with a key in batches of 1,000, until they are durable. FILL_TIME=1: with time stamps of
// their own, FILL_KEYLESS=1: without keys.

enum { BATCH = 1000, SIZE = 121 };

static double seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void prepare(tide_record *records)
{
    static char keys[BATCH][8], values[BATCH][SIZE + 1];
    for (int i = 0; i < BATCH; i++) {
        int len = snprintf(keys[i], sizeof keys[i], "%d", i);
        snprintf(values[i], sizeof values[i], "{\"n\":\"%0*d\"}", SIZE - 8, i);
        records[i] = (tide_record){.struct_size = sizeof *records,
                                   .offset = TIDE_NO_OFFSET,
                                   .time_ms = getenv("FILL_TIME") ? 1700000000000 : TIDE_NO_TIME,
                                   .value = {values[i], SIZE}};
        if (!getenv("FILL_KEYLESS"))
            records[i].key = (tide_bytes){keys[i], (size_t)len};
    }
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    static tide_record records[BATCH];
    prepare(records);
    struct kafka_sink sink;
    kafka_sink_init(&sink, argv[1], argv[2]);
    for (int i = 4; i < argc; i++) {
        char *sign = strchr(argv[i], '=');
        if (!sign)
            return 2;
        *sign = '\0';
        fake_set(&sink.host, argv[i], sign + 1);
    }
    if (kafka_sink_open(&sink) != TIDE_OK) {
        fprintf(stderr, "%s\n", sink.host.reason);
        return 1;
    }
    double begin = seconds(CLOCK_MONOTONIC);
    tide_result result = TIDE_OK;
    long long count = atoll(argv[3]), done = 0;
    for (; done < count && result >= 0; done += BATCH)
        result = fake_write(&sink.host, sink.plugin, sink.self, records, BATCH);
    if (result >= 0)
        result = fake_flush(&sink.host, sink.plugin, sink.self, 60000);
    double took = seconds(CLOCK_MONOTONIC) - begin;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("%lld records, %.2f M/s, CPU %.2f s, peak %ld MB, result %d %s\n", done,
           (double)done / took / 1e6, seconds(CLOCK_PROCESS_CPUTIME_ID), usage.ru_maxrss / 1024,
           result, sink.host.reason);
    kafka_sink_close(&sink);
    return result == TIDE_OK ? 0 : 1;
}
