// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "base/log.h"
#include "operators/lookup.h"
#include "record/codec.h"
#include "record/framing.h"
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// A file of rows that answers at once. Read as a whole; when it has changed, read again between two
// batches, aside, and put in place when all of it was good.

enum { LINE_MAX_BYTES = 1 << 20, ROWS_PER_BATCH = 512 };
static const size_t FILE_MAX_BYTES = (size_t)1 << 30;

struct row {
    uint32_t len;
    char text[];
};

struct rows { // of one state of the file
    struct state_budget budget;
    struct table table; // slot: struct row *
};

struct file_table {
    struct enricher enricher; // first
    struct rows rows;
    char path[PATH_MAX];
    const char *node;
    struct path keys[KEY_FIELDS_MAX];
    uint32_t key_count;
    bool csv;
    int64_t reload_ms, next_ms; // 0: never
    struct stat seen;           // of the file that was tried last
    struct clock *clock;
    struct batch_pool *pool;
    struct shape_table *shapes;
};

// -- rows --

static struct row **slot_of(struct table_entry *entry)
{
    return (struct row **)(void *)entry->slot;
}

static void row_drop(struct rows *rows, struct row *row)
{
    if (row)
        budget_give(&rows->budget, sizeof *row + row->len);
    mem_free(row);
}

static void rows_init(struct rows *rows, size_t limit)
{
    *rows = (struct rows){.budget = {.limit_bytes = limit}};
    table_init(&rows->table, sizeof(struct row *), &rows->budget);
}

static void rows_deinit(struct rows *rows)
{
    for (uint32_t i = 0; i < rows->table.count; i++)
        row_drop(rows, *slot_of(table_at(&rows->table, i)));
    table_deinit(&rows->table);
}

static int rows_put(struct rows *rows, const struct buf *key, const struct buf *text)
{
    struct table_key at;
    struct table_entry *entry;
    bool made;
    int rc = budget_take(&rows->budget, sizeof(struct row) + text->len);
    if (rc)
        return rc;
    struct row *row = mem_alloc(sizeof *row + text->len);
    table_key_set(&at, key->data, (uint32_t)key->len);
    rc = row ? table_take(&rows->table, &at, &entry, &made) : ERR_NOMEM;
    if (rc) {
        budget_give(&rows->budget, sizeof *row + text->len);
        mem_free(row);
        return rc;
    }
    row->len = (uint32_t)text->len;
    memcpy(row->text, text->data, text->len);
    row_drop(rows, *slot_of(entry));
    *slot_of(entry) = row;
    return 0;
}

// -- reading --

struct reading {
    struct file_table *table;
    struct rows *rows;
    struct decoder *decoder;
    struct batch *batch;
    struct buf key, text;
    uint32_t line;
};

static int take_record(struct reading *reading, struct record *record, struct error *err)
{
    struct file_table *table = reading->table;
    buf_clear(&reading->key);
    buf_clear(&reading->text);
    for (uint32_t i = 0; i < table->key_count; i++)
        if (path_read(reading->batch, record, &table->keys[i]).type == VALUE_ABSENT)
            return error_set(err, ERR_DATA, "its key '%s' is absent", table->keys[i].text);
    int rc = key_encode(reading->batch, record, table->keys, table->key_count, &reading->key, err);
    if (rc)
        return rc;
    rc = json_write(reading->batch, record, &reading->text, err);
    if (rc)
        return rc;
    if (reading->text.len == 0 || reading->text.data[0] != '{')
        return error_set(err, ERR_DATA, "a row has to be an object");
    rc = rows_put(reading->rows, &reading->key, &reading->text);
    if (rc == ERR_LIMIT)
        return error_set(err, rc,
                         "the table has reached the limit of %zu bytes; raise `limits: { "
                         "state: ... }`",
                         reading->rows->budget.limit_bytes);
    return rc ? error_nomem(err) : 0;
}

static int renew_batch(struct reading *reading)
{
    if (reading->batch && reading->batch->count < ROWS_PER_BATCH)
        return 0;
    batch_unref(reading->batch);
    reading->batch = batch_new(reading->table->pool);
    return reading->batch ? 0 : ERR_NOMEM;
}

