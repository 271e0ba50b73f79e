// SPDX-License-Identifier: MIT
#include "operators/lookup.h"
#include "base/alloc.h"
#include "operators/keys.h"
#include "record/json.h"

// A batch at a time: questions go out up to the capacity, answers come in any order. Ordered, the
// batch leaves as a whole when all are there; else each record as soon as it has its answer.

enum { PORT_MISSING = 1 };

static const char *const port_names[] = {"missing", NULL};

// -- answers --

static enum op_status fail(struct lookup *lookup, struct batch *batch, uint32_t index,
                           struct outputs *outputs, const struct error *err)
{
    switch (outputs_error(outputs, batch, index, err)) {
    case ERROR_SKIP:
        lookup->flights[index].state = LOOKUP_GONE;
        return OP_DONE;
    case ERROR_RETRY:
        lookup->flights[index].state = LOOKUP_NEW;
        lookup->next = index < lookup->next ? index : lookup->next;
        return OP_AGAIN;
    case ERROR_STOP:
        break;
    }
    return OP_STOP;
}

static enum op_status not_there(struct lookup *lookup, struct batch *batch, uint32_t index,
                                struct outputs *outputs)
{
    struct lookup_flight *flight = &lookup->flights[index];
    struct error err;
    error_clear(&err);
    switch (lookup->missing) {
    case MISSING_NULL:
        flight->state = LOOKUP_KEPT;
        if (!lookup_apply_null(lookup, batch, index))
            return OP_DONE;
        error_nomem(&err);
        return fail(lookup, batch, index, outputs, &err);
    case MISSING_DROP:
        lookup->op.stats.filtered++;
        flight->state = LOOKUP_GONE;
        return OP_DONE;
    case MISSING_PORT:
        flight->state = LOOKUP_ABSENT;
        return OP_DONE;
    case MISSING_ERROR:
        break;
    }
    error_set(&err, ERR_DATA, "there is no row for its '%s'", lookup->keys[0].text);
    return fail(lookup, batch, index, outputs, &err);
}

static enum op_status settle(struct lookup *lookup, struct batch *batch, uint32_t index,
                             const struct enrich_answer *answer, struct outputs *outputs)
{
    if (answer->outcome == ENRICH_MISSING)
        return not_there(lookup, batch, index, outputs);
    struct error err;
    error_clear(&err);
    int rc = answer->outcome == ENRICH_FAILED
                 ? error_set(&err, ERR_DATA, "%.*s", (int)answer->len, answer->text)
                 : lookup_apply(lookup, batch, index, answer, &err);
    if (rc)
        return fail(lookup, batch, index, outputs, &err);
    lookup->flights[index].state = LOOKUP_KEPT;
    return OP_DONE;
}

// -- questions --

static int read_key(struct lookup *lookup, struct batch *batch, uint32_t index, bool *null,
                    struct error *err)
{
    buf_clear(&lookup->key);
    *null = false;
    for (uint32_t i = 0; i < lookup->key_count; i++) {
        struct path *path = &lookup->keys[i];
        struct value value = path_read(batch, &batch->records[index], path);
        *null |= value.type == VALUE_NULL;
        int rc = key_add(path, value, "on", &lookup->key, err);
        if (rc)
            return rc;
    }
    return 0;
}

static void remember(struct lookup *lookup, const struct enrich_answer *answer)
{
    struct table_key key;
    if (!lookup->cache)
        return;
    table_key_set(&key, lookup->key.data, (uint32_t)lookup->key.len);
    enrich_cache_put(lookup->cache, &key, clock_wall_ms(lookup->clock), answer);
}

static bool known(struct lookup *lookup, struct enrich_answer *answer)
{
    struct table_key key;
    if (!lookup->cache)
        return false;
    table_key_set(&key, lookup->key.data, (uint32_t)lookup->key.len);
    return enrich_cache_get(lookup->cache, &key, clock_wall_ms(lookup->clock), answer);
}

static enum op_status ask(struct lookup *lookup, struct batch *batch, uint32_t index,
                          struct outputs *outputs, bool *busy)
{
    struct lookup_flight *flight = &lookup->flights[index];
    struct enrich_answer answer = {.outcome = ENRICH_MISSING};
    struct error err;
    bool null;
    error_clear(&err);
    if (read_key(lookup, batch, index, &null, &err))
        return fail(lookup, batch, index, outputs, &err);
    if (null || known(lookup, &answer))
        return settle(lookup, batch, index, &answer, outputs);
    switch (lookup->enricher->ask(lookup->enricher, lookup->tickets + index, lookup->key.data,
                                  (uint32_t)lookup->key.len, &answer)) {
    case ENRICH_ANSWERED:
        remember(lookup, &answer);
        return settle(lookup, batch, index, &answer, outputs);
    case ENRICH_ASKED:
        flight->state = LOOKUP_ASKED;
        flight->asked_ns = clock_mono_ns(lookup->clock);
        lookup->under_way++;
        return OP_DONE;
    case ENRICH_BUSY:
        break;
    }
    *busy = true;
    return OP_DONE;
}

