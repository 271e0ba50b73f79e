// SPDX-License-Identifier: MIT
#include "observe/http_access.h"
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char dir[] = "/tmp/tidemill-access-XXXXXX";

static int begin(void)
{
    return mkdtemp(dir) ? 0 : 1;
}

static int end(void)
{
    char command[64];
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    return system(command);
}

// A file of that content; its path, in one of four places.
static const char *file_of(const char *content, size_t len)
{
    static char paths[4][64];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%u", dir, next);
    FILE *file = fopen(path, "w");
    CU_ASSERT_FATAL(file != NULL && fwrite(content, 1, len, file) == len && !fclose(file));
    return path;
}

static const char *text(const char *content)
{
    return content ? file_of(content, strlen(content)) : NULL;
}

static void reads_what_it_is_given(void)
{
    static const struct {
        const char *certificate, *key, *token;
        const char *wrong; // NULL: taken
    } rows[] = {
        {NULL, NULL, NULL, NULL},
        {"CERT", "KEY", NULL, NULL},
        {"CERT", "KEY", "0123456789abcdef\n", NULL},
        {NULL, NULL, "0123456789abcdef\r\n\r\n", NULL},
        {"CERT", NULL, NULL, "--http-key is missing"},
        {NULL, "KEY", NULL, "--http-cert is missing"},
        {"", "KEY", NULL, "is empty"},
        {"CERT", "", NULL, "is empty"},
        {NULL, NULL, "", "at least 16"},
        {NULL, NULL, "0123456789abcde\n", "at least 16"},
        {NULL, NULL, "01234567 89abcdef", "no spaces"},
        {NULL, NULL, "0123456789abcdef\nx", "no spaces"},
        {NULL, NULL, "0123456789abcd\xc3\xa9", "plain ASCII"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct http_access access;
        struct error err = ERROR_INIT;
        http_access_init(&access);
        int code = http_access_read(&access, text(rows[i].certificate), text(rows[i].key),
                                    text(rows[i].token), &err);
        CU_ASSERT_EQUAL(code, rows[i].wrong ? ERR_INPUT : 0);
        if (rows[i].wrong)
            CU_ASSERT_PTR_NOT_NULL(strstr(err.text, rows[i].wrong));
        if (!rows[i].wrong && rows[i].certificate)
            CU_ASSERT_EQUAL(access.certificate.len, 4);
        if (!rows[i].wrong && rows[i].token)
            CU_ASSERT_EQUAL(access.token.len, 16);
        http_access_deinit(&access);
    }
}

static void refuses_bad_files(void)
{
    struct http_access access;
    struct error err = ERROR_INIT;
    http_access_init(&access);
    CU_ASSERT_EQUAL(http_access_read(&access, NULL, NULL, "/nowhere/token", &err), ERR_IO);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "/nowhere/token"));
    size_t len = 300 * 1024;
    char *large = malloc(len);
    CU_ASSERT_FATAL(large != NULL);
    memset(large, 'x', len);
    CU_ASSERT_EQUAL(http_access_read(&access, NULL, NULL, file_of(large, len), &err), ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "longer than"));
    free(large);
    http_access_deinit(&access);
}

static void asks_for_the_token(void)
{
    static const struct {
        const char *authorization;
        bool allowed;
    } rows[] = {
        {NULL, false},
        {"", false},
        {"Bearer", false},
        {"Bearer ", false},
        {"Bearer 0123456789abcdef", true},
        {"bearer 0123456789abcdef", true},
        {"Bearer 0123456789abcdeF", false},
        {"Bearer 0123456789abcde", false},
        {"Bearer 0123456789abcdef0123456789abcdef", false},
        {"Bearer  0123456789abcdef", false},
        {"Basic 0123456789abcdef", false},
        {"0123456789abcdef", false},
    };
    struct http_access access;
    struct error err = ERROR_INIT;
    http_access_init(&access);
    CU_ASSERT_TRUE(http_access_allows(&access, NULL));
    CU_ASSERT_TRUE(http_access_allows(&access, "Bearer whatever"));
    CU_ASSERT_EQUAL(http_access_read(&access, NULL, NULL, text("0123456789abcdef\n"), &err), 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        CU_ASSERT_EQUAL(http_access_allows(&access, rows[i].authorization), rows[i].allowed);
    http_access_deinit(&access);
}

static void knows_its_own_pages(void)
{
    CU_ASSERT_TRUE(http_type_is_json("application/json"));
    CU_ASSERT_TRUE(http_type_is_json("Application/JSON; charset=utf-8"));
    CU_ASSERT_FALSE(http_type_is_json("application/jsonp"));
    CU_ASSERT_FALSE(http_type_is_json("text/plain"));
    CU_ASSERT_FALSE(http_type_is_json(NULL));
    CU_ASSERT_TRUE(http_origin_is_host(NULL, "localhost:1"));
    CU_ASSERT_TRUE(http_origin_is_host("http://localhost:1", "localhost:1"));
    CU_ASSERT_FALSE(http_origin_is_host("http://evil.example", "localhost:1"));
    CU_ASSERT_FALSE(http_origin_is_host("http://localhost:1.evil.example", "localhost:1"));
    CU_ASSERT_FALSE(http_origin_is_host("null", "localhost:1"));
    CU_ASSERT_FALSE(http_origin_is_host("http://localhost:1", NULL));
}

static CU_TestInfo cases[] = {
    {"knows its own pages", knows_its_own_pages},
    {"reads what it is given", reads_what_it_is_given},
    {"refuses bad files", refuses_bad_files},
    {"asks for the token", asks_for_the_token},
    CU_TEST_INFO_NULL,
};
UNIT_MAIN({"http access", begin, end, NULL, NULL, cases})
