// SPDX-License-Identifier: MIT
#include "operators/throttle.h"
#include "base/alloc.h"
#include "operators/sieve.h"

// throttle: at most `rate` records of a key in an interval of `every`. An interval begins with the
// first record that comes when there is none, and takes all that come until a record's time, or the
// watermark, is at or behind its end; what is too much leaves by the port `excess`, or is dropped.

enum { SECTION_KEY, PORT_EXCESS = 1 };

struct throttle {
    struct sieve sieve; // first
    int64_t every_ms;
    uint64_t rate;
};

struct throttle_key {
    struct native_key key; // first; due when its interval is over
    int64_t end;
    uint64_t passed; // in this interval
};

static int judge(struct sieve *sieve, struct batch *batch, struct record *record, bool *pass,
                 struct error *err)
{
    const struct throttle *throttle = (const struct throttle *)sieve;
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
    struct throttle_key *state = found;
    if (made || time >= state->end || state->end <= sieve->native.progress) {
        state->end = native_add(time, throttle->every_ms);
        state->passed = 0;
        native_move(&sieve->native, state, state->end);
    }
    *pass = state->passed < throttle->rate;
    state->passed += *pass;
    return 0;
}

// -- as bytes --

static void save_key(const struct native *native, const void *key, struct image *image)
{
    const struct throttle_key *state = key;
    uint32_t len;
    const char *bytes = native_key_bytes(native, state, &len);
    image_i64(image, state->end);
    image_u64(image, state->passed);
    image_end(image, SECTION_KEY, bytes, len);
}

static int load(struct op *op, struct image_entry *entry, struct error *err)
{
    struct native *native = (struct native *)op;
    struct table_key key;
    void *found;
    bool made;
    int rc = native_load_progress(native, entry, err);
    if (rc)
        return rc < 0 ? rc : 0;
    rc = native_load_key(native, entry, SECTION_KEY, &key, "throttle", err);
    if (rc)
        return rc;
    int64_t end = entry_i64(entry);
    uint64_t passed = entry_u64(entry);
    rc = entry_done(entry, err);
    if (rc)
        return rc;
    rc = native_take(native, &key, &found, &made);
    if (rc)
        return native_explain(native, rc, err);
    struct throttle_key *state = found;
    state->end = end;
    state->passed = passed;
    native_move(native, state, end);
    return 0;
}

// -- building --

static const char *const port_names[] = {"excess", NULL};

static void throttle_free(struct op *op)
{
    native_deinit((struct native *)op);
    mem_free(op);
}

static int build(struct op **out, const struct operator_spec *spec, struct error *err)
{
    const struct tide_config *options = spec->node->options;
    struct throttle *throttle = mem_zalloc(sizeof *throttle);
    if (!throttle)
        return error_nomem(err);
    struct op *op = &throttle->sieve.native.op;
    sieve_init(&throttle->sieve, &throttle_class);
    throttle->sieve.judge = judge;
    throttle->sieve.forgets = true;
    throttle->sieve.rest = PORT_EXCESS;
    throttle->rate = (uint64_t)setting_int(options, "rate", 1);
    throttle->every_ms = setting_int(options, "every", 1000);
    op->ports = port_names;
    native_saves(&throttle->sieve.native, SECTION_KEY, save_key);
    op->load = load;
    op->free = throttle_free;
    int rc = native_init(&throttle->sieve.native, spec, setting_text(options, "time"),
                         sizeof(struct throttle_key), err);
    if (rc) {
        throttle_free(op);
        return rc;
    }
    *out = op;
    return 0;
}

static const tide_option options[] = {
    {.name = "key_by",
     .type = TIDE_LIST,
     .item = TIDE_TEXT,
     .help = "the field, or fields, of which each value has a rate of its own"},
    {.name = "rate",
     .type = TIDE_INT,
     .flags = TIDE_OPTION_REQUIRED,
     .min = 1,
     .max = 1e15,
     .help = "records that pass in an interval"},
    {.name = "every",
     .type = TIDE_DURATION,
     .default_text = "1s",
     .min = 1,
     .max = 1e15,
     .help = "the length of an interval; it begins with a record"},
    {.name = "time",
     .type = TIDE_CHOICE,
     .choices = "processing|event",
     .default_text = "processing",
     .help = "the clock's time, or the records'"},
    {.name = NULL},
};

const struct operator_class throttle_class = {
    .type = "throttle",
    .help = "lets so many records pass in a time; the rest goes to the port excess",
    .entry = {.options = options, .ports = port_names, .has_out = true},
    .stateful = true,
    .build = build,
};
