// SPDX-License-Identifier: MIT
#include "plugin/loader.h"
#include "base/alloc.h"
#include "plugin/registry.h"
#include "support/unit.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// What is refused, and that the message names the file, what was found and what was wanted.

#define MINOR "1" // of these headers, with which the variants are built

static const struct {
    const char *file, *message; // behind "<path>: "; "...": anything may follow
} rows[] = {
    {"good", NULL},
    {"short_source", NULL}, // it lacks what it need not have
    {"no_symbol", "no symbol tide_plugin_entry: not a Tidemill plugin"},
    {"refuses", "the plugin refuses host ABI 1." MINOR},
    {"major", "plugin ABI 7." MINOR " found, 1.x wanted: build it against this version's headers"},
    {"short", "descriptor of 56 bytes found, at least 72 wanted"},
    {"bad_name", "plugin name 'Bad-Name' found, [a-z][a-z0-9_]* wanted"},
    {"no_name", "plugin name '' found, [a-z][a-z0-9_]* wanted"},
    {"nothing", "neither a source nor a sink"},
    {"no_read", "its source lacks open, close, assign or read"},
    {"no_position", "its source lacks position, though it says REPLAYABLE"},
    {"no_flush", "its sink lacks open, close, write or flush"},
    {"no_phases", "its sink lacks prepare, commit or abort, though it says TWO_PHASE"},
    {"no_open", "its connection lacks open or close"},
    {"option_type", "source option 'o' has an unknown type (type 99)"},
    {"option_item", "source option 'o' is a list of an unknown type (type 8)"},
    {"option_choice", "source option 'o' is a choice without choices (type 7)"},
    {"option_map", "source option 'o' is a map without members (type 9)"},
    {"option_name", "source option '' has an empty name (type 1)"},
    {"option_range", "source option 'o' has a range that is empty (type 2)"},
    {"option_twice", "source option 'o' is there twice (type 1)"},
    {"option_deep", "its source options are nested deeper than 8"},
};

static void path_of(const char *file, char out[PATH_MAX])
{
    (void)snprintf(out, PATH_MAX, "%s/%s.so", VARIANTS, file);
}

static void test_variants(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char path[PATH_MAX], want[PATH_MAX + 256] = "";
        struct error err = ERROR_INIT;
        const tide_plugin *plugin = NULL;
        path_of(rows[i].file, path);
        if (rows[i].message)
            (void)snprintf(want, sizeof want, "%s: %s", path, rows[i].message);
        CU_ASSERT_EQUAL(loader_open(path, &plugin, &err), rows[i].message ? ERR_INPUT : 0);
        CU_ASSERT_STRING_EQUAL(err.text, want);
        CU_ASSERT_EQUAL(plugin == NULL, rows[i].message != NULL);
        if (strcmp(err.text, want) != 0)
            fprintf(stderr, "\n  %s\n", err.text);
    }
}

static char dir[] = "/tmp/tidemill-loader-XXXXXX";

static void in_dir(const char *name, char out[PATH_MAX])
{
    (void)snprintf(out, PATH_MAX, "%s/%s", dir, name);
}

static void write_file(const char *path, const void *bytes, size_t len, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(write(fd, bytes, len), (ssize_t)len);
    CU_ASSERT_EQUAL(fchmod(fd, mode), 0);
    close(fd);
}

