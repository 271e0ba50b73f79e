// SPDX-License-Identifier: MIT
#pragma once
#include "operators/operator.h"
#include "state/table.h"

// Enrichment: records get something from outside by a key: a row of a file, of a database, the
// answer of a service. This is the contract between the operator `lookup` and what answers.
//
// An enricher is asked for a key under a ticket, and answers at once or later, in any order. It
// belongs to one lane: all calls come from the lane's thread, none may block. The operator decides
// about all the rest:
//
//   ordered     records leave in the order in which they came, or each as soon as it has its answer
//   capacity    questions under way at a time; what would be more waits in front of the operator
//   timeout     after so long without an answer the record fails, and its ticket is forgotten
//   cache       answers, also that there is none, are used again for a while
//
// Questions under way are those of one batch: behind it nothing is pending, so watermarks and
// barriers pass as they do everywhere, and there is nothing to save.

enum enrich_outcome { ENRICH_FOUND, ENRICH_MISSING, ENRICH_FAILED };

struct enrich_answer {
    uint64_t ticket;
    enum enrich_outcome outcome;
    const char *text; // FOUND: a JSON object; FAILED: why. Borrowed until the next call
    uint32_t len;
};

enum enrich_status {
    ENRICH_ANSWERED, // *answer has it
    ENRICH_ASKED,    // it comes by `poll`
    ENRICH_BUSY      // not now: ask again when an answer has come
};

struct enricher {
    // `key`: canonical bytes (record/keycode.h), borrowed for the call. Tickets are never used
    // again.
    enum enrich_status (*ask)(struct enricher *enricher, uint64_t ticket, const char *key,
                              uint32_t key_len, struct enrich_answer *answer);
    // True: one more answer is in *answer. NULL: all come at once.
    bool (*poll)(struct enricher *enricher, struct enrich_answer *answer);
    // The answer for it is not wanted any more. One that comes all the same is ignored.
    void (*forget)(struct enricher *enricher, uint64_t ticket);
    // When `poll` is to be tried again, in wall time; INT64_MAX: there is nothing under way.
    int64_t (*next_wall_ms)(struct enricher *enricher);
    // Between two batches: the place to change what is answered. NULL: nothing.
    void (*between)(struct enricher *enricher);
    uint64_t (*bytes)(const struct enricher *enricher); // that it keeps; NULL: none
    void (*free)(struct enricher *enricher);
};

struct enrich_options {
    bool ordered;
    uint32_t capacity;      // at least 1
    int64_t timeout_ms;     // 0: none
    uint32_t cache_entries; // 0: no cache
    int64_t cache_ttl_ms;   // 0: for ever
};

// -- the cache: least recently used leaves --

struct enrich_cache;

int enrich_cache_new(struct enrich_cache **out, uint32_t entries, int64_t ttl_ms);
void enrich_cache_free(struct enrich_cache *cache); // NULL is fine
// True: *answer (but its ticket) is what was put, at most ttl ago.
bool enrich_cache_get(struct enrich_cache *cache, const struct table_key *key, int64_t now_ms,
                      struct enrich_answer *answer);
// FAILED is not kept. Without memory it is not kept either.
void enrich_cache_put(struct enrich_cache *cache, const struct table_key *key, int64_t now_ms,
                      const struct enrich_answer *answer);
uint64_t enrich_cache_bytes(const struct enrich_cache *cache);

// -- the operator, for any enricher (lookup.c) --

// Takes the enricher, also when it fails.
int lookup_new(struct op **out, const struct operator_spec *spec,
               const struct enrich_options *options, struct enricher *enricher, struct error *err);
