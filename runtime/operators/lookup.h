// SPDX-License-Identifier: MIT
#pragma once
#include "operators/enrich.h"
#include "record/keycode.h"

// lookup: each record gets the row of a table that has its key.
//
//   enrich.h          the contract with what answers
//   enrich_cache.c    answers that are used again
//   lookup.c          the operator: a batch, its questions and their answers
//   lookup_apply.c    an answer into its record
//   lookup_build.c    from options to a struct lookup
//   lookup_table.c    a file that answers

extern const struct operator_class lookup_class;
extern const tide_option lookup_options[];

enum lookup_state {
    LOOKUP_NEW,    // to be asked
    LOOKUP_ASKED,  // under way
    LOOKUP_KEPT,   // has its answer
    LOOKUP_ABSENT, // to the port `missing`
    LOOKUP_GONE    // left, or left out
};

struct lookup_flight { // of a record of the batch at work
    enum lookup_state state;
    int64_t asked_ns;
};

enum lookup_missing { MISSING_NULL, MISSING_DROP, MISSING_ERROR, MISSING_PORT };

struct lookup {
    struct op op; // first
    struct enricher *enricher;
    struct enrich_options options;
    struct enrich_cache *cache; // NULL: none
    struct clock *clock;
    struct path keys[KEY_FIELDS_MAX];
    uint32_t key_count;
    const char *into;                     // NULL: the row's members become members
    const char *prefix;                   // of those; NULL: none
    struct path row_keys[KEY_FIELDS_MAX]; // fields of the row that are the key; not merged
    enum lookup_missing missing;
    struct shape_table *shapes;
    struct json_reader *reader;
    struct buf key, name; // scratch

    // The batch at work.
    bool busy, leaving; // leaving: all is done but for handing it on
    struct lookup_flight *flights;
    size_t flight_cap;
    uint32_t next; // to be asked
    uint32_t under_way;
    uint64_t tickets; // the ticket of record 0
};

// Puts what was found into record `index`. 0, or ERR_...
int lookup_apply(struct lookup *lookup, struct batch *batch, uint32_t index,
                 const struct enrich_answer *answer, struct error *err);
// A record without a row: null where the row would have been put.
int lookup_apply_null(struct lookup *lookup, struct batch *batch, uint32_t index);

int lookup_configure(struct lookup *lookup, const struct operator_spec *spec, struct error *err);
// The fields named by a text or list into `paths`.
int lookup_read_fields(const struct tide_config *fields, const char *option, struct path *paths,
                       uint32_t *count, struct error *err);

// The file of `table:`.
int lookup_table_new(struct enricher **out, const struct operator_spec *spec, struct error *err);