static enum op_status ask_all(struct lookup *lookup, struct batch *batch, struct outputs *outputs)
{
    bool busy = false;
    while (lookup->next < batch->count && lookup->under_way < lookup->options.capacity) {
        uint32_t index = lookup->next;
        enum op_status status = OP_DONE;
        if (lookup->flights[index].state == LOOKUP_NEW)
            status = ask(lookup, batch, index, outputs, &busy);
        if (status != OP_DONE || busy)
            return status;
        lookup->next++;
    }
    return OP_DONE;
}

static enum op_status hear(struct lookup *lookup, struct batch *batch, struct outputs *outputs)
{
    struct enrich_answer answer;
    while (lookup->under_way && lookup->enricher->poll(lookup->enricher, &answer)) {
        uint64_t index = answer.ticket - lookup->tickets;
        if (index >= batch->count || lookup->flights[index].state != LOOKUP_ASKED)
            continue; // forgotten
        struct error err;
        bool null;
        lookup->under_way--;
        if (lookup->cache && !read_key(lookup, batch, (uint32_t)index, &null, &err))
            remember(lookup, &answer);
        enum op_status status = settle(lookup, batch, (uint32_t)index, &answer, outputs);
        if (status != OP_DONE)
            return status;
    }
    return OP_DONE;
}

// Questions went out in the order of the records, but for those asked again.
static enum op_status time_out(struct lookup *lookup, struct batch *batch, struct outputs *outputs)
{
    int64_t late_ns = clock_mono_ns(lookup->clock) - lookup->options.timeout_ms * 1000000;
    if (!lookup->options.timeout_ms || !lookup->under_way)
        return OP_DONE;
    for (uint32_t i = 0; i < lookup->next; i++) {
        struct lookup_flight *flight = &lookup->flights[i];
        struct error err = ERROR_INIT;
        if (flight->state != LOOKUP_ASKED || flight->asked_ns > late_ns)
            continue;
        lookup->enricher->forget(lookup->enricher, lookup->tickets + i);
        lookup->under_way--;
        error_set(&err, ERR_RETRY, "no answer within %lld ms",
                  (long long)lookup->options.timeout_ms);
        enum op_status status = fail(lookup, batch, i, outputs, &err);
        if (status != OP_DONE)
            return status;
    }
    return OP_DONE;
}

// -- leaving --

// False: a port is full.
static bool leave(struct lookup *lookup, struct batch *batch, struct outputs *outputs)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        struct lookup_flight *flight = &lookup->flights[i];
        bool absent = flight->state == LOOKUP_ABSENT;
        if (!absent && (flight->state != LOOKUP_KEPT || lookup->options.ordered))
            continue;
        uint32_t port = absent ? PORT_MISSING : PORT_OUT;
        if (!outputs_wanted(outputs, port))
            lookup->op.stats.filtered++;
        else if (!outputs_share(outputs, port, batch, &batch->records[i]))
            return false;
        flight->state = LOOKUP_GONE;
    }
    return true;
}

static void close_ranks(struct lookup *lookup, struct batch *batch)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < batch->count; i++)
        if (lookup->flights[i].state == LOOKUP_KEPT) {
            if (kept != i)
                batch->records[kept] = batch->records[i];
            kept++;
        }
    batch->count = batch->cursor = kept;
}

static int begin(struct lookup *lookup, struct batch *batch)
{
    if (lookup->enricher->between)
        lookup->enricher->between(lookup->enricher);
    if (mem_grow(&lookup->flights, &lookup->flight_cap, batch->count, sizeof *lookup->flights))
        return ERR_NOMEM;
    for (uint32_t i = 0; i < batch->count; i++)
        lookup->flights[i] = (struct lookup_flight){LOOKUP_NEW, 0};
    lookup->next = lookup->under_way = 0;
    lookup->busy = true;
    lookup->leaving = false;
    return 0;
}

static enum op_status work(struct lookup *lookup, struct batch *batch, struct outputs *outputs)
{
    uint32_t before;
    do {
        enum op_status status = hear(lookup, batch, outputs);
        if (status == OP_DONE)
            status = time_out(lookup, batch, outputs);
        before = lookup->next;
        if (status == OP_DONE)
            status = ask_all(lookup, batch, outputs);
        if (status != OP_DONE)
            return status;
        if (!leave(lookup, batch, outputs))
            return OP_AGAIN;
    } while (lookup->next > before && lookup->under_way);
    if (lookup->next == batch->count && !lookup->under_way)
        return OP_DONE;
    lookup->op.waits = true;
    return OP_AGAIN;
}

