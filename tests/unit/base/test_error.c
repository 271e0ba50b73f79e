// SPDX-License-Identifier: MIT
#include "base/error.h"
#include "support/unit.h"

#include <errno.h>
#include <string.h>

static void sets_code_and_text(void)
{
    struct error err = ERROR_INIT;
    CU_ASSERT_EQUAL(error_set(&err, ERR_DATA, "byte %d: expected '%c'", 17, ':'), ERR_DATA);
    CU_ASSERT_EQUAL(err.code, ERR_DATA);
    CU_ASSERT_STRING_EQUAL(err.text, "byte 17: expected ':'");
    CU_ASSERT_EQUAL(err.len, strlen(err.text));
}

static void tells_the_errno(void)
{
    struct error err = ERROR_INIT;
    CU_ASSERT_EQUAL(error_errno(&err, ERR_IO, ENOENT, "a.lua: cannot open"), ERR_IO);
    CU_ASSERT_STRING_EQUAL(err.text, "a.lua: cannot open: No such file or directory");
    CU_ASSERT_EQUAL(err.len, strlen(err.text));
}

static void prefixes_from_the_inside_out(void)
{
    struct error err = ERROR_INIT;
    error_set(&err, ERR_INPUT, "unknown key");
    CU_ASSERT_EQUAL(error_prefix(&err, "line %d", 3), ERR_INPUT);
    CU_ASSERT_EQUAL(error_prefix(&err, "a.yaml"), ERR_INPUT);
    CU_ASSERT_STRING_EQUAL(err.text, "a.yaml: line 3: unknown key");
    CU_ASSERT_EQUAL(err.len, strlen(err.text));
}

static void cuts_with_dots(void)
{
    char long_text[5000];
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = 0;
    struct error err = ERROR_INIT;
    error_set(&err, ERR_IO, "%s", long_text);
    CU_ASSERT_EQUAL(err.len, sizeof err.text - 1);
    CU_ASSERT_STRING_EQUAL(err.text + err.len - 4, "x...");
    error_prefix(&err, "place");
    CU_ASSERT_EQUAL(err.len, sizeof err.text - 1);
    CU_ASSERT_NSTRING_EQUAL(err.text, "place: xxx", 10);
    error_prefix(&err, "%s", long_text);
    error_errno(&err, ERR_IO, EIO, "%s", long_text);
    CU_ASSERT_EQUAL(err.len, strlen(err.text));
    CU_ASSERT_STRING_EQUAL(err.text + err.len - 3, "...");
}

static void is_made_in_pieces(void)
{
    char long_text[5000];
    memset(long_text, 'x', sizeof long_text);
    struct error err = ERROR_INIT;
    error_as(&err, REASON_SCRIPT_TIME);
    error_begin(&err, ERR_DATA);
    CU_ASSERT_EQUAL(err.code, ERR_DATA);
    CU_ASSERT_EQUAL(err.reason, REASON_NONE);
    error_add(&err, "one\r\n", 5);
    error_add(&err, "two|", 3);
    CU_ASSERT_STRING_EQUAL(err.text, "one  two");
    CU_ASSERT_EQUAL(err.len, 8);
    error_add(&err, long_text, sizeof long_text);
    CU_ASSERT_EQUAL(err.len, sizeof err.text - 1);
    CU_ASSERT_EQUAL(strlen(err.text), err.len);
    CU_ASSERT_STRING_EQUAL(err.text + err.len - 4, "x...");
    error_add(&err, "more", 4);
    CU_ASSERT_EQUAL(strlen(err.text), sizeof err.text - 1);
}

static void stays_one_line(void)
{
    struct error err = ERROR_INIT;
    error_set(&err, ERR_IO, "a\nb\r\nc");
    CU_ASSERT_STRING_EQUAL(err.text, "a b  c");
}

static void works_without_a_place_to_write(void)
{
    CU_ASSERT_EQUAL(error_set(NULL, ERR_LIMIT, "x"), ERR_LIMIT);
    CU_ASSERT_EQUAL(error_errno(NULL, ERR_IO, EIO, "x"), ERR_IO);
    CU_ASSERT_EQUAL(error_nomem(NULL), ERR_NOMEM);
    CU_ASSERT_EQUAL(error_prefix(NULL, "x"), ERR_FATAL);
    error_clear(NULL);
}

static void names_every_code(void)
{
    CU_ASSERT_STRING_EQUAL(error_name(ERR_CORRUPT), "CORRUPT");
    CU_ASSERT_STRING_EQUAL(error_name(0), "OK");
    CU_ASSERT_STRING_EQUAL(error_meaning(ERR_NOMEM), "out of memory");
    CU_ASSERT_STRING_EQUAL(error_name(-99), "UNKNOWN");
    for (int code = -1; code >= -10; code--)
        CU_ASSERT_STRING_NOT_EQUAL(error_name(code), "UNKNOWN");
}

static void tells_the_reason(void)
{
    struct error err = ERROR_INIT;
    static const struct {
        int code;
        const char *reason;
    } classes[] = {
        {ERR_NOMEM, "out-of-memory"}, {ERR_IO, "input-output"},     {ERR_INPUT, "wrong-input"},
        {ERR_DATA, "bad-record"},     {ERR_LIMIT, "limit-reached"}, {ERR_CORRUPT, "corrupt-data"},
        {ERR_REFUSED, "refused"},     {ERR_RETRY, "unavailable"},   {ERR_FATAL, "cannot-go-on"},
        {ERR_BUG, "internal-error"},
    };
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        error_set(&err, classes[i].code, "x");
        CU_ASSERT_STRING_EQUAL(reason_code(error_reason(&err)), classes[i].reason);
    }
    error_set(&err, ERR_INPUT, "x");
    CU_ASSERT_EQUAL(error_as(&err, REASON_SCRIPT_TIME), ERR_INPUT);
    error_prefix(&err, "y");
    CU_ASSERT_STRING_EQUAL(reason_code(error_reason(&err)), "script-time");
    error_set(&err, ERR_IO, "x");
    CU_ASSERT_STRING_EQUAL(reason_code(error_reason(&err)), "input-output");
    error_as(&err, REASON_SCRIPT_TIME);
    error_clear(&err);
    CU_ASSERT_EQUAL(err.reason, REASON_NONE);
    CU_ASSERT_EQUAL(error_as(NULL, REASON_USAGE), ERR_FATAL);
    CU_ASSERT_EQUAL(error_code_reason(77), REASON_BUG);
    CU_ASSERT_STRING_EQUAL(reason_code(REASON_COUNT), "internal-error");
    CU_ASSERT_STRING_EQUAL(reason_code(REASON_NONE), "internal-error");
}

static CU_TestInfo cases[] = {
    {"sets code and text", sets_code_and_text},
    {"tells the errno", tells_the_errno},
    {"prefixes from the inside out", prefixes_from_the_inside_out},
    {"cuts with dots", cuts_with_dots},
    {"stays one line", stays_one_line},
    {"is made in pieces", is_made_in_pieces},
    {"works without a place to write", works_without_a_place_to_write},
    {"names every code", names_every_code},
    {"tells the reason", tells_the_reason},
    CU_TEST_INFO_NULL,
};
UNIT_MAIN(UNIT_SUITE("error", cases))
