// SPDX-License-Identifier: MIT
#include "fuzz/fuzz.h"
#include "base/alloc.h"
#include "config/print.h"
#include "config/problems.h"
#include <string.h>
#include "unit/config/catalogue.h"

// Any text loads or is refused with a problem that can be printed; what loads and is printed loads
// again.

static int load(struct topology **out, const char *text, struct problems *problems)
{
    static const char *const file = "/nowhere/fuzz.yaml";
    struct topology_input input = {.files = &file, .file_count = 1, .text = text};
    problems_init(problems);
    int code = topology_load(out, &input, &mock_catalogue, problems);
    PROMISE((code == 0) == (*out != NULL) && (code == 0) == (problems->errors == 0));
    return code;
}

static void print_problems(const struct problems *problems)
{
    struct buf out;
    buf_init(&out, 64 << 20);
    PROMISE(problems_print(problems, &out, true) == 0 && problems_json(problems, &out) == 0);
    buf_deinit(&out);
}

static void load_printed(const struct topology *topology)
{
    struct buf out;
    struct problems problems;
    struct topology *again;
    buf_init(&out, 64 << 20);
    PROMISE(topology_print(topology, &out) == 0);
    // Redacted values need not fit their types.
    bool redacted = strstr(buf_cstr(&out), "***") != NULL;
    if (load(&again, buf_cstr(&out), &problems) && !redacted) {
        struct buf text;
        buf_init(&text, 1 << 20);
        (void)problems_print(&problems, &text, false);
        PROMISE_OF(false /* what was printed loads again */, buf_cstr(&text));
    }
    topology_free(again);
    problems_deinit(&problems);
    buf_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (memchr(data, 0, size))
        return 0;
    char *text = mem_strndup((const char *)data, size);
    struct problems problems;
    struct topology *topology;
    if (!text)
        return 0;
    (void)load(&topology, text, &problems);
    print_problems(&problems);
    if (topology)
        load_printed(topology);
    topology_free(topology);
    problems_deinit(&problems);
    mem_free(text);
    return 0;
}
