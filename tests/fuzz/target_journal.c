// SPDX-License-Identifier: MIT
#include "fuzz/journal_files.h"
#include "fuzz/fuzz.h"
#include "state/journal.h"

#include <string.h>

// Whatever lies in a journal's directory: readers hand out entries that follow each other or refuse
// by file and byte; a writer goes on or refuses, what readers saw before it stays, and what it
// appends is read back.

enum { ENTRIES_MAX = 100000 };

// What a code may be, and that it comes with words. ERR_RETRY: there is nothing. ERR_LIMIT and
// ERR_REFUSED: asked for what is not there.
static void check_code(int code, const struct error *err)
{
    PROMISE_OF(code >= 0 || code == ERR_CORRUPT || code == ERR_RETRY || code == ERR_LIMIT ||
                   code == ERR_REFUSED,
               err->text);
    PROMISE(code >= 0 || err->len > 0);
}

// Reads on to where it stops; the number behind the last entry.
static uint64_t read_on(struct journal_reader *reader, int *code)
{
    struct error err = ERROR_INIT;
    struct journal_entry entry;
    uint64_t next = journal_reader_at(reader);
    uint32_t count = 0;
    while ((*code = journal_reader_next(reader, &entry, &err)) > 0) {
        PROMISE(entry.sequence == next && entry.count > 0);
        PROMISE(count++ < ENTRIES_MAX);
        unsigned sum = 0;
        for (size_t i = 0; i < entry.len; i++) // the bytes are there
            sum += ((const unsigned char *)entry.data)[i];
        PROMISE(sum <= entry.len * 255);
        next = entry.sequence + entry.count;
    }
    check_code(*code, &err);
    return next;
}

static void seek(struct journal_reader *reader, uint64_t sequence)
{
    struct error err = ERROR_INIT;
    int code = journal_reader_seek(reader, sequence, &err);
    check_code(code, &err);
    if (code == 0) {
        PROMISE(journal_reader_at(reader) <= sequence);
        (void)read_on(reader, &code);
    }
}

// From the start; *read: the number behind what was read. What opening or reading said in the end.
static int read_all(const char *dir, size_t chunk, uint64_t *read)
{
    struct error err = ERROR_INIT;
    struct journal_reader *reader;
    uint64_t first, next;
    *read = 0;
    int code = journal_reader_open(&reader, dir, chunk, &err);
    check_code(code, &err);
    if (code)
        return code;
    uint64_t at = journal_reader_at(reader);
    *read = read_on(reader, &code);
    int bounds = journal_reader_bounds(reader, &first, &next, &err);
    check_code(bounds, &err);
    // By the headers of entries: sums of what was never durable may still be wrong.
    PROMISE(bounds || code || (first == at && next >= *read));
    seek(reader, at);
    seek(reader, (at + *read) / 2);
    seek(reader, *read);
    seek(reader, *read + 1);
    journal_reader_close(reader);
    return code;
}

static void go_on(struct journal *journal, const char *dir, uint64_t before)
{
    struct error err = ERROR_INIT;
    uint64_t next = journal_next(journal), read;
    struct iovec part = {"more", 4};
    PROMISE(next >= before);
    int code = journal_append(journal, &part, 1, 1, JOURNAL_SEAL, NULL, &err);
    PROMISE_OF(code == 0 || next == UINT64_MAX, err.text);
    PROMISE_OF(journal_close(journal, &err) == 0 || code, err.text);
    int read_code = read_all(dir, 0, &read);
    PROMISE(read_code || code || read == next + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char dir[JOURNAL_DIR_MAX];
    struct error err = ERROR_INIT;
    struct journal *journal;
    uint64_t small, large;
    journal_files_make(dir, data, size);
    int first = read_all(dir, 200, &small);
    int second = read_all(dir, 0, &large);
    // However much is read at once. (In front of damage, who sees far enough to know that it was
    // durable hands out the good part of what was sealed together with it.)
    PROMISE(first == second && (first || small == large));
    int code = journal_open(&journal, dir, NULL, &err);
    check_code(code, &err);
    if (code == 0)
        go_on(journal, dir, first == 0 ? small : 0);
    journal_files_remove(dir);
    return 0;
}
