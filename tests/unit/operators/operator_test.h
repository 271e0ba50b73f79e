// SPDX-License-Identifier: MIT
#pragma once
#include "base/alloc.h"
#include "support/one_operator.h"
#include "support/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// What the tests of operators with scripts share.

// Port `port` of the operator has given exactly these lines, `<time> <json>`, so far.
#define CHECK_PORT(one, port, wanted)                                                              \
    do {                                                                                           \
        struct buf text_;                                                                          \
        buf_init(&text_, 1 << 20);                                                                 \
        for (size_t i_ = 0; i_ < fake_results(&(one)->outputs, port); i_++) {                      \
            const struct fake_result *result_ = fake_result(&(one)->outputs, port, i_);            \
            (void)buf_printf(&text_, "%lld %s\n", (long long)result_->time, result_->json);        \
        }                                                                                          \
        CHECK_TEXT(buf_cstr(&text_), wanted);                                                      \
        buf_deinit(&text_);                                                                        \
    } while (0)

// in + created = out + filtered + failed + late + absorbed
static inline void check_accounts(const struct one_operator *one, uint64_t in)
{
    const struct operator_stats *stats = &one->op->stats;
    CU_ASSERT_EQUAL(in + stats->created, one->outputs.result_count + stats->filtered +
                                             one->outputs.error_count + stats->late +
                                             stats->absorbed);
}

static inline void build_fails(const struct operator_class *class, const char *options,
                               const char *error)
{
    struct one_operator one = {0};
    int rc = one_init(&one, class, options);
    CU_ASSERT_EQUAL(rc, ERR_INPUT);
    CHECK_HAS(one.err.text, error);
    one_deinit(&one);
}

static inline void build(struct one_operator *one, const struct operator_class *class,
                         const char *options)
{
    memset(one, 0, sizeof *one);
    int rc = one_init(one, class, options);
    if (rc != 0)
        fprintf(stderr, "\n  %s\n", one->err.text);
    CU_ASSERT_EQUAL_FATAL(rc, 0);
}

// Each allocation fails once while it is built; nothing is left behind.
static inline void build_without_memory(const struct operator_class *class, const char *options)
{
    struct one_operator model;
    build(&model, class, options);
    const struct node_spec *node = NULL;
    for (uint32_t i = 0; i < model.topology->node_count; i++)
        if (model.topology->nodes[i].kind == NODE_OPERATOR)
            node = &model.topology->nodes[i];
    struct operator_spec spec = {.topology = model.topology,
                                 .node = node,
                                 .clock = &model.clock.clock,
                                 .shapes = model.shapes,
                                 .has_event_time = true,
                                 .lanes = 1};
    for (uint64_t n = 1, fired = 1; fired; n++) {
        struct op *op = NULL;
        struct error err = ERROR_INIT;
        mem_fail_at(n, false);
        int rc = class->build(&op, &spec, &err);
        fired = mem_fail_count();
        mem_fail_at(0, false);
        CU_ASSERT_TRUE(fired ? rc != 0 || op : rc == 0);
        if (rc == 0 && op)
            op->free(op);
    }
    one_deinit(&model);
}
