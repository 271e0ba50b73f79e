// SPDX-License-Identifier: MIT
#include "operators/reorder.h"
#include "base/alloc.h"
#include "operators/buffer.h"

// reorder: records in the order of their event times (those of one time as they came). A record is
// kept until the watermark has passed its time; one that comes later than that leaves by the port
// `late`. What is kept is bounded by `limits.state`.

enum { SECTION_RECORD, PORT_LATE = 1, LOOK_EVERY = 64 };

struct reorder {
    struct native native; // first
    struct keeper keeper;
    struct buffer buffer;
};

static int take(struct reorder *reorder, struct batch *batch, struct record *record,
                struct error *err)
{
    struct table_key key;
    int rc = native_read_key(&reorder->native, batch, record, &key, err);
    if (!rc)
        rc = buffer_add(&reorder->buffer, &key, batch, record, 0, err);
    return rc ? native_explain(&reorder->native, rc, err) : 0;
}

static enum op_status one(struct op *op, struct batch *batch, struct outputs *outputs)
{
    struct reorder *reorder = (struct reorder *)op;
    struct record *record = &batch->records[batch->cursor];
    struct error err;
    error_clear(&err);
    int64_t time;
    int rc = native_read_time(&reorder->native, record, &time, &err);
    if (!rc && time <= reorder->native.progress)
        return cursor_late(&reorder->native.op, batch, PORT_LATE, outputs);
    if (!rc)
        rc = take(reorder, batch, record, &err);
    if (rc)
        return cursor_failed(batch, outputs, &err);
    reorder->native.op.stats.absorbed++;
    batch->cursor++;
    return OP_DONE;
}

static enum op_status process(struct op *op, uint32_t input, struct batch *batch,
                              struct outputs *outputs)
{
    (void)input;
    return cursor_each(op, batch, outputs, one);
}

static enum op_status watermark(struct op *op, int64_t at, struct outputs *outputs)
{
    struct reorder *reorder = (struct reorder *)op;
    struct buffered *first;
    if (at > reorder->native.progress)
        reorder->native.progress = at;
    for (uint32_t n = 1; (first = buffer_first(&reorder->buffer, reorder->native.progress)); n++) {
        struct batch *out = outputs_batch(outputs, PORT_OUT);
        if (!out || !kept_put(&reorder->keeper, first->kept, out))
            return OP_AGAIN;
        reorder->native.op.stats.created++;
        buffer_drop(&reorder->buffer, first);
        if (n % LOOK_EVERY == 0 && outputs_late(outputs))
            return OP_AGAIN;
    }
    return OP_DONE;
}

static int save(struct op *op, struct image *image)
{
    const struct reorder *reorder = (const struct reorder *)op;
    native_save_progress(&reorder->native, image);
    buffer_save(&reorder->buffer, image, SECTION_RECORD);
    return image->rc;
}

static int load(struct op *op, struct image_entry *entry, struct error *err)
{
    struct reorder *reorder = (struct reorder *)op;
    struct table_key key;
    int rc = native_load_progress(&reorder->native, entry, err);
    if (rc)
        return rc < 0 ? rc : 0;
    rc = native_load_key(&reorder->native, entry, SECTION_RECORD, &key, "reorder", err);
    return rc ? rc : buffer_load(&reorder->buffer, entry, err);
}

static void measure(const struct op *op, struct operator_state *out)
{
    const struct reorder *reorder = (const struct reorder *)op;
    *out = (struct operator_state){.bytes = reorder->native.budget.used_bytes,
                                   .keys = reorder->buffer.heap.count};
}

static void reorder_free(struct op *op)
{
    struct reorder *reorder = (struct reorder *)op;
    buffer_deinit(&reorder->buffer);
    keeper_deinit(&reorder->keeper);
    native_deinit(&reorder->native);
    mem_free(reorder);
}

static const char *const port_names[] = {"late", NULL};

static int build(struct op **out, const struct operator_spec *spec, struct error *err)
{
    struct reorder *reorder = mem_zalloc(sizeof *reorder);
    if (!reorder)
        return error_nomem(err);
    reorder->native.op = (struct op){.class = &reorder_class,
                                     .ports = port_names,
                                     .process = process,
                                     .watermark = watermark,
                                     .save = save,
                                     .load = load,
                                     .measure = measure,
                                     .free = reorder_free};
    reorder->buffer.keeper = &reorder->keeper;
    int rc = native_init(&reorder->native, spec, "event", sizeof(struct native_key), err);
    if (!rc)
        rc = keeper_init(&reorder->keeper, &reorder->native, spec->shapes, err);
    if (rc) {
        reorder_free(&reorder->native.op);
        return rc;
    }
    *out = &reorder->native.op;
    return 0;
}

static const tide_option options[] = {
    {.name = "key_by",
     .type = TIDE_LIST,
     .item = TIDE_TEXT,
     .help = "the field, or fields, whose records are to be in order; without it all are"},
    {.name = NULL},
};

const struct operator_class reorder_class = {
    .type = "reorder",
    .help = "records in the order of their event times, as far as the watermark has come",
    .entry = {.options = options, .ports = port_names, .has_out = true},
    .stateful = true,
    .build = build,
};
