// SPDX-License-Identifier: MIT
#include "journal_support.h"
#include "base/alloc.h"
#include "base/io.h"

#include <errno.h>

// Files that were cut, flipped, mixed up; disks that are full or fail; memory that is out.

enum { ENTRIES = 12 };

// One segment of ENTRIES entries of one record, each sealed. synced_at: after how many entries it
// was synced (0: never). `close_it`: ended as it should, else as by a crash.
static const char *make_segment(int synced_at, bool close_it)
{
    const char *dir = fresh_dir();
    struct journal *journal;
    CU_ASSERT_EQUAL_FATAL(journal_open(&journal, dir, NULL, NULL), 0);
    for (int i = 0; i < ENTRIES; i++) {
        CU_ASSERT_EQUAL(add(journal, (size_t)(20 + i * 13), 1, JOURNAL_SEAL), 0);
        if (i + 1 == synced_at)
            CU_ASSERT_EQUAL(journal_sync(journal, NULL), 0);
    }
    if (close_it) {
        CU_ASSERT_EQUAL(journal_close(journal, NULL), 0);
    } else {
        journal_abandon(journal);
    }
    return dir;
}

// Whatever lies there: it opens with a prefix of the entries or is refused by file and byte, and
// what is read is right. Number of records that a writer and then a reader find; -1: refused.
static int64_t try_out(const char *dir)
{
    struct error err = ERROR_INIT;
    int code;
    uint64_t before = read_to_end(dir, 300, &code, &err);
    CU_ASSERT(code == 0 || code == ERR_CORRUPT);
    if (code)
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, ".seg: byte "));
    struct journal *journal;
    code = journal_open(&journal, dir, NULL, &err);
    CU_ASSERT(code == 0 || code == ERR_CORRUPT);
    if (code) {
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, ".seg: byte "));
        return -1;
    }
    uint64_t next = journal_next(journal);
    CU_ASSERT(next <= ENTRIES);
    CU_ASSERT(before <= next);
    CU_ASSERT_EQUAL(add(journal, 10, 1, 0), 0); // and it goes on
    CU_ASSERT_EQUAL(journal_close(journal, NULL), 0);
    uint64_t after = read_to_end(dir, 300, &code, &err);
    if (code)
        return -1; // a reader noticed what opening has no need to look at
    CU_ASSERT_EQUAL(after, next + 1);
    return (int64_t)next;
}

// Puts the segment back as it was made, alone in its directory.
static void restore(const char *dir, struct bytes bytes, size_t len)
{
    empty_dir(dir);
    save_file(segment_file(dir, 0), bytes.data, len);
}

static void every_truncation_leaves_a_prefix(void)
{
    char dir[128];
    snprintf(dir, sizeof dir, "%s", make_segment(0, true));
    struct bytes bytes = load_file(segment_file(dir, 0));
    int64_t last = -2;
    for (size_t len = 0; len <= bytes.len; len++) {
        restore(dir, bytes, len);
        int64_t found = try_out(dir);
        CU_ASSERT_EQUAL(found == -1, len < 64); // without a whole header it is no segment
        CU_ASSERT(found >= last);
        last = found;
    }
    CU_ASSERT_EQUAL(last, ENTRIES);
    free(bytes.data);
}

// After a clean end all of the file is known to have been durable: nothing may be cut silently, but
// for the last mark, which says so itself. One bit of each byte, another one each time.
static void a_flip_in_any_byte_of_a_closed_journal_is_noticed(void)
{
    char dir[128];
    snprintf(dir, sizeof dir, "%s", make_segment(0, true));
    struct bytes bytes = load_file(segment_file(dir, 0));
    const size_t mark = 56;
    size_t refused = 0;
    for (size_t at = 0; at < bytes.len; at++) {
        unsigned char bit = (unsigned char)(1 << (at * 5 + at / 8) % 8);
        bytes.data[at] ^= bit;
        restore(dir, bytes, bytes.len);
        int64_t found = try_out(dir);
        CU_ASSERT_EQUAL(found, at < bytes.len - mark ? -1 : ENTRIES);
        refused += found == -1;
        bytes.data[at] ^= bit;
    }
    CU_ASSERT_EQUAL(refused, bytes.len - mark);
    free(bytes.data);
}

