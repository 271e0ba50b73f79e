// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "script_fixture.h"

// Every allocation of loading and running fails once, and from there on: an error, no leak, no
// crash; and the script that is there goes on when memory is back.

static const char text[] = "local kept = {}\n"
                           "return function(r)\n"
                           "  local c = copy(r)\n"
                           "  r.list = { 1, { x = 'y' }, array{} }\n"
                           "  r.list[2].x = json.encode(c)\n"
                           "  for k, v in pairs(r.o) do r[k .. 'long enough to be no cached name "
                           "at all, really'] = v end\n"
                           "  pcall(error, 'x')\n"
                           "  if r.n == 2 then return { a = r.o, s = ('x'):rep(r.n * 1000) } end\n"
                           "  return r\n"
                           "end";

static void loading(void)
{
    for (int all_after = 0; all_after < 2; all_after++) {
        bool failed = true;
        for (uint64_t n = 1; failed; n++) {
            struct fixture f;
            fixture_init(&f);
            mem_fail_at(n, all_after);
            struct script_source source = fixture_source(&f, text);
            struct script *script = NULL;
            int rc = script_load(&script, &source, &f.err);
            failed = mem_fail_count() > 0;
            mem_fail_at(0, false);
            CU_ASSERT(rc == 0 || (rc == ERR_NOMEM && script == NULL));
            CU_ASSERT(rc == 0 || failed);
            script_free(script);
            fixture_deinit(&f);
        }
    }
}

static void running(void)
{
    static const char lines[] = "{\"n\":1,\"o\":{\"a\":[1]}}\n{\"n\":2,\"o\":{\"b\":1}}\n"
                                "{\"n\":3,\"o\":{}}";
    struct fixture f;
    fixture_init(&f);
    for (int all_after = 0; all_after < 2; all_after++) {
        bool failed = true;
        for (uint64_t n = 1; failed; n++) {
            struct script *script = fixture_load(&f, text);
            CU_ASSERT_PTR_NOT_NULL_FATAL(script);
            fixture_input(&f, lines);
            struct script_sink sink = {.arg = &f, .done = fixture_done, .failed = fixture_failed};
            buf_clear(&f.text);
            CU_ASSERT_EQUAL(buf_reserve(&f.text, 100000), 0);
            f.failed = 0;
            mem_fail_at(n, all_after);
            int rc = script_run(script, SCRIPT_CALL_MAP, f.batch, &sink, &f.err);
            failed = mem_fail_count() > 0;
            mem_fail_at(0, false);
            CU_ASSERT_EQUAL(rc, 0);
            CU_ASSERT(f.failed == 0 || f.err.code == ERR_NOMEM);
            CU_ASSERT(f.failed == 0 || failed);
            const char *out = fixture_run(&f, script, SCRIPT_CALL_MAP, lines);
            CU_ASSERT_EQUAL(f.failed, 0);
            if (f.failed)
                fprintf(stderr, "\n  after failure %llu: %s\n", (unsigned long long)n, f.err.text);
            CU_ASSERT_PTR_NOT_NULL(strstr(out, "{\"n\":3,\"o\":{}"));
            script_free(script);
        }
    }
    fixture_deinit(&f);
}

static CU_TestInfo cases[] = {
    {"while loading", loading}, {"while running", running}, CU_TEST_INFO_NULL};

UNIT_MAIN(UNIT_SUITE("lua/nomem", cases))
