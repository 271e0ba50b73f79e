// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "support/unit.h"

static void appends(void)
{
    struct buf buf;
    buf_init(&buf, 1 << 20);
    CU_ASSERT_STRING_EQUAL(buf_cstr(&buf), "");
    CU_ASSERT_EQUAL(buf_puts(&buf, "abc"), 0);
    CU_ASSERT_EQUAL(buf_putc(&buf, '-'), 0);
    CU_ASSERT_EQUAL(buf_printf(&buf, "%d %s", 42, "x"), 0);
    CU_ASSERT_EQUAL(buf_append(&buf, NULL, 0), 0);
    CU_ASSERT_STRING_EQUAL(buf_cstr(&buf), "abc-42 x");
    buf_consume(&buf, 4);
    CU_ASSERT_STRING_EQUAL(buf_cstr(&buf), "42 x");
    buf_consume(&buf, 100);
    CU_ASSERT_EQUAL(buf.len, 0);
    for (int i = 0; i < 1000; i++)
        CU_ASSERT_EQUAL(buf_printf(&buf, "%03d,", i), 0);
    CU_ASSERT_EQUAL(buf.len, 4000);
    CU_ASSERT_NSTRING_EQUAL(buf.data + 3996, "999,", 4);
    buf_clear(&buf);
    CU_ASSERT_STRING_EQUAL(buf_cstr(&buf), "");
    buf_deinit(&buf);
}

static void keeps_its_limit(void)
{
    struct buf buf;
    buf_init(&buf, 10);
    CU_ASSERT_EQUAL(buf_puts(&buf, "12345678"), 0);
    CU_ASSERT_EQUAL(buf_puts(&buf, "abc"), ERR_LIMIT);
    CU_ASSERT_EQUAL(buf_printf(&buf, "%s", "abc"), ERR_LIMIT);
    CU_ASSERT_EQUAL(buf_reserve(&buf, (size_t)-1), ERR_LIMIT);
    CU_ASSERT_STRING_EQUAL(buf_cstr(&buf), "12345678");
    CU_ASSERT_EQUAL(buf_printf(&buf, "%s", "ab"), 0);
    CU_ASSERT_STRING_EQUAL(buf_cstr(&buf), "12345678ab"); // the NUL is beyond the limit
    CU_ASSERT_EQUAL(buf_putc(&buf, 'c'), ERR_LIMIT);
    CU_ASSERT_EQUAL(buf.len, 10);
    buf_deinit(&buf);
}

static void survives_a_lack_of_memory(void)
{
    struct buf buf;
    buf_init(&buf, 1 << 20);
    mem_fail_at(1, true);
    CU_ASSERT_EQUAL(buf_puts(&buf, "abc"), ERR_NOMEM);
    CU_ASSERT_EQUAL(buf_printf(&buf, "%d", 5), ERR_NOMEM);
    CU_ASSERT_STRING_EQUAL(buf_cstr(&buf), "");
    CU_ASSERT_EQUAL(buf.len, 0);
    mem_fail_at(0, false);
    CU_ASSERT_EQUAL(buf_puts(&buf, "abc"), 0);
    mem_fail_at(1, true);
    CU_ASSERT_EQUAL(buf_reserve(&buf, 10000), ERR_NOMEM);
    mem_fail_at(0, false);
    CU_ASSERT_STRING_EQUAL(buf_cstr(&buf), "abc");
    buf_deinit(&buf);
}

static CU_TestInfo cases[] = {
    {"appends", appends},
    {"keeps its limit", keeps_its_limit},
    {"survives a lack of memory", survives_a_lack_of_memory},
    CU_TEST_INFO_NULL,
};
UNIT_MAIN(UNIT_SUITE("buf", cases))
