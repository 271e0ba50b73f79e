// SPDX-License-Identifier: MIT
#include "packing.h"
#include <string.h>

const struct packing_kind *packing_kind(enum packing packing)
{
    const struct packing_kind *kind = packing == PACKING_GZIP ? &packing_gzip : &packing_zstd;
    return packing != PACKING_NONE && kind->name ? kind : NULL;
}

enum packing packing_named(const char *name)
{
    if (!name)
        return PACKING_NONE;
    return !strcmp(name, "gzip")   ? PACKING_GZIP
           : !strcmp(name, "zstd") ? PACKING_ZSTD
                                   : PACKING_NONE;
}

static int ends_or_goes_on(const char *at, const char *suffix)
{
    size_t len = strlen(suffix);
    return !strncmp(at, suffix, len) && (!at[len] || at[len] == '.' || at[len] == '-');
}

enum packing packing_of_path(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    enum packing packing = PACKING_NONE; // the last one counts
    for (const char *at = *name ? name + 1 : name; (at = strchr(at, '.')); at++) {
        if (ends_or_goes_on(at, ".gz"))
            packing = PACKING_GZIP;
        else if (ends_or_goes_on(at, ".zst"))
            packing = PACKING_ZSTD;
    }
    return packing;
}

size_t packing_suffix(const char *path)
{
    static const char *const suffixes[] = {".gz", ".zst"};
    size_t len = strlen(path);
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        size_t end = strlen(suffixes[i]);
        if (len > end && !strcmp(path + len - end, suffixes[i]))
            return end;
    }
    return 0;
}