static void copy_good(const char *path, mode_t mode)
{
    static char bytes[4 << 20];
    char good[PATH_MAX];
    path_of("good", good);
    FILE *file = fopen(good, "rb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    size_t len = fread(bytes, 1, sizeof bytes, file);
    CU_ASSERT_FATAL(len > 0 && len < sizeof bytes);
    fclose(file);
    write_file(path, bytes, len, mode);
}

static void refused(const char *path, const char *message)
{
    struct error err = ERROR_INIT;
    const tide_plugin *plugin = NULL;
    char want[2 * PATH_MAX];
    (void)snprintf(want, sizeof want, "%s: %s", path, message);
    CU_ASSERT_EQUAL(loader_open(path, &plugin, &err), ERR_INPUT);
    CU_ASSERT_EQUAL(strncmp(err.text, want, strlen(want)), 0);
    if (strncmp(err.text, want, strlen(want)) != 0)
        fprintf(stderr, "\n  %s\n", err.text);
    CU_ASSERT_PTR_NULL(plugin);
}

static void test_files(void)
{
    char path[PATH_MAX];
    in_dir("missing.so", path);
    refused(path, strerror(ENOENT));
    in_dir("text.so", path);
    write_file(path, "not an ELF file\n", 16, 0644);
    refused(path, path); // dlopen says it with its own words
    unlink(path);
    in_dir("empty.so", path);
    write_file(path, "", 0, 0644);
    refused(path, path);
    unlink(path);
    in_dir("folder.so", path);
    CU_ASSERT_EQUAL(mkdir(path, 0755), 0);
    refused(path, "not a regular file");
    rmdir(path);
}

static void test_who_may_write(void)
{
    char path[PATH_MAX], message[PATH_MAX];
    const tide_plugin *plugin = NULL;
    struct error err = ERROR_INIT;
    in_dir("p.so", path);
    copy_good(path, 0666);
    refused(path, "writable by everybody (mode 0666); wanted: by its owner alone");
    CU_ASSERT_EQUAL(chmod(path, 0644), 0);
    CU_ASSERT_EQUAL(chmod(dir, 0777), 0);
    CU_ASSERT_EQUAL(loader_open(path, &plugin, &err), ERR_INPUT);
    (void)snprintf(message, sizeof message,
                   "%s: writable by everybody (mode 0777); wanted: by its owner alone", dir);
    CU_ASSERT_STRING_EQUAL(err.text, message);
    CU_ASSERT_EQUAL(chmod(dir, 0700), 0);
    if (geteuid() == 0) {
        CU_ASSERT_EQUAL(chown(path, 12345, (gid_t)-1), 0);
        refused(path, "owned by uid 12345; root or uid 0 wanted");
        CU_ASSERT_EQUAL(chown(path, 0, 12345), 0);
        CU_ASSERT_EQUAL(chmod(path, 0664), 0);
        refused(path, "writable by group 12345 (mode 0664); wanted: by its owner alone");
        CU_ASSERT_EQUAL(chown(path, 0, 0), 0);
    }
    CU_ASSERT_EQUAL(loader_open(path, &plugin, &err), 0);
    unlink(path);
}

// A link in a good place to a file in a bad one.
static void test_links(void)
{
    char path[PATH_MAX], sub[PATH_MAX], file[PATH_MAX + 8], message[PATH_MAX + 64];
    const tide_plugin *plugin = NULL;
    struct error err = ERROR_INIT;
    in_dir("link.so", path);
    in_dir("sub", sub);
    (void)snprintf(file, sizeof file, "%s/p.so", sub);
    CU_ASSERT_EQUAL(mkdir(sub, 0755), 0);
    copy_good(file, 0644);
    CU_ASSERT_EQUAL(symlink(file, path), 0);
    CU_ASSERT_EQUAL(loader_open(path, &plugin, &err), 0);
    CU_ASSERT_EQUAL(chmod(sub, 0777), 0);
    CU_ASSERT_EQUAL(loader_open(path, &plugin, &err), ERR_INPUT);
    (void)snprintf(message, sizeof message,
                   "%s: writable by everybody (mode 0777); wanted: by its owner alone", sub);
    CU_ASSERT_STRING_EQUAL(err.text, message);
    unlink(path);
    unlink(file);
    rmdir(sub);
}

static void dir_refused(const char *file, const char *dir_named, const char *why)
{
    const tide_plugin *plugin = NULL;
    struct error err = ERROR_INIT;
    char message[PATH_MAX + 128];
    (void)snprintf(message, sizeof message, "%s: %s", dir_named, why);
    CU_ASSERT_EQUAL(loader_open(file, &plugin, &err), ERR_INPUT);
    CU_ASSERT_STRING_EQUAL(err.text, message);
}

// Whoever may write to a directory further up can put another one in place of those below.
static void test_parents(void)
{
    char top[PATH_MAX], sub[PATH_MAX + 8], file[PATH_MAX + 16];
    const tide_plugin *plugin = NULL;
    struct error err = ERROR_INIT;
    in_dir("top", top);
    (void)snprintf(sub, sizeof sub, "%s/sub", top);
    (void)snprintf(file, sizeof file, "%s/p.so", sub);
    CU_ASSERT_EQUAL(mkdir(top, 0755), 0);
    CU_ASSERT_EQUAL(mkdir(sub, 0755), 0);
    copy_good(file, 0644);
    CU_ASSERT_EQUAL(loader_open(file, &plugin, &err), 0);
    CU_ASSERT_EQUAL(chmod(top, 0777), 0);
    dir_refused(file, top, "writable by everybody (mode 0777); wanted: by its owner alone");
    CU_ASSERT_EQUAL(chmod(top, 01777), 0); // as /tmp: what is ours stays
    CU_ASSERT_EQUAL(loader_open(file, &plugin, &err), 0);
    CU_ASSERT_EQUAL(chmod(top, 0755), 0);
    CU_ASSERT_EQUAL(chmod(sub, 01777), 0); // but a new file of the same name might be another's
    dir_refused(file, sub, "writable by everybody (mode 1777); wanted: by its owner alone");
    CU_ASSERT_EQUAL(chmod(sub, 0755), 0);
    if (geteuid() == 0) {
        CU_ASSERT_EQUAL(chown(top, 12345, 0), 0);
        dir_refused(file, top, "owned by uid 12345; root or uid 0 wanted");
    }
    unlink(file);
    rmdir(sub);
    rmdir(top);
}

// A name without a slash is a file here, not one of the system's libraries.
static void test_no_slash(void)
{
    struct error err = ERROR_INIT;
    const tide_plugin *plugin = NULL;
    char before[PATH_MAX], path[PATH_MAX];
    CU_ASSERT_PTR_NOT_NULL_FATAL(getcwd(before, sizeof before));
    in_dir("here.so", path);
    copy_good(path, 0644);
    CU_ASSERT_EQUAL_FATAL(chdir(dir), 0);
    CU_ASSERT_EQUAL(loader_open("here.so", &plugin, &err), 0);
    CU_ASSERT_PTR_NOT_NULL(plugin);
    CU_ASSERT_EQUAL(loader_open("libc.so.6", &plugin, &err), ERR_INPUT);
    CU_ASSERT_EQUAL(chdir(before), 0);
    unlink(path);
}

static void test_registry(void)
{
    struct registry *registry;
    struct error err = ERROR_INIT;
    char good[PATH_MAX], path[PATH_MAX], want[PATH_MAX + 64];
    path_of("good", good);
    CU_ASSERT_EQUAL_FATAL(registry_new(&registry, &err), 0);
    CU_ASSERT_EQUAL(registry_add_file(registry, good, &err), 0);
    CU_ASSERT_EQUAL(registry_add_file(registry, good, &err), ERR_INPUT);
    (void)snprintf(want, sizeof want, "%s: a plugin named 'good' is loaded already", good);
    CU_ASSERT_STRING_EQUAL(err.text, want);
    path_of("major", path);
    CU_ASSERT_EQUAL(registry_add_file(registry, path, &err), ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(registry_find(registry, "good"));
    CU_ASSERT_PTR_NULL(registry_find(registry, "major"));
    const char *refusal = registry_refusal(registry, "major");
    CU_ASSERT(refusal && strstr(refusal, "ABI 7." MINOR " found, 1.x wanted"));
    CU_ASSERT_PTR_NULL(registry_refusal(registry, "majo"));
    CU_ASSERT_EQUAL(registry_count(registry), 3); // refused ones are kept, to be shown
    registry_free(registry);
}

static void test_directories(void)
{
    struct registry *registry;
    struct error err = ERROR_INIT;
    CU_ASSERT_EQUAL_FATAL(registry_new(&registry, &err), 0);
    CU_ASSERT_EQUAL(registry_add_dir(registry, VARIANTS, &err), 0);
    CU_ASSERT_EQUAL(registry_count(registry), sizeof rows / sizeof *rows);
    for (uint32_t i = 0; i < registry_count(registry); i++) {
        const struct registry_item *item = registry_at(registry, i);
        CU_ASSERT((item->plugin == NULL) == (item->error != NULL));
        CU_ASSERT(!i || strcmp(registry_at(registry, i - 1)->path, item->path) < 0);
    }
    CU_ASSERT_EQUAL(registry_add_dir(registry, "/nowhere", &err), ERR_INPUT);
    CU_ASSERT_STRING_EQUAL(err.text, "plugin directory /nowhere: No such file or directory");
    registry_free(registry);
}

// TIDEMILL_PLUGINS, or else a directory beside the program: here is none.
static void test_defaults(void)
{
    struct registry *registry;
    struct error err = ERROR_INIT;
    char list[2 * PATH_MAX];
    CU_ASSERT_EQUAL_FATAL(registry_new(&registry, &err), 0);
    (void)snprintf(list, sizeof list, ":%s:%s", VARIANTS, dir);
    CU_ASSERT_EQUAL(setenv("TIDEMILL_PLUGINS", list, 1), 0);
    CU_ASSERT_EQUAL(registry_add_defaults(registry, &err), 0);
    CU_ASSERT_EQUAL(registry_count(registry), sizeof rows / sizeof *rows);
    CU_ASSERT_EQUAL(setenv("TIDEMILL_PLUGINS", "/nowhere", 1), 0);
    CU_ASSERT_EQUAL(registry_add_defaults(registry, &err), ERR_INPUT);
    CU_ASSERT_STRING_EQUAL(err.text, "plugin directory /nowhere: No such file or directory");
    CU_ASSERT_EQUAL(unsetenv("TIDEMILL_PLUGINS"), 0);
    // Beside this program is nothing that is one.
    error_clear(&err);
    int rc = registry_add_defaults(registry, &err);
    CU_ASSERT(rc == 0 || strstr(err.text, "/../lib/tidemill/plugins: No such file") != NULL);
    CU_ASSERT_EQUAL(registry_count(registry), sizeof rows / sizeof *rows);
    registry_free(registry);
    registry_free(NULL);
}

static void test_long_paths(void)
{
    struct registry *registry;
    struct error err = ERROR_INIT;
    const tide_plugin *plugin = NULL;
    char path[2 * PATH_MAX], inner[PATH_MAX];
    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    CU_ASSERT_EQUAL(loader_open(path, &plugin, &err), ERR_INPUT);
    in_dir("x.so", inner);
    write_file(inner, "", 0, 0644);
    // "/tmp/...//////" is a directory, and too long with a name behind it.
    memset(path, '/', PATH_MAX - 2);
    memcpy(path, dir, strlen(dir));
    path[PATH_MAX - 2] = '\0';
    CU_ASSERT_EQUAL_FATAL(registry_new(&registry, &err), 0);
    CU_ASSERT_EQUAL(registry_add_dir(registry, path, &err), ERR_INPUT);
    CU_ASSERT_EQUAL(registry_count(registry), 0);
    registry_free(registry);
    unlink(inner);
}

static void test_no_memory(void)
{
    bool failed = true;
    for (uint64_t n = 1; failed; n++) {
        struct registry *registry = NULL;
        struct error err = ERROR_INIT;
        mem_fail_at(n, false);
        int rc = registry_new(&registry, &err);
        rc = rc ? rc : registry_add_dir(registry, VARIANTS, &err);
        failed = mem_fail_count() > 0;
        mem_fail_at(0, false);
        CU_ASSERT_EQUAL(rc, failed ? ERR_NOMEM : 0);
        registry_free(registry);
    }
}

static CU_TestInfo cases[] = {
    {"variants", test_variants},
    {"files", test_files},
    {"who may write", test_who_may_write},
    {"links", test_links},
    {"parents", test_parents},
    {"no slash", test_no_slash},
    {"registry", test_registry},
    {"directories", test_directories},
    {"defaults", test_defaults},
    {"long paths", test_long_paths},
    {"no memory", test_no_memory},
    CU_TEST_INFO_NULL,
};

static int make_dir(void)
{
    return mkdtemp(dir) ? 0 : 1;
}

static int drop_dir(void)
{
    return rmdir(dir);
}

UNIT_MAIN({"loader", make_dir, drop_dir, NULL, NULL, cases})
