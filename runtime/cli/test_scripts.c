// SPDX-License-Identifier: MIT
#include "cli/test_scripts.h"
#include "cli/pipeline.h"
#include "cli/verdict.h"
#include "engine/script_trial.h"

static void print_case(void *arg, const char *name, bool passed, const char *message)
{
    (void)arg;
    verdict_print(name, passed);
    if (message)
        verdict_detail(message);
}

enum exit_status test_script(const char *path, const struct args *args, unsigned *passed,
                             unsigned *failed)
{
    struct registry *registry = NULL;
    struct error err = ERROR_INIT;
    struct script_test_report report = {.done = print_case};
    printf("%s\n", path);
    fflush(stdout);
    int code = pipeline_registry(&registry, args, &err);
    if (code == 0) {
        struct script_test_host host = script_trial_host(registry);
        code = script_test_file(path, &host, &report, &err);
    }
    if (registry)
        registry_free(registry);
    *passed += report.passed;
    *failed += report.failed;
    if (code == 0)
        return report.failed ? EXIT_FAILED : EXIT_DONE;
    fprintf(stderr, "%s\n", err.text);
    return EXIT_WRONG_INPUT;
}