// What was not synced may be torn by a power cut: cut. What was synced is not.
static void damage_is_cut_or_refused_by_what_was_synced(void)
{
    enum { SYNCED = 5 };
    char dir[128];
    snprintf(dir, sizeof dir, "%s", make_segment(SYNCED, false));
    struct bytes bytes = load_file(segment_file(dir, 0));
    size_t durable = 64; // the place behind the synced entries
    for (int i = 0; i < SYNCED; i++)
        durable += 24 + (size_t)(20 + i * 13) + 56;
    int64_t last = SYNCED;
    for (size_t at = 64; at < bytes.len; at++) {
        bytes.data[at] ^= 0x10;
        restore(dir, bytes, bytes.len);
        int64_t found = try_out(dir);
        if (at < durable) {
            CU_ASSERT_EQUAL(found, -1);
        } else {
            CU_ASSERT(found >= last);
            CU_ASSERT(found < ENTRIES || at < durable + 56);
            last = found < ENTRIES ? found : last;
        }
        bytes.data[at] ^= 0x10;
    }
    // Pages that never came to the disk read as zeros.
    for (size_t at = durable + 56; at + 100 < bytes.len; at += 29) {
        unsigned char kept[100];
        memcpy(kept, bytes.data + at, sizeof kept);
        memset(bytes.data + at, 0, sizeof kept);
        restore(dir, bytes, bytes.len);
        int64_t found = try_out(dir);
        CU_ASSERT(found >= SYNCED && found < ENTRIES);
        memcpy(bytes.data + at, kept, sizeof kept);
    }
    free(bytes.data);
}

static void random_damage_never_loads_wrong_bytes(void)
{
    char dir[128];
    snprintf(dir, sizeof dir, "%s", make_segment(7, false));
    struct bytes bytes = load_file(segment_file(dir, 0));
    unsigned char *damaged = malloc(bytes.len);
    uint32_t seed = 12345;
    for (int round = 0; round < 1000; round++) {
        memcpy(damaged, bytes.data, bytes.len);
        for (int i = 0; i < 1 + round % 4; i++) {
            seed = seed * 1664525u + 1013904223u;
            size_t at = (seed >> 8) % bytes.len;
            seed = seed * 1664525u + 1013904223u;
            size_t len = 1 + (seed >> 8) % 40;
            for (size_t k = at; k < at + len && k < bytes.len; k++)
                damaged[k] = (unsigned char)(round % 2 ? 0 : seed >> (k % 24));
        }
        restore(dir, (struct bytes){damaged, bytes.len}, bytes.len - (seed >> 20) % 30);
        (void)try_out(dir);
    }
    free(damaged);
    free(bytes.data);
}

static struct journal *many_segments(char dir[128])
{
    struct journal *journal;
    struct journal_options options = {.segment_size = 500};
    snprintf(dir, 128, "%s", fresh_dir());
    CU_ASSERT_EQUAL_FATAL(journal_open(&journal, dir, &options, NULL), 0);
    for (int i = 0; i < 20; i++)
        add(journal, 200, 1, JOURNAL_SEAL);
    return journal;
}

