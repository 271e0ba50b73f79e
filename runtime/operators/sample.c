// SPDX-License-Identifier: MIT
#include "operators/sample.h"
#include "base/alloc.h"
#include "base/hash.h"
#include "operators/sieve.h"

// sample: the first of each `every` records, or a share of the keys. Which keys is decided by a
// hash of the key alone: always the same, on every machine and after every restart, and all records
// of a key or none.

enum { SECTION_COUNT };

struct sample {
    struct sieve sieve; // first
    uint64_t every;     // 0: by share
    uint64_t seen;      // of the records since one passed
    double share;
};

static int judge(struct sieve *sieve, struct batch *batch, struct record *record, bool *pass,
                 struct error *err)
{
    struct sample *sample = (struct sample *)sieve;
    struct table_key key;
    if (sample->every) {
        *pass = sample->seen == 0;
        sample->seen = (sample->seen + 1) % sample->every;
        return 0;
    }
    int rc = native_read_key(&sieve->native, batch, record, &key, err);
    if (rc)
        return rc;
    // Not the hash itself, as parts of that decide about lanes and tables.
    uint64_t hash = hash_bytes(&key.hash, sizeof key.hash);
    *pass = (double)(hash >> 11) * 0x1p-53 < sample->share;
    return 0;
}

static int save(struct op *op, struct image *image)
{
    image_u64(image, ((struct sample *)op)->seen);
    image_end(image, SECTION_COUNT, NULL, 0);
    return image->rc;
}

static int load(struct op *op, struct image_entry *entry, struct error *err)
{
    struct sample *sample = (struct sample *)op;
    uint64_t seen = entry_u64(entry);
    int rc = entry_done(entry, err);
    if (rc || entry->section != SECTION_COUNT)
        return rc ? rc : error_set(err, ERR_CORRUPT, "this is no state of a sample");
    sample->seen = sample->every ? seen % sample->every : 0;
    return 0;
}

// -- building --

static void sample_free(struct op *op)
{
    native_deinit((struct native *)op);
    mem_free(op);
}

static int configure(struct sample *sample, const struct operator_spec *spec, struct error *err)
{
    const struct tide_config *options = spec->node->options;
    const struct tide_config *share = setting_at(options, "share");
    bool keyed = setting_at(options, "key_by") != NULL;
    sample->every = (uint64_t)setting_int(options, "every", 0);
    sample->share = setting_number(options, "share", 0);
    int rc = native_init(&sample->sieve.native, spec, NULL, sizeof(struct native_key), err);
    if (rc)
        return rc;
    if (!sample->every == !share)
        return error_set(err, ERR_INPUT,
                         "%s; `every: 10` keeps one of ten records, `share: 0.1` with `key_by:` "
                         "all records of one key in ten",
                         share ? "either every: or share:, not both" : "give every: or share:");
    if (share && !keyed)
        return error_set(err, ERR_INPUT,
                         "share: wants key_by: as well: it keeps all records of a key or none");
    if (!share && keyed)
        return error_set(err, ERR_INPUT, "every: counts all records; key_by: belongs to share:");
    return 0;
}

static int build(struct op **out, const struct operator_spec *spec, struct error *err)
{
    struct sample *sample = mem_zalloc(sizeof *sample);
    if (!sample)
        return error_nomem(err);
    struct op *op = &sample->sieve.native.op;
    sieve_init(&sample->sieve, &sample_class);
    sample->sieve.judge = judge;
    op->save = save;
    op->load = load;
    op->free = sample_free;
    int rc = configure(sample, spec, err);
    if (rc) {
        sample_free(op);
        return rc;
    }
    *out = op;
    return 0;
}

static const tide_option options[] = {
    {.name = "every",
     .type = TIDE_INT,
     .min = 1,
     .max = 1e15,
     .help = "keep the first of each so many records (of a lane)"},
    {.name = "share",
     .type = TIDE_NUMBER,
     .min = 0,
     .max = 1,
     .help = "keep this share of the keys, with all their records"},
    {.name = "key_by",
     .type = TIDE_LIST,
     .item = TIDE_TEXT,
     .help = "share: the field, or fields, that make the key"},
    {.name = NULL},
};

const struct operator_class sample_class = {
    .type = "sample",
    .help = "keeps one of so many records, or a share of the keys",
    .entry = {.options = options, .has_out = true},
    .stateful = true,
    .build = build,
};
