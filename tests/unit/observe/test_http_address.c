// SPDX-License-Identifier: MIT
#include "observe/http_address.h"
#include "support/unit.h"

static void addresses(void)
{
    static const struct {
        const char *text, *printed; // NULL: refused
        bool loopback;
    } table[] = {
        {"9090", "127.0.0.1:9090", true},
        {":9090", "127.0.0.1:9090", true},
        {"0", "127.0.0.1:0", true},
        {"127.0.0.5:1", "127.0.0.5:1", true},
        {"[::1]:65535", "[::1]:65535", true},
        {"0.0.0.0:80", "0.0.0.0:80", false},
        {"10.1.2.3:80", "10.1.2.3:80", false},
        {"[::]:80", "[::]:80", false},
        {"", NULL, false},
        {":", NULL, false},
        {"127.0.0.1", NULL, false},
        {"127.0.0.1:", NULL, false},
        {"127.0.0.1:65536", NULL, false},
        {"99999999999", NULL, false},
        {"127.0.0.1:-1", NULL, false},
        {"127.0.0.1:80 ", NULL, false},
        {"127.0.0:80", NULL, false},
        {"localhost:80", NULL, false},
        {"[::1]", NULL, false},
        {"[::1:80", NULL, false},
        {"[::1]80", NULL, false},
        {"[127.0.0.1]:80", NULL, false},
        {"::1:80", NULL, false},
        {"[1111:1111:1111:1111:1111:1111:1111:1111:1111:1111]:80", NULL, false},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct http_address address;
        struct error err = ERROR_INIT;
        char text[64];
        int code = http_address_parse(table[i].text, &address, &err);
        CU_ASSERT_EQUAL(code, table[i].printed ? 0 : ERR_INPUT);
        if (code || !table[i].printed)
            continue;
        http_address_print(&address, text, sizeof text);
        CU_ASSERT_STRING_EQUAL(text, table[i].printed);
        CU_ASSERT_EQUAL(http_address_is_loopback(&address), table[i].loopback);
    }
}

static void hosts(void)
{
    static const struct {
        const char *host;
        bool good;
    } table[] = {
        {"localhost", true},
        {"LocalHost:9090", true},
        {"127.0.0.1", true},
        {"127.9.9.9:1", true},
        {"[::1]", true},
        {"[::1]:9090", true},
        {"", false},
        {"example.com", false},
        {"example.com:9090", false},
        {"localhost.evil", false},
        {"127.0.0.1.evil", false},
        {"10.0.0.1:9090", false},
        {"localhost:port", false},
        {"localhost:99999", false},
        {"[::2]", false},
        {"[::1", false},
        {"localhost@evil", false},
        {"0.0.0.0", false},
        {"[localhost]", false},
        {"localhost:1:1", false},
        {"[::1]x", false},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (http_host_is_loopback(table[i].host) != table[i].good)
            fprintf(stderr, "wrong: '%s'\n", table[i].host);
        CU_ASSERT_EQUAL(http_host_is_loopback(table[i].host), table[i].good);
    }
}

static CU_TestInfo cases[] = {
    {"addresses", addresses},
    {"hosts", hosts},
    CU_TEST_INFO_NULL,
};
UNIT_MAIN(UNIT_SUITE("http_address", cases))