static void segments_must_belong_together(void)
{
    char dir[128], other[128];
    int code;
    struct error err = ERROR_INIT;
    struct journal *journal = many_segments(dir), *second = many_segments(other);
    journal_close(journal, NULL);
    journal_close(second, NULL);
    struct bytes kept = load_file(segment_file(dir, 8));
    CU_ASSERT_EQUAL(unlink(segment_file(dir, 8)), 0);
    CU_ASSERT_EQUAL(journal_open(&journal, dir, NULL, &err), ERR_CORRUPT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "a segment is missing"));
    CU_ASSERT_EQUAL(read_to_end(dir, 0, &code, &err), 8);
    CU_ASSERT_EQUAL(code, ERR_CORRUPT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "ends before record 8"));
    struct bytes foreign = load_file(segment_file(other, 8));
    save_file(segment_file(dir, 8), foreign.data, foreign.len);
    CU_ASSERT_EQUAL(journal_open(&journal, dir, NULL, &err), ERR_CORRUPT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "is a segment of another journal"));
    (void)read_to_end(dir, 0, &code, &err);
    CU_ASSERT_EQUAL(code, ERR_CORRUPT);
    save_file(segment_file(dir, 8), kept.data, kept.len - 80); // a sealed tail is gone
    (void)read_to_end(dir, 0, &code, &err);
    CU_ASSERT_EQUAL(code, ERR_CORRUPT);
    save_file(segment_file(dir, 9), kept.data, kept.len); // under another name
    CU_ASSERT_EQUAL(journal_open(&journal, dir, NULL, &err), ERR_CORRUPT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "first record 8, expected 9"));
    free(kept.data);
    free(foreign.data);
}

// Everything that a journal does to the disk, once. Counts what was promised: sealed records.
static int use_all(const char *dir, uint64_t *sealed, uint64_t *synced, uint64_t *cut_from)
{
    struct journal *journal;
    struct journal_options options = {.segment_size = 600, .buffer_size = 300};
    *cut_from = 0;
    int code = journal_open(&journal, dir, &options, NULL);
    if (code)
        return code;
    *sealed = journal_next(journal);
    for (int i = 0; i < 8 && !code; i++) {
        code = add(journal, (size_t)(50 + 60 * i), 1, i % 2 ? JOURNAL_SEAL : 0);
        if (!code && i % 2)
            *sealed = journal_next(journal);
        if (!code && i == 3 && !(code = journal_sync(journal, NULL)))
            *synced = journal_next(journal);
    }
    struct journal_place place = journal_durable(journal);
    if (!code) {
        *cut_from = *sealed;
        code = journal_cut(journal, place, NULL);
        *sealed = place.sequence;
    }
    if (!code && !(code = journal_compact_begin(journal, NULL))) {
        for (int i = 0; i < 3 && !code; i++)
            code = add(journal, 150, 1, 0);
        if (!code && !(code = journal_compact_end(journal, NULL)))
            *sealed = *synced = journal_next(journal);
        journal_compact_abort(journal);
    }
    if (!code)
        code = journal_retain(journal, 1, 0, NULL);
    int closed = journal_close(journal, NULL);
    return code ? code : closed;
}

// The n-th write, sync, rename or truncation fails, for every n: an error and no more, and the next
// run finds what was promised.
static void survives_every_failing_call(void)
{
    static const int errnums[] = {ENOSPC, EIO};
    for (int mode = 0; mode < 4; mode++) {
        bool rest = mode & 1;
        for (uint64_t n = 1;; n++) {
            const char *dir = fresh_dir();
            uint64_t sealed = 0, synced = 0, cut_from = 0;
            io_fail_at(n, errnums[mode / 2], rest);
            int code = use_all(dir, &sealed, &synced, &cut_from);
            bool fired = io_fail_count() > 0;
            io_fail_at(0, 0, false);
            CU_ASSERT(fired || code == 0);
            struct journal *journal;
            struct error err = ERROR_INIT;
            CU_ASSERT_EQUAL_FATAL(journal_open(&journal, dir, NULL, &err), 0);
            CU_ASSERT(journal_next(journal) >= synced);
            CU_ASSERT(journal_next(journal) <= (cut_from > sealed ? cut_from : sealed) + 4);
            uint64_t next = journal_next(journal);
            CU_ASSERT_EQUAL(add(journal, 100, 1, 0), 0);
            CU_ASSERT_EQUAL(journal_close(journal, NULL), 0);
            CU_ASSERT_EQUAL(read_to_end(dir, 0, &code, &err), next + 1);
            CU_ASSERT_EQUAL(code, 0);
            if (!fired)
                break;
        }
    }
}