static void give_up(struct lookup *lookup, const struct batch *batch)
{
    for (uint32_t i = 0; i < batch->count && lookup->under_way; i++)
        if (lookup->flights[i].state == LOOKUP_ASKED)
            lookup->enricher->forget(lookup->enricher, lookup->tickets + i);
    lookup->tickets += batch->count;
    lookup->busy = false;
}

static enum op_status process(struct op *op, uint32_t input, struct batch *batch,
                              struct outputs *outputs)
{
    struct lookup *lookup = (struct lookup *)op;
    (void)input;
    op->waits = false;
    if (!lookup->busy && begin(lookup, batch))
        return OP_AGAIN;
    if (!lookup->leaving) {
        uint32_t count = batch->count;
        enum op_status status = work(lookup, batch, outputs);
        if (status == OP_AGAIN)
            return status;
        give_up(lookup, batch);
        lookup->busy = status == OP_DONE;
        if (status == OP_STOP)
            return status;
        close_ranks(lookup, batch);
        lookup->leaving = count != 0;
    }
    if (lookup->options.ordered && !outputs_forward(outputs, PORT_OUT, batch))
        return OP_AGAIN;
    lookup->busy = lookup->leaving = false;
    return OP_DONE;
}

static int64_t next_wall_ms(struct op *op)
{
    struct lookup *lookup = (struct lookup *)op;
    int64_t at = lookup->under_way ? lookup->enricher->next_wall_ms(lookup->enricher) : INT64_MAX;
    if (!lookup->under_way || !lookup->options.timeout_ms)
        return at;
    int64_t oldest = INT64_MAX, now = clock_mono_ns(lookup->clock);
    for (uint32_t i = 0; i < lookup->next; i++)
        if (lookup->flights[i].state == LOOKUP_ASKED && lookup->flights[i].asked_ns < oldest)
            oldest = lookup->flights[i].asked_ns;
    int64_t left_ms = (oldest - now) / 1000000 + lookup->options.timeout_ms;
    int64_t due = clock_wall_ms(lookup->clock) + (left_ms > 0 ? left_ms : 0);
    return due < at ? due : at;
}

// -- making --

static void measure(const struct op *op, struct operator_state *out)
{
    const struct lookup *lookup = (const struct lookup *)op;
    *out = (struct operator_state){0};
    if (lookup->enricher->bytes)
        out->bytes = lookup->enricher->bytes(lookup->enricher);
    if (lookup->cache)
        out->bytes += enrich_cache_bytes(lookup->cache);
}

static void lookup_free(struct op *op)
{
    struct lookup *lookup = (struct lookup *)op;
    if (lookup->enricher)
        lookup->enricher->free(lookup->enricher);
    enrich_cache_free(lookup->cache);
    for (uint32_t i = 0; i < KEY_FIELDS_MAX; i++) {
        path_deinit(&lookup->keys[i]);
        path_deinit(&lookup->row_keys[i]);
    }
    json_reader_free(lookup->reader);
    mem_free(lookup->flights);
    buf_deinit(&lookup->key);
    buf_deinit(&lookup->name);
    mem_free(lookup);
}

int lookup_new(struct op **out, const struct operator_spec *spec,
               const struct enrich_options *options, struct enricher *enricher, struct error *err)
{
    struct lookup *lookup = mem_zalloc(sizeof *lookup);
    if (!lookup) {
        enricher->free(enricher);
        return error_nomem(err);
    }
    lookup->op = (struct op){.class = &lookup_class,
                             .ports = port_names,
                             .process = process,
                             .next_wall_ms = next_wall_ms,
                             .measure = measure,
                             .free = lookup_free};
    lookup->enricher = enricher;
    lookup->options = *options;
    lookup->clock = spec->clock;
    int rc = options->cache_entries
                 ? enrich_cache_new(&lookup->cache, options->cache_entries, options->cache_ttl_ms)
                 : 0;
    rc = rc ? error_nomem(err) : lookup_configure(lookup, spec, err);
    if (rc) {
        lookup_free(&lookup->op);
        return rc;
    }
    *out = &lookup->op;
    return 0;
}

static int build(struct op **out, const struct operator_spec *spec, struct error *err)
{
    static const struct enrich_options options = {.ordered = true, .capacity = UINT32_MAX};
    struct enricher *enricher;
    int rc = lookup_table_new(&enricher, spec, err);
    return rc ? rc : lookup_new(out, spec, &options, enricher, err);
}

const struct operator_class lookup_class = {
    .type = "lookup",
    .help = "puts the row of a table that has its key into each record",
    .entry = {.options = lookup_options, .ports = port_names, .has_out = true},
    .build = build,
};