static int take_line(struct reading *reading, const char *bytes, size_t len, struct error *err)
{
    struct record *record = renew_batch(reading) ? NULL : batch_add(reading->batch);
    char *copy = record ? arena_alloc(&reading->batch->arena, len + CHUNK_PAD, 1) : NULL;
    if (!copy)
        return error_nomem(err);
    memcpy(copy, bytes, len);
    memset(copy + len, 0, CHUNK_PAD);
    int rc = reading->decoder->decode(reading->decoder, reading->batch, copy, len, CHUNK_PAD,
                                      record, err);
    if (rc == DECODE_NOTHING)
        return 0;
    return rc ? rc : take_record(reading, record, err);
}

static int take_lines(struct reading *reading, const char *bytes, size_t len, struct error *err)
{
    struct framer framer;
    struct frame frame;
    int rc;
    framer_init(&framer, reading->table->csv ? FRAMING_CSV : FRAMING_NEWLINE, LINE_MAX_BYTES);
    while ((rc = framer_next(&framer, bytes, len, true, &frame, err)) == 1) {
        reading->line++;
        rc = frame.len ? take_line(reading, frame.bytes, frame.len, err) : 0;
        if (rc)
            break;
        bytes += frame.used;
        len -= frame.used;
    }
    if (rc >= 0)
        return 0;
    return error_prefix(err, "%s: record %u", reading->table->path, reading->line);
}

static int open_reading(struct reading *reading, struct error *err)
{
    const struct json_limits limits = {
        .depth = UINT32_MAX, .size = LINE_MAX_BYTES, .members = UINT32_MAX};
    buf_init(&reading->key, LINE_MAX_BYTES);
    buf_init(&reading->text, LINE_MAX_BYTES * 8);
    int rc = decoder_new(&reading->decoder, reading->table->csv ? "csv" : "json",
                         reading->table->shapes, &limits, err);
    if (!rc && reading->decoder->split_begin)
        rc = reading->decoder->split_begin(reading->decoder, 0, NULL, 0, err);
    return rc;
}

static void close_reading(struct reading *reading)
{
    batch_unref(reading->batch);
    if (reading->decoder)
        reading->decoder->free(reading->decoder);
    buf_deinit(&reading->key);
    buf_deinit(&reading->text);
}

static int read_all(int fd, struct buf *out)
{
    for (;;) {
        enum { PIECE = 1 << 18 };
        if (buf_reserve(out, PIECE))
            return out->len + PIECE > out->max ? ERR_LIMIT : ERR_NOMEM;
        ssize_t got = read(fd, out->data + out->len, PIECE);
        if (got <= 0)
            return got ? ERR_IO : 0;
        out->len += (size_t)got;
    }
}

