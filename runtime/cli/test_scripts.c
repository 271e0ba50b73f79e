// SPDX-License-Identifier: MIT
#include "cli/test_scripts.h"
#include "cli/pipeline.h"
#include "engine/script_trial.h"

struct target {
    struct test_report *report;
    const char *path;
    int code;
};

static void add_case(void *arg, const char *name, bool passed, const char *message)
{
    struct target *target = arg;
    int code = test_report_add(target->report, target->path, name,
                               passed ? TEST_PASSED : TEST_FAILED, message);
    target->code = target->code ? target->code : code;
}

enum exit_status test_script(const char *path, const struct args *args, struct test_report *report)
{
    struct registry *registry = NULL;
    struct error err = ERROR_INIT;
    struct target target = {.report = report, .path = path};
    struct script_test_report cases = {.done = add_case, .arg = &target};
    test_report_file(report, path);
    int code = pipeline_registry(&registry, args, &err);
    if (code == 0) {
        struct script_test_host host = script_trial_host(registry);
        code = script_test_file(path, &host, &cases, &err);
    }
    if (registry)
        registry_free(registry);
    if (code == 0 && target.code)
        code = error_nomem(&err);
    if (code == 0)
        return cases.failed ? EXIT_FAILED : EXIT_DONE;
    (void)test_report_add(report, path, "(the script)", TEST_BROKEN, err.text);
    return EXIT_WRONG_INPUT;
}