// All that a reader does: reads to the end, seeks to every record, asks for the bounds.
static int read_everything(const char *dir, uint64_t *next, struct error *err)
{
    struct journal_reader *reader;
    struct journal_entry entry;
    uint64_t first, last;
    *next = 0;
    int code = journal_reader_open(&reader, dir, 100, err);
    if (code)
        return code;
    while ((code = journal_reader_next(reader, &entry, err)) > 0) {
        CU_ASSERT(entry_is_right(&entry));
        *next = entry.sequence + entry.count;
    }
    for (uint64_t to = journal_reader_at(reader); !code && to-- > 0;) {
        code = journal_reader_seek(reader, to, err);
        if (!code)
            code = journal_reader_next(reader, &entry, err);
        code = code > 0 ? 0 : code;
    }
    if (!code && !(code = journal_reader_bounds(reader, &first, &last, err)))
        CU_ASSERT(first == 0 && last == *next);
    journal_reader_close(reader);
    return code;
}

// The n-th read fails, for every n: an error that names the file; nothing else is changed by it.
static void survives_every_failing_read(void)
{
    const char *dir = make_segment(5, false);
    struct journal *journal;
    uint64_t next;
    for (uint64_t n = 1;; n++) {
        struct error err = ERROR_INIT;
        io_fail_read_at(n, EIO, n % 2);
        int code = read_everything(dir, &next, &err);
        bool fired = io_fail_read_count() > 0;
        io_fail_read_at(0, 0, false);
        CU_ASSERT_EQUAL(code, fired ? ERR_IO : 0);
        if (!fired)
            break;
        CHECK_HAS(err.text, dir);
        CHECK_HAS(err.text, "Input/output error");
    }
    CU_ASSERT_EQUAL(next, ENTRIES);
    for (uint64_t n = 1;; n++) {
        struct error err = ERROR_INIT;
        io_fail_read_at(n, EIO, false);
        int code = journal_open(&journal, dir, NULL, &err);
        bool fired = io_fail_read_count() > 0;
        io_fail_read_at(0, 0, false);
        CU_ASSERT_EQUAL(code, fired ? ERR_IO : 0);
        if (!fired)
            break;
    }
    CU_ASSERT_EQUAL(journal_next(journal), ENTRIES);
    CU_ASSERT_EQUAL(journal_close(journal, NULL), 0);
}

// Reads and writes that move less than asked for, and reads that are interrupted: no difference.
static void short_and_interrupted_calls_change_nothing(void)
{
    for (uint64_t n = 1;; n++) {
        const char *dir = fresh_dir();
        uint64_t sealed = 0, synced = 0, cut_from;
        io_cut_short(true);
        io_fail_read_at(n, EINTR, false);
        int code = use_all(dir, &sealed, &synced, &cut_from);
        bool fired = io_fail_read_count() > 0;
        CU_ASSERT_EQUAL(code, 0);
        CU_ASSERT_EQUAL(read_to_end(dir, 100, &code, NULL), sealed);
        CU_ASSERT_EQUAL(code, 0);
        io_fail_read_at(0, 0, false);
        io_cut_short(false);
        if (!fired)
            break;
    }
}

static void a_full_disk_is_waited_out(void)
{
    const char *dir = fresh_dir();
    struct journal *journal;
    struct error err = ERROR_INIT;
    int code;
    CU_ASSERT_EQUAL_FATAL(journal_open(&journal, dir, NULL, NULL), 0);
    add(journal, 1000, 1, 0); // in the buffer
    io_fail_at(1, ENOSPC, false);
    CU_ASSERT_EQUAL(add(journal, 1000, 1, JOURNAL_SEAL), ERR_IO);
    io_fail_at(1, ENOSPC, false);
    CU_ASSERT_EQUAL(journal_seal(journal, &err), ERR_IO);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "cannot write: No space left on device"));
    io_fail_at(0, 0, false);
    CU_ASSERT_EQUAL(journal_next(journal), 1); // the failed one was not taken
    CU_ASSERT_EQUAL(add(journal, 1000, 1, JOURNAL_SEAL), 0);
    CU_ASSERT_EQUAL(read_to_end(dir, 0, &code, NULL), 2);
    journal_close(journal, NULL);
}