static int read_file(struct file_table *table, struct buf *out, struct error *err)
{
    int fd = open(table->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set(err, ERR_INPUT, "%s cannot be opened", table->path);
    int rc =
        fstat(fd, &table->seen) || !S_ISREG(table->seen.st_mode) ? ERR_INPUT : read_all(fd, out);
    close(fd);
    return rc ? error_set(err, rc, "%s cannot be read: %s", table->path,
                          rc == ERR_LIMIT ? "it is too large" : "it is no file of rows")
              : 0;
}

// The file as it is now into fresh rows.
static int load(struct file_table *table, struct rows *rows, struct error *err)
{
    struct reading reading = {.table = table, .rows = rows};
    struct buf bytes;
    buf_init(&bytes, FILE_MAX_BYTES);
    int rc = read_file(table, &bytes, err);
    if (!rc)
        rc = open_reading(&reading, err);
    if (!rc && bytes.len)
        rc = take_lines(&reading, bytes.data, bytes.len, err);
    close_reading(&reading);
    buf_deinit(&bytes);
    return rc;
}

// -- reloading --

static bool changed(struct file_table *table)
{
    struct stat now;
    if (stat(table->path, &now))
        return false; // it is being replaced, or gone: what is known stays
    const struct stat *seen = &table->seen;
    return now.st_ino != seen->st_ino || now.st_size != seen->st_size ||
           now.st_mtim.tv_sec != seen->st_mtim.tv_sec ||
           now.st_mtim.tv_nsec != seen->st_mtim.tv_nsec;
}

static void between(struct enricher *enricher)
{
    struct file_table *table = (struct file_table *)enricher;
    int64_t now = clock_wall_ms(table->clock);
    if (!table->reload_ms || now < table->next_ms)
        return;
    table->next_ms = now + table->reload_ms;
    if (!changed(table))
        return;
    struct rows fresh;
    struct error err = ERROR_INIT;
    rows_init(&fresh, table->rows.budget.limit_bytes);
    if (load(table, &fresh, &err)) {
        log_line(LOG_WARN, table->node, "%s; the rows read before stay", err.text);
        rows_deinit(&fresh);
        return;
    }
    rows_deinit(&table->rows);
    table->rows = fresh;
    table->rows.table.budget = &table->rows.budget;
    log_line(LOG_INFO, table->node, "%s: %u rows", table->path, table->rows.table.count);
}

// -- answering --

static enum enrich_status ask(struct enricher *enricher, uint64_t ticket, const char *key,
                              uint32_t key_len, struct enrich_answer *answer)
{
    struct file_table *table = (struct file_table *)enricher;
    struct table_key at;
    table_key_set(&at, key, key_len);
    struct table_entry *entry = table_find(&table->rows.table, &at);
    *answer = (struct enrich_answer){.ticket = ticket, .outcome = ENRICH_MISSING};
    if (entry) {
        const struct row *row = *slot_of(entry);
        answer->outcome = ENRICH_FOUND;
        answer->text = row->text;
        answer->len = row->len;
    }
    return ENRICH_ANSWERED;
}

static uint64_t bytes_of(const struct enricher *enricher)
{
    return ((const struct file_table *)enricher)->rows.budget.used_bytes;
}

static void table_free(struct enricher *enricher)
{
    struct file_table *table = (struct file_table *)enricher;
    rows_deinit(&table->rows);
    for (uint32_t i = 0; i < KEY_FIELDS_MAX; i++)
        path_deinit(&table->keys[i]);
    if (table->pool)
        batch_pool_free(table->pool);
    mem_free(table);
}

static int configure(struct file_table *table, const struct operator_spec *spec, struct error *err)
{
    const struct tide_config *options = setting_at(spec->node->options, "table");
    const char *file = setting_text(options, "file");
    size_t len = strlen(file);
    table->csv = len > 4 && !strcmp(file + len - 4, ".csv");
    table->node = spec->node->name;
    table->clock = spec->clock;
    table->shapes = spec->shapes;
    table->reload_ms = setting_int(options, "reload", 0);
    table->next_ms = clock_wall_ms(spec->clock) + table->reload_ms;
    table->pool = batch_pool_new(spec->shapes);
    if (!table->pool)
        return error_nomem(err);
    int rc = lookup_read_fields(setting_at(options, "key"), "table.key", table->keys,
                                &table->key_count, err);
    if (!rc)
        rc = topology_find_file(spec->topology, file, table->path, sizeof table->path, err);
    if (!rc)
        rc = load(table, &table->rows, err);
    if (rc && err && err->code == ERR_DATA)
        err->code = rc = ERR_INPUT;
    return rc;
}

int lookup_table_new(struct enricher **out, const struct operator_spec *spec, struct error *err)
{
    struct file_table *table = mem_zalloc(sizeof *table);
    if (!table)
        return error_nomem(err);
    table->enricher =
        (struct enricher){.ask = ask, .between = between, .bytes = bytes_of, .free = table_free};
    rows_init(&table->rows, (size_t)setting_int(spec->node->common, "limits.state", 0));
    int rc = configure(table, spec, err);
    if (rc) {
        table_free(&table->enricher);
        return rc;
    }
    *out = &table->enricher;
    return 0;
}
