// SPDX-License-Identifier: MIT
#include "operators/dedup.h"
#include "base/alloc.h"
#include "operators/sieve.h"

// dedup: of the records of a key, those are dropped that come less than `within` after, or before,
// the newest that passed. The key is forgotten when the watermark (or the clock) is `within` behind
// that one: what comes later than that passes.

enum { SECTION_KEY };

struct dedup {
    struct sieve sieve; // first
    int64_t within_ms;
};

struct dedup_key {
    struct native_key key; // first; due when it is forgotten
    int64_t passed;        // the newest time of a record that passed
};

static bool forgotten(const struct dedup *dedup, int64_t passed)
{
    return native_add(passed, dedup->within_ms) <= dedup->sieve.native.progress;
}

static int judge(struct sieve *sieve, struct batch *batch, struct record *record, bool *pass,
                 struct error *err)
{
    struct dedup *dedup = (struct dedup *)sieve;
    struct table_key key;
    void *found;
    int64_t time;
    bool made;
    int rc = native_read_time(&sieve->native, record, &time, err);
    if (!rc)
        rc = native_read_key(&sieve->native, batch, record, &key, err);
    if (!rc)
        rc = native_take(&sieve->native, &key, &found, &made);
    if (rc)
        return rc;
    struct dedup_key *state = found;
    *pass = made || time >= native_add(state->passed, dedup->within_ms) ||
            time <= native_add(state->passed, -dedup->within_ms);
    if (made || (*pass && time > state->passed))
        state->passed = time;
    if (forgotten(dedup, state->passed))
        native_drop(&sieve->native, state); // too late to be remembered
    else
        native_move(&sieve->native, state, native_add(state->passed, dedup->within_ms));
    return 0;
}

// -- as bytes --

static void save_key(const struct native *native, const void *key, struct image *image)
{
    uint32_t len;
    const char *bytes = native_key_bytes(native, key, &len);
    image_i64(image, ((const struct dedup_key *)key)->passed);
    image_end(image, SECTION_KEY, bytes, len);
}

static int load(struct op *op, struct image_entry *entry, struct error *err)
{
    struct dedup *dedup = (struct dedup *)op;
    struct table_key key;
    void *found;
    bool made;
    int rc = native_load_progress(&dedup->sieve.native, entry, err);
    if (rc)
        return rc < 0 ? rc : 0;
    rc = native_load_key(&dedup->sieve.native, entry, SECTION_KEY, &key, "dedup", err);
    if (rc)
        return rc;
    int64_t passed = entry_i64(entry);
    rc = entry_done(entry, err);
    if (rc)
        return rc;
    rc = native_take(&dedup->sieve.native, &key, &found, &made);
    if (rc)
        return native_explain(&dedup->sieve.native, rc, err);
    ((struct dedup_key *)found)->passed = passed;
    native_move(&dedup->sieve.native, found, native_add(passed, dedup->within_ms));
    return 0;
}

// -- building --

static void dedup_free(struct op *op)
{
    native_deinit((struct native *)op);
    mem_free(op);
}

static int build(struct op **out, const struct operator_spec *spec, struct error *err)
{
    const struct tide_config *options = spec->node->options;
    struct dedup *dedup = mem_zalloc(sizeof *dedup);
    if (!dedup)
        return error_nomem(err);
    struct op *op = &dedup->sieve.native.op;
    sieve_init(&dedup->sieve, &dedup_class);
    dedup->sieve.judge = judge;
    dedup->sieve.forgets = true;
    dedup->within_ms = setting_int(options, "within", 1);
    native_saves(&dedup->sieve.native, SECTION_KEY, save_key);
    op->load = load;
    op->free = dedup_free;
    int rc = native_init(&dedup->sieve.native, spec, setting_text(options, "time"),
                         sizeof(struct dedup_key), err);
    if (rc) {
        dedup_free(op);
        return rc;
    }
    *out = op;
    return 0;
}

static const tide_option options[] = {
    {.name = "key_by",
     .type = TIDE_LIST,
     .item = TIDE_TEXT,
     .flags = TIDE_OPTION_REQUIRED,
     .help = "the field, or fields, that are the same in duplicates"},
    {.name = "within",
     .type = TIDE_DURATION,
     .flags = TIDE_OPTION_REQUIRED,
     .min = 1,
     .max = 1e15,
     .help = "how far apart in time duplicates may be; for so long a key is remembered"},
    {.name = "time",
     .type = TIDE_CHOICE,
     .choices = "event|processing",
     .default_text = "event",
     .help = "the records' time, or the clock's"},
    {.name = NULL},
};

const struct operator_class dedup_class = {
    .type = "dedup",
    .help = "drops records whose key came before, within a time",
    .entry = {.options = options, .has_out = true},
    .stateful = true,
    .build = build,
};