static void a_failed_sync_is_final(void)
{
    const char *dir = fresh_dir();
    struct journal *journal;
    struct error err = ERROR_INIT;
    int code;
    CU_ASSERT_EQUAL_FATAL(journal_open(&journal, dir, NULL, NULL), 0);
    add(journal, 100, 1, 0);
    CU_ASSERT_EQUAL(journal_sync(journal, NULL), 0);
    add(journal, 100, 1, JOURNAL_SEAL);
    CU_ASSERT_EQUAL(read_to_end(dir, 0, &code, NULL), 2);
    io_fail_at(1, EIO, false);
    CU_ASSERT_EQUAL(journal_sync(journal, NULL), ERR_IO);
    io_fail_at(0, 0, false);
    CU_ASSERT_EQUAL(journal_sync(journal, &err), ERR_FATAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "reopen it"));
    CU_ASSERT_EQUAL(add(journal, 100, 1, 0), ERR_FATAL);
    CU_ASSERT_EQUAL(journal_cut(journal, journal_end(journal), NULL), ERR_FATAL);
    CU_ASSERT_EQUAL(journal_retain(journal, 1, 0, NULL), ERR_FATAL);
    CU_ASSERT_EQUAL(read_to_end(dir, 0, &code, NULL), 1); // what is not durable is gone
    CU_ASSERT_EQUAL(journal_close(journal, NULL), 0);
    CU_ASSERT_EQUAL(journal_open(&journal, dir, NULL, NULL), 0);
    CU_ASSERT_EQUAL(journal_next(journal), 1);
    CU_ASSERT_EQUAL(add(journal, 100, 1, 0), 0);
    CU_ASSERT_EQUAL(journal_close(journal, NULL), 0);
    CU_ASSERT_EQUAL(count_segments(dir), 2); // not into the suspicious file
    CU_ASSERT_EQUAL(read_to_end(dir, 0, &code, NULL), 2);
}

static void survives_a_lack_of_memory(void)
{
    for (int rest = 0; rest < 2; rest++) {
        for (uint64_t n = 1;; n++) {
            const char *dir = fresh_dir();
            uint64_t sealed = 0, synced = 0, cut_from;
            int read;
            mem_fail_at(n, rest);
            int code = use_all(dir, &sealed, &synced, &cut_from);
            (void)read_to_end(dir, 0, &read, NULL);
            bool fired = mem_fail_count() > 0;
            mem_fail_at(0, false);
            CU_ASSERT(code == 0 || code == ERR_NOMEM);
            CU_ASSERT(read == 0 || read == ERR_NOMEM || read == ERR_RETRY);
            struct journal *journal;
            CU_ASSERT_EQUAL_FATAL(journal_open(&journal, dir, NULL, NULL), 0);
            CU_ASSERT(journal_next(journal) >= synced);
            journal_close(journal, NULL);
            if (!fired)
                break;
        }
    }
}

static CU_TestInfo cases[] = {
    {"every truncation leaves a prefix", every_truncation_leaves_a_prefix},
    {"a flip in any byte of a closed journal is noticed",
     a_flip_in_any_byte_of_a_closed_journal_is_noticed},
    {"damage is cut or refused by what was synced", damage_is_cut_or_refused_by_what_was_synced},
    {"random damage never loads wrong bytes", random_damage_never_loads_wrong_bytes},
    {"segments must belong together", segments_must_belong_together},
    {"survives every failing call", survives_every_failing_call},
    {"survives every failing read", survives_every_failing_read},
    {"short and interrupted calls change nothing", short_and_interrupted_calls_change_nothing},
    {"a full disk is waited out", a_full_disk_is_waited_out},
    {"a failed sync is final", a_failed_sync_is_final},
    {"survives a lack of memory", survives_a_lack_of_memory},
    CU_TEST_INFO_NULL,
};
UNIT_MAIN({"journal_damage", journal_suite_begin, journal_suite_end, NULL, NULL, cases})
