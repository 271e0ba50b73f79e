// SPDX-License-Identifier: MIT
#include "engine/scatter.h"
#include "support/unit.h"
#include <stdio.h>
#include <string.h>

static void test_groups_go_to_lanes_in_stretches(void)
{
    for (uint32_t lanes = 1; lanes <= SCATTER_LANES_MAX; lanes++) {
        uint32_t last = 0, count[SCATTER_LANES_MAX] = {0};
        for (uint32_t group = 0; group < KEY_GROUPS; group++) {
            uint32_t lane = group_lane(group, lanes);
            CU_ASSERT_FATAL(lane < lanes && lane >= last && lane - last <= 1);
            count[lane]++;
            last = lane;
        }
        CU_ASSERT_EQUAL(last, lanes - 1);
        for (uint32_t lane = 0; lane < lanes; lane++)
            CU_ASSERT(count[lane] >= KEY_GROUPS / lanes && count[lane] <= KEY_GROUPS / lanes + 1);
    }
}

static uint32_t group_of(const struct value *values, uint32_t count)
{
    struct buf key;
    uint32_t group = UINT32_MAX;
    buf_init(&key, 1 << 16);
    for (uint32_t i = 0; i < count; i++)
        CU_ASSERT_EQUAL_FATAL(key_encode_value(values[i], &key), 0);
    CU_ASSERT_EQUAL_FATAL(key_group(key.data, key.len, &group), 0);
    CU_ASSERT_FATAL(group < KEY_GROUPS);
    buf_deinit(&key);
    return group;
}

// Stored state hangs on these numbers: they never change.
static void test_groups_stay(void)
{
    static const struct {
        const char *text;
        uint32_t group;
    } rows[] = {{"", 36},           {"r1", 87},          {"device", 76},
                {"sensor-17", 126}, {"10.0.0.1:80", 64}, {"a key of more than sixteen bytes", 7}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct value value = value_string(rows[i].text, (uint32_t)strlen(rows[i].text));
        uint32_t group = group_of(&value, 1);
        if (group != rows[i].group)
            fprintf(stderr, "'%s' is of group %u\n", rows[i].text, group);
        CU_ASSERT_EQUAL(group, rows[i].group);
    }
    struct value values[] = {value_int(1), value_float(1), value_bool(true), value_null()};
    uint32_t of_int = group_of(&values[0], 1), of_all = group_of(values, 4);
    if (of_int != 76 || of_all != 115)
        fprintf(stderr, "groups %u %u\n", of_int, of_all);
    CU_ASSERT_EQUAL(of_int, 76);
    CU_ASSERT_EQUAL(of_all, 115);
    struct value zero = value_float(0), minus = value_float(-0.0);
    CU_ASSERT_EQUAL(group_of(&zero, 1), group_of(&minus, 1));
}

static void test_keys_spread(void)
{
    enum { KEYS = 128 * 200 };
    for (int kind = 0; kind < 3; kind++) {
        uint32_t count[KEY_GROUPS] = {0};
        for (int i = 0; i < KEYS; i++) {
            char text[40];
            int len = snprintf(text, sizeof text, kind ? "device-number-%08d" : "k%d", i);
            struct value value =
                kind == 2 ? value_int(i * 1000) : value_string(text, (uint32_t)len);
            count[group_of(&value, 1)]++;
        }
        for (uint32_t i = 0; i < KEY_GROUPS; i++)
            CU_ASSERT(count[i] > 100 && count[i] < 300);
    }
}

static void test_what_is_no_key(void)
{
    uint32_t group;
    CU_ASSERT_EQUAL(key_group("\x09", 1, &group), ERR_CORRUPT);
    CU_ASSERT_EQUAL(key_group("\x05\x01", 2, &group), ERR_CORRUPT);
}

static CU_TestInfo cases[] = {
    {"groups go to lanes in stretches", test_groups_go_to_lanes_in_stretches},
    {"groups stay", test_groups_stay},
    {"keys spread", test_keys_spread},
    {"what is no key", test_what_is_no_key},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN(UNIT_SUITE("scatter", cases))
