// SPDX-License-Identifier: MIT
#include "kit/checks.h"
#include "kit/child.h"
#include "kit/writing.h"

#include <inttypes.h>

enum { RECORDS = 120, FEW = 20, FED = 40 };

static const char rule[] = "sink.h: write";

static void written(const struct subject *s, uint32_t batch, bool flush, const char *when)
{
    struct writing w;
    writing_look(s);
    writing_open(&w, s);
    writing_put(&w, 1, 0, RECORDS, batch);
    if (flush)
        writing_flush(&w);
    writing_close(&w);
    writing_expect(&w, 1, RECORDS, 1, rule, when);
    writing_end();
}

void check_write(const struct subject *s, const struct part *part)
{
    (void)part;
    written(s, RECORDS, true, "after write, flush and close");
}

void check_small_batches(const struct subject *s, const struct part *part)
{
    (void)part;
    struct writing w;
    tide_result result;
    writing_open(&w, s);
    (void)writing_offer(&w, 1, 0, 0, false, &result);
    (void)instance_again(&w.instance, result == TIDE_AGAIN ? TIDE_OK : result, -1);
    writing_close(&w);
    written(s, 1, true, "written one by one:");
}

void check_flush(const struct subject *s, const struct part *part)
{
    (void)part;
    struct writing w;
    writing_look(s);
    writing_open(&w, s);
    writing_flush(&w); // with nothing accepted as well
    writing_put(&w, 1, 0, FEW, FEW);
    writing_flush(&w);
    writing_flush(&w);
    writing_expect(&w, 1, FEW, 1, "sink.h: flush", "flush says OK, before close:");
    writing_close(&w);
    writing_end();
}

void check_tombstone(const struct subject *s, const struct part *part)
{
    (void)part;
    struct writing w;
    writing_open(&w, s);
    uint32_t accepted = 0;
    for (int i = 0; i < 100 && !accepted; i++) {
        tide_result result;
        accepted = writing_offer(&w, 1, 0, 1, true, &result);
        (void)instance_again(&w.instance, result, -1);
    }
    if (!accepted)
        child_fail("record.h: tide_record", "a tombstone (value.data NULL) is written or refused",
                   "it is never accepted");
    writing_flush(&w);
    writing_close(&w);
}

void feed(const struct subject *s)
{
    if (!s->kit->feed || !s->sink.name)
        return;
    struct writing w;
    writing_open(&w, s);
    writing_put(&w, 1, 0, FED, FED);
    writing_flush(&w);
    writing_close(&w);
}
