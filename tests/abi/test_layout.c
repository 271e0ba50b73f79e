// SPDX-License-Identifier: MIT
#include "support/unit.h"
#include "tidemill/journal.h"
#include "tidemill/plugin.h"
#include <stdio.h>

// The layout of all structs that cross the border, against layout.inc: a plugin that was built
// years ago depends on it.

struct frozen {
    const char *what;
    size_t now, frozen;
};

#define SIZE(type, bytes) {#type, sizeof(type), (bytes)},
#define AT(type, member, bytes) {#type "." #member, offsetof(type, member), (bytes)},
static const struct frozen frozen[] = {
#include "layout.inc"
};

static void test_layout(void)
{
    for (size_t i = 0; i < sizeof frozen / sizeof *frozen; i++) {
        CU_ASSERT_EQUAL(frozen[i].now, frozen[i].frozen);
        if (frozen[i].now != frozen[i].frozen)
            fprintf(stderr, "%s: %zu, was %zu\n", frozen[i].what, frozen[i].now, frozen[i].frozen);
    }
}

static void test_numbers(void)
{
    static const struct frozen numbers[] = {
        {"OK", TIDE_OK, 0},
        {"AGAIN", TIDE_AGAIN, 1},
        {"EOF", TIDE_EOF, 2},
        {"-RETRY", -TIDE_RETRY, 1},
        {"-DATA", -TIDE_DATA, 2},
        {"-FATAL", -TIDE_FATAL, 3},
        {"TEXT", TIDE_TEXT, 1},
        {"RANGE", TIDE_RANGE, 12},
        {"TEMPLATE", TIDE_OPTION_TEMPLATE, 8},
        {"source REPLAYABLE", TIDE_SOURCE_REPLAYABLE, 1},
        {"source STREAM", TIDE_SOURCE_STREAM, 32},
        {"sink IDEMPOTENT", TIDE_SINK_IDEMPOTENT, 1},
        {"sink STREAM", TIDE_SINK_STREAM, 16},
        {"DECIDES", TIDE_CONNECTION_DECIDES, 1},
        {"UNKNOWN", TIDE_UNKNOWN, 2},
        {"VALUE_JSON", TIDE_VALUE_JSON, 6},
        {"TOMBSTONE", TIDE_MESSAGE_TOMBSTONE, 1},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        CU_ASSERT_EQUAL(numbers[i].now, numbers[i].frozen);
        if (numbers[i].now != numbers[i].frozen)
            fprintf(stderr, "%s: %zu\n", numbers[i].what, numbers[i].now);
    }
}

// What an older host or plugin does not have is seen by its size.
static void test_has(void)
{
    tide_source source = {.struct_size = sizeof source};
    CU_ASSERT_TRUE(TIDE_HAS(&source, lag));
    source.struct_size = offsetof(tide_source, lag);
    CU_ASSERT_FALSE(TIDE_HAS(&source, lag));
    CU_ASSERT_TRUE(TIDE_HAS(&source, poll_fd));
}

static CU_TestInfo cases[] = {{"sizes and offsets", test_layout},
                              {"numbers", test_numbers},
                              {"TIDE_HAS", test_has},
                              CU_TEST_INFO_NULL};

UNIT_MAIN(UNIT_SUITE("layout", cases))
