// SPDX-License-Identifier: MIT
#include "base/log.h"
#include "run.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// sim [--seed N] [--count N]: runs that many seeds from that one on; 1 when any failed. With one
// seed it shows the pipeline.

enum { AGAIN_EVERY = 64, FAILURES_MAX = 10 };

struct order {
    uint64_t seed, count;
};

static bool read_number(const char *text, uint64_t *out)
{
    char *end;
    *out = strtoull(text, &end, 10);
    return *text && !*end;
}

static bool read_order(int argc, char **argv, struct order *order)
{
    *order = (struct order){.seed = 1, .count = 1000};
    bool counted = false, seeded = false;
    for (int i = 1; i + 1 < argc; i += 2) {
        bool seed = !strcmp(argv[i], "--seed");
        if ((!seed && strcmp(argv[i], "--count") != 0) ||
            !read_number(argv[i + 1], seed ? &order->seed : &order->count))
            return false;
        seeded |= seed;
        counted |= !seed;
    }
    if (seeded && !counted)
        order->count = 1;
    return argc % 2 == 1;
}

// Now and then a seed once more: the same must happen, or a failure could not be shown again.
static void run_again(const struct house *house, uint64_t seed, struct outcome *first)
{
    struct outcome again;
    run_seed(house, seed, false, &again);
    if (again.trace == first->trace)
        return;
    first->good = false;
    snprintf(first->why, sizeof first->why, "another run than before with the same seed");
}

static uint32_t run_all(const struct house *house, const struct order *order)
{
    uint64_t lives = 0, crashes = 0, failed = 0, checkpoints = 0;
    uint64_t steps = 0, lines = 0, acks = 0, lanes = 0, done = 0;
    uint32_t failures = 0;
    for (; done < order->count && failures < FAILURES_MAX; done++) {
        struct outcome outcome;
        uint64_t seed = order->seed + done;
        run_seed(house, seed, order->count == 1, &outcome);
        if (outcome.good && (seed % AGAIN_EVERY == 0 || order->count == 1))
            run_again(house, seed, &outcome);
        steps += outcome.steps;
        lines += outcome.lines;
        acks += outcome.acks;
        lanes += outcome.lanes;
        lives += outcome.lives;
        crashes += outcome.crashes;
        failed += outcome.failures;
        checkpoints += outcome.checkpoints;
        if (outcome.good)
            continue;
        failures++;
        fprintf(stderr,
                "seed %" PRIu64 " (%" PRIu32 " lanes, %" PRIu64 " steps): %s\n"
                "  once more: ./dev sim --seed %" PRIu64 "\n",
                seed, outcome.lanes, outcome.steps, outcome.why, seed);
    }
    printf("%" PRIu64 " seeds: %" PRIu32 " failed; %" PRIu64 " steps, %" PRIu64
           " records written, %" PRIu64 " acknowledgements, %.1f lanes on average\n",
           done, failures, steps, lines, acks, done ? (double)lanes / (double)done : 0);
    printf("%" PRIu64 " lives, %" PRIu64 " crashes, %" PRIu64 " failures, %" PRIu64
           " checkpoints\n",
           lives, crashes, failed, checkpoints);
    return failures;
}

int main(int argc, char **argv)
{
    struct order order;
    struct house house = {0};
    struct error err = ERROR_INIT;
    if (!read_order(argc, argv, &order)) {
        fprintf(stderr, "usage: sim [--seed N] [--count N]\n");
        return 2;
    }
    log_set_level(LOG_ERROR);
    int status = 1;
    if (house_open(&house, &err))
        fprintf(stderr, "%s\n", err.text);
    else
        status = run_all(&house, &order) ? 1 : 0;
    house_close(&house);
    return status;
}
