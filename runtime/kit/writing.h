// SPDX-License-Identifier: MIT
#pragma once
#include "kit/subject.h"

// A sink that is written to as the runtime does. Records bear marks by epoch and number, by which
// they are found again in what was written.

struct writing {
    struct instance instance;
    const tide_sink *sink;
    uint64_t refused;
};

struct epoch_data { // what prepare puts
    char bytes[65536];
    size_t len;
};

void writing_open(struct writing *writing, const struct subject *subject);
void writing_close(struct writing *writing);
// Offers records `first`... of the epoch, `count` in all, at most `batch` at once, until all are
// accepted.
void writing_put(struct writing *writing, int epoch, uint32_t first, uint32_t count,
                 uint32_t batch);
// One call of write with `count` records, whatever it answers. Returns how many were accepted.
uint32_t writing_offer(struct writing *writing, int epoch, uint32_t first, uint32_t count,
                       bool tombstone, tide_result *result);
void writing_flush(struct writing *writing);
void writing_prepare(struct writing *writing, uint64_t id, struct epoch_data *data);
void writing_commit(struct writing *writing, const struct epoch_data *data);
void writing_abort(struct writing *writing, const struct epoch_data *data);
// Each of the records stands in the working directory `times` times. `when`: "after the commit".
void writing_expect(const struct writing *writing, int epoch, uint32_t count, size_t times,
                    const char *rule, const char *when);
// Whether what the sink writes can be seen at all: a short life of its own, in which it is tried.
// Where it cannot, writing_expect says nothing, and the check ends by writing_end.
void writing_look(const struct subject *subject);
void writing_end(void); // noreturn when nothing could be seen
