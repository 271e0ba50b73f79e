// SPDX-License-Identifier: MIT
#include "journal_support.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

static struct journal *open_small(const char *dir, uint64_t segment_size)
{
    struct journal *journal = NULL;
    struct error err = ERROR_INIT;
    struct journal_options options = {.segment_size = segment_size, .buffer_size = 1000};
    int code = journal_open(&journal, dir, &options, &err);
    CU_ASSERT_EQUAL(code, 0);
    if (code)
        printf("\n    %s\n", err.text);
    return journal;
}

static void gives_back_what_was_appended(void)
{
    static const size_t chunks[] = {64, 1000, 1 << 20};
    const char *dir = fresh_dir();
    struct journal *journal = open_small(dir, 20000);
    uint64_t next = 0;
    for (int i = 0; i < 300; i++) {
        uint32_t count = (uint32_t)(1 + i % 5);
        CU_ASSERT_EQUAL(add(journal, (size_t)(i * 37) % 3000, count, i % 3 ? 0 : JOURNAL_SEAL), 0);
        next += count;
    }
    CU_ASSERT_EQUAL(journal_next(journal), next);
    CU_ASSERT_EQUAL(journal_close(journal, NULL), 0);
    CU_ASSERT(count_segments(dir) > 10);
    for (size_t i = 0; i < 3; i++) {
        int code;
        CU_ASSERT_EQUAL(read_to_end(dir, chunks[i], &code, NULL), next);
        CU_ASSERT_EQUAL(code, 0);
    }
}

static void shows_sealed_entries_only(void)
{
    const char *dir = fresh_dir();
    struct journal *journal = open_small(dir, 0);
    int code;
    CU_ASSERT_EQUAL(read_to_end(dir, 0, &code, NULL), 0);
    CU_ASSERT_EQUAL(code, 0);
    add(journal, 100, 1, 0);
    add(journal, 5000, 1, 0); // larger than the buffer: is in the file, but not sealed
    CU_ASSERT_EQUAL(read_to_end(dir, 0, &code, NULL), 0);
    CU_ASSERT_EQUAL(journal_seal(journal, NULL), 0);
    CU_ASSERT_EQUAL(read_to_end(dir, 0, &code, NULL), 2);
    add(journal, 100, 7, JOURNAL_SEAL);
    CU_ASSERT_EQUAL(read_to_end(dir, 0, &code, NULL), 9);
    CU_ASSERT_EQUAL(journal_end(journal).sequence, 9);
    CU_ASSERT_EQUAL(journal_durable(journal).sequence, 0);
    CU_ASSERT_EQUAL(journal_sync(journal, NULL), 0);
    CU_ASSERT_EQUAL(journal_durable(journal).sequence, 9);
    add(journal, 5000, 1, 0);
    journal_abandon(journal);
    CU_ASSERT_EQUAL(read_to_end(dir, 0, &code, NULL), 9);
    journal = open_small(dir, 0);
    CU_ASSERT_EQUAL(journal_next(journal), 9);
    add(journal, 10, 1, 0);
    journal_close(journal, NULL);
    CU_ASSERT_EQUAL(read_to_end(dir, 0, &code, NULL), 10);
}

static void goes_on_after_close_and_crash(void)
{
    const char *dir = fresh_dir();
    unsigned char id[JOURNAL_ID_BYTES];
    int code;
    for (int run = 0; run < 6; run++) {
        struct journal *journal = open_small(dir, 0);
        CU_ASSERT_EQUAL(journal_next(journal), (uint64_t)run * 2);
        if (run == 0)
            memcpy(id, journal_id(journal), sizeof id);
        CU_ASSERT(!memcmp(id, journal_id(journal), sizeof id));
        add(journal, 500, 2, JOURNAL_SEAL);
        if (run % 2) {
            journal_abandon(journal);
        } else {
            CU_ASSERT_EQUAL(journal_close(journal, NULL), 0);
        }
    }
    CU_ASSERT_EQUAL(read_to_end(dir, 0, &code, NULL), 12);
    CU_ASSERT_EQUAL(code, 0);
    CU_ASSERT_EQUAL(count_segments(dir), 3); // a new one after each crash
}

static void seeks(void)
{
    const char *dir = fresh_dir();
    struct journal *journal = open_small(dir, 10000);
    for (int i = 0; i < 200; i++)
        add(journal, 300, 10, JOURNAL_SEAL);
    add(journal, 300, 10, 0); // never sealed
    struct journal_reader *reader;
    struct journal_entry entry;
    struct error err = ERROR_INIT;
    CU_ASSERT_EQUAL_FATAL(journal_reader_open(&reader, dir, 2000, NULL), 0);
    for (uint64_t i = 0; i < 2000; i += 17) {
        uint64_t at = (i * 7919) % 2000;
        CU_ASSERT_EQUAL(journal_reader_seek(reader, at, NULL), 0);
        CU_ASSERT_EQUAL(journal_reader_at(reader), at / 10 * 10);
        CU_ASSERT_EQUAL(journal_reader_next(reader, &entry, NULL), 1);
        CU_ASSERT_EQUAL(entry.sequence, at / 10 * 10);
        CU_ASSERT(entry_is_right(&entry));
    }
    CU_ASSERT_EQUAL(journal_reader_seek(reader, 2000, NULL), 0);
    CU_ASSERT_EQUAL(journal_reader_next(reader, &entry, NULL), 0);
    CU_ASSERT_EQUAL(journal_reader_seek(reader, 2001, &err), ERR_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "record 2001 lies beyond the end"));
    uint64_t first, next;
    CU_ASSERT_EQUAL(journal_reader_bounds(reader, &first, &next, NULL), 0);
    CU_ASSERT_EQUAL(first, 0);
    CU_ASSERT_EQUAL(next, 2000);
    CU_ASSERT_EQUAL(journal_seal(journal, NULL), 0);
    CU_ASSERT_EQUAL(journal_reader_bounds(reader, &first, &next, NULL), 0);
    CU_ASSERT_EQUAL(next, 2010);
    journal_reader_close(reader);
    journal_close(journal, NULL);
}

static void keeps_lent_chunks(void)
{
    const char *dir = fresh_dir();
    struct journal *journal = open_small(dir, 0);
    for (int i = 0; i < 50; i++)
        add(journal, 3000, 1, 0);
    journal_close(journal, NULL);
    struct journal_reader *reader;
    struct journal_entry entries[50];
    struct journal_chunk *chunks[50];
    CU_ASSERT_EQUAL_FATAL(journal_reader_open(&reader, dir, 8000, NULL), 0);
    for (int i = 0; i < 50; i++) {
        CU_ASSERT_EQUAL_FATAL(journal_reader_next(reader, &entries[i], NULL), 1);
        chunks[i] = journal_reader_hold(reader);
    }
    journal_reader_close(reader);
    for (int i = 0; i < 50; i++) {
        CU_ASSERT(entry_is_right(&entries[i]));
        journal_chunk_release(chunks[i]);
    }
}

static void cuts_back(void)
{
    const char *dir = fresh_dir();
    struct journal *journal = open_small(dir, 4000);
    struct journal_place places[20];
    int code;
    for (int i = 0; i < 20; i++) {
        CU_ASSERT_EQUAL(journal_sync(journal, NULL), 0);
        places[i] = journal_durable(journal);
        add(journal, 900, 3, JOURNAL_SEAL);
    }
    add(journal, 900, 3, 0);
    struct journal_place wrong = places[10];
    wrong.offset++;
    CU_ASSERT_EQUAL(journal_cut(journal, wrong, NULL), ERR_REFUSED);
    wrong = places[10];
    wrong.sequence++;
    CU_ASSERT_EQUAL(journal_cut(journal, wrong, NULL), ERR_REFUSED);
    wrong = places[10];
    wrong.segment++;
    CU_ASSERT_EQUAL(journal_cut(journal, wrong, NULL), ERR_REFUSED);
    CU_ASSERT_EQUAL(journal_next(journal), 63);
    CU_ASSERT_EQUAL(journal_cut(journal, journal_end(journal), NULL), 0);
    CU_ASSERT_EQUAL(journal_next(journal), 60); // the unsealed one is gone
    for (int i = 19; i > 2; i -= 3) {
        CU_ASSERT_EQUAL(journal_cut(journal, places[i], NULL), 0);
        CU_ASSERT_EQUAL(journal_next(journal), (uint64_t)i * 3);
        CU_ASSERT_EQUAL(read_to_end(dir, 0, &code, NULL), (uint64_t)i * 3);
        CU_ASSERT_EQUAL(code, 0);
        CU_ASSERT_EQUAL(journal_cut(journal, places[i], NULL), 0); // again changes nothing
    }
    add(journal, 10, 1, 0);
    journal_close(journal, NULL);
    journal = open_small(dir, 4000);
    CU_ASSERT_EQUAL(journal_cut(journal, places[3], NULL), 0); // a place of an earlier run
    CU_ASSERT_EQUAL(journal_next(journal), 9);
    CU_ASSERT_EQUAL(journal_cut(journal, places[0], NULL), 0);
    CU_ASSERT_EQUAL(journal_next(journal), 0);
    CU_ASSERT_EQUAL(journal_cut(journal, places[5], NULL), ERR_REFUSED);
    add(journal, 10, 1, 0);
    journal_close(journal, NULL);
    CU_ASSERT_EQUAL(read_to_end(dir, 0, &code, NULL), 1);
}

static void drops_old_segments(void)
{
    const char *dir = fresh_dir();
    struct journal *journal = open_small(dir, 2000);
    for (int i = 0; i < 100; i++)
        add(journal, 500, 1, JOURNAL_SEAL);
    struct journal_reader *reader;
    struct journal_entry entry;
    CU_ASSERT_EQUAL_FATAL(journal_reader_open(&reader, dir, 600, NULL), 0);
    CU_ASSERT_EQUAL(journal_reader_next(reader, &entry, NULL), 1);
    CU_ASSERT_EQUAL(journal_retain(journal, 20000, 0, NULL), 0);
    CU_ASSERT(journal_bytes(journal) <= 20000 && journal_bytes(journal) > 15000);
    CU_ASSERT(journal_first(journal) > 50);
    uint64_t first, next;
    CU_ASSERT_EQUAL(journal_reader_bounds(reader, &first, &next, NULL), 0);
    CU_ASSERT_EQUAL(first, journal_first(journal));
    CU_ASSERT_EQUAL(next, 100);
    int code;
    while ((code = journal_reader_next(reader, &entry, NULL)) == 1)
        ; // to the end of the file that it has open
    CU_ASSERT_EQUAL(code, ERR_LIMIT);
    CU_ASSERT_EQUAL(journal_reader_seek(reader, first - 1, NULL), ERR_LIMIT);
    CU_ASSERT_EQUAL(journal_reader_seek(reader, first, NULL), 0);
    CU_ASSERT_EQUAL(journal_reader_next(reader, &entry, NULL), 1);
    CU_ASSERT_EQUAL(entry.sequence, first);
    CU_ASSERT_EQUAL(journal_drop(journal, 90, NULL), 0);
    CU_ASSERT(journal_first(journal) <= 90 && journal_first(journal) > 85);
    CU_ASSERT_EQUAL(journal_retain(journal, 0, INT64_MAX, NULL), 0);
    CU_ASSERT_EQUAL(count_segments(dir), 1);
    journal_reader_close(reader);
    journal_close(journal, NULL);
    journal = open_small(dir, 2000);
    CU_ASSERT_EQUAL(journal_next(journal), 100);
    journal_close(journal, NULL);
}

static void compacts(void)
{
    const char *dir = fresh_dir();
    struct journal *journal = open_small(dir, 2000);
    int code;
    for (int i = 0; i < 40; i++)
        add(journal, 300, 1, JOURNAL_SEAL);
    CU_ASSERT_EQUAL(journal_compact_begin(journal, NULL), 0);
    add(journal, 700, 1, 0);
    CU_ASSERT_EQUAL(read_to_end(dir, 0, &code, NULL), 40); // as if nothing had been begun
    journal_compact_abort(journal);
    CU_ASSERT_EQUAL(journal_next(journal), 40);
    add(journal, 300, 1, 0);
    CU_ASSERT_EQUAL(journal_compact_begin(journal, NULL), 0);
    CU_ASSERT_EQUAL(journal_compact_begin(journal, NULL), ERR_BUG);
    CU_ASSERT_EQUAL(journal_sync(journal, NULL), ERR_BUG);
    for (int i = 0; i < 5; i++)
        add(journal, 900, 1, 0);
    CU_ASSERT_EQUAL(journal_compact_end(journal, NULL), 0);
    CU_ASSERT_EQUAL(journal_first(journal), 41);
    CU_ASSERT_EQUAL(journal_next(journal), 46);
    CU_ASSERT_EQUAL(count_segments(dir), 1);
    add(journal, 900, 1, 0);
    CU_ASSERT_EQUAL(journal_close(journal, NULL), 0);
    CU_ASSERT_EQUAL(read_to_end(dir, 0, &code, NULL), 47);
    journal = open_small(dir, 2000);
    CU_ASSERT_EQUAL(journal_compact_begin(journal, NULL), 0);
    add(journal, 100, 1, 0);
    journal_abandon(journal); // in the middle
    CU_ASSERT_EQUAL(read_to_end(dir, 0, &code, NULL), 47);
}

static void leftovers_of_a_snapshot_do_not_count(void)
{
    const char *dir = fresh_dir();
    struct journal *journal = open_small(dir, 1000);
    for (int i = 0; i < 10; i++)
        add(journal, 300, 1, JOURNAL_SEAL);
    CU_ASSERT_EQUAL(journal_sync(journal, NULL), 0);
    struct bytes old = load_file(segment_file(dir, 0));
    CU_ASSERT_EQUAL(journal_compact_begin(journal, NULL), 0);
    add(journal, 100, 1, 0);
    CU_ASSERT_EQUAL(journal_compact_end(journal, NULL), 0);
    CU_ASSERT_EQUAL(journal_close(journal, NULL), 0);
    save_file(segment_file(dir, 0), old.data, old.len); // as if the crash came before its removal
    struct journal_reader *reader;
    CU_ASSERT_EQUAL_FATAL(journal_reader_open(&reader, dir, 0, NULL), 0);
    CU_ASSERT_EQUAL(journal_reader_at(reader), 10);
    CU_ASSERT_EQUAL(journal_reader_seek(reader, 0, NULL), ERR_LIMIT);
    journal_reader_close(reader);
    journal = open_small(dir, 1000);
    CU_ASSERT_EQUAL(journal_first(journal), 10);
    CU_ASSERT_EQUAL(count_segments(dir), 1);
    journal_close(journal, NULL);
    free(old.data);
}

static void has_one_writer(void)
{
    const char *dir = fresh_dir();
    struct journal *journal = open_small(dir, 0), *second;
    struct error err = ERROR_INIT;
    char expected[200];
    CU_ASSERT_EQUAL(journal_open(&second, dir, NULL, &err), ERR_REFUSED);
    snprintf(expected, sizeof expected, "%s: is being written by process %d", dir, (int)getpid());
    CU_ASSERT_STRING_EQUAL(err.text, expected);
    journal_close(journal, NULL);
    journal = open_small(dir, 0);
    journal_close(journal, NULL);
}

static void waits_for_a_writer_that_ends(void)
{
    const char *dir = fresh_dir();
    int ready[2], go[2];
    CU_ASSERT_EQUAL_FATAL(pipe(ready), 0);
    CU_ASSERT_EQUAL_FATAL(pipe(go), 0);
    pid_t child = fork();
    if (child == 0) {
        struct journal *journal;
        char word;
        int code = journal_open(&journal, dir, NULL, NULL);
        if (!code)
            code = add(journal, 50, 1, JOURNAL_SEAL);
        if (write(ready[1], "x", 1) != 1)
            code = 1;
        if (read(go[0], &word, 1) != 1) // holds the lock until told, then dies without closing
            code = 1;
        _exit(code != 0);
    }
    char byte;
    CU_ASSERT_EQUAL(read(ready[0], &byte, 1), 1);
    struct journal *journal;
    struct error err = ERROR_INIT;
    char expected[64];
    snprintf(expected, sizeof expected, "is being written by process %d", (int)child);
    CU_ASSERT_EQUAL(journal_open(&journal, dir, NULL, &err), ERR_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, expected));
    struct journal_options options = {.lock_wait_ms = 30000};
    CU_ASSERT_EQUAL(write(go[1], "x", 1), 1);
    CU_ASSERT_EQUAL_FATAL(journal_open(&journal, dir, &options, &err), 0);
    CU_ASSERT_EQUAL(journal_next(journal), 1);
    journal_close(journal, NULL);
    int status;
    CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
    CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    for (int i = 0; i < 2; i++) {
        close(ready[i]);
        close(go[i]);
    }
}

static _Atomic bool stop_reading;

static void *follow(void *arg)
{
    struct journal_reader *reader = NULL;
    struct journal_entry entry;
    static uint64_t next;
    next = 0;
    while (journal_reader_open(&reader, arg, 3000, NULL) == ERR_RETRY)
        usleep(100);
    for (;;) {
        bool last = atomic_load(&stop_reading);
        int code = journal_reader_next(reader, &entry, NULL);
        if (code < 0 || (code == 1 && (entry.sequence != next || !entry_is_right(&entry)))) {
            next = UINT64_MAX;
            break;
        }
        if (code == 1)
            next += entry.count;
        if (code == 0 && last)
            break;
    }
    journal_reader_close(reader);
    return &next;
}

// Rolling, sealing and syncing while another thread reads what is there.
static void is_read_while_it_is_written(void)
{
    const char *dir = fresh_dir();
    pthread_t thread;
    void *result;
    atomic_store(&stop_reading, false);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, follow, (void *)(uintptr_t)dir), 0);
    struct journal *journal = open_small(dir, 50000);
    uint64_t next = 0;
    for (int i = 0; i < 3000; i++) {
        CU_ASSERT_EQUAL(add(journal, (size_t)(i * 131) % 2500, 2, i % 4 ? 0 : JOURNAL_SEAL), 0);
        next += 2;
    }
    CU_ASSERT_EQUAL(journal_close(journal, NULL), 0);
    atomic_store(&stop_reading, true);
    pthread_join(thread, &result);
    CU_ASSERT_EQUAL(*(uint64_t *)result, next);
}

// Appends for ever; tells by the pipe how many records are sealed, and how many are synced.
static void append_until_killed(const char *dir, int out)
{
    struct journal *journal;
    struct journal_options options = {.segment_size = 30000, .lock_wait_ms = 10000};
    uint64_t told[2] = {0, 0}; // sealed, synced
    int code = journal_open(&journal, dir, &options, NULL);
    for (unsigned i = 0; !code; i++) {
        code = add(journal, i * 37 % 900, 1, i % 3 ? 0 : JOURNAL_SEAL);
        if (!code && i % 3 == 0)
            told[0] = journal_next(journal);
        if (!code && i % 50 == 0) {
            code = journal_sync(journal, NULL);
            told[0] = told[1] = journal_next(journal);
        }
        if (write(out, told, sizeof told) != (ssize_t)sizeof told)
            code = 1;
    }
    _exit(1);
}

static void loses_nothing_sealed_to_a_kill(void)
{
    const char *dir = fresh_dir();
    uint64_t known = 0;
    for (int run = 0; run < 25; run++) {
        int ends[2];
        CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
        pid_t child = fork();
        if (child == 0)
            append_until_killed(dir, ends[1]);
        close(ends[1]);
        uint64_t told[2];
        int rounds = 1 + run * 97 % 400; // somewhere, not at a time
        while (rounds-- && read(ends[0], told, sizeof told) == (ssize_t)sizeof told)
            known = told[0] > known ? told[0] : known;
        kill(child, SIGKILL);
        while (read(ends[0], told, sizeof told) == (ssize_t)sizeof told)
            known = told[0] > known ? told[0] : known;
        waitpid(child, NULL, 0);
        close(ends[0]);
        int code;
        struct error err = ERROR_INIT;
        uint64_t found = read_to_end(dir, 2000, &code, &err);
        CU_ASSERT_EQUAL(code, 0);
        CU_ASSERT(found >= known);
        known = found;
    }
    struct journal *journal = open_small(dir, 0);
    CU_ASSERT_EQUAL(journal_next(journal), known);
    journal_close(journal, NULL);
}

static void refuses_what_is_no_entry(void)
{
    const char *dir = fresh_dir();
    struct journal *journal = open_small(dir, 0);
    struct iovec parts[2] = {{test_dir, 1}, {test_dir, (size_t)JOURNAL_ENTRY_MAX}};
    CU_ASSERT_EQUAL(journal_append(journal, parts, 1, 0, 0, NULL, NULL), ERR_BUG);
    CU_ASSERT_EQUAL(journal_append(journal, parts, 2, 1, 0, NULL, NULL), ERR_LIMIT);
    uint64_t sequence = 99;
    CU_ASSERT_EQUAL(journal_append(journal, NULL, 0, 5, 0, &sequence, NULL), 0); // empty is fine
    CU_ASSERT_EQUAL(sequence, 0);
    CU_ASSERT_EQUAL(journal_next(journal), 5);
    journal_close(journal, NULL);
    struct journal_reader *reader;
    CU_ASSERT_EQUAL(journal_reader_open(&reader, "/nonexistent", 0, NULL), ERR_RETRY);
    CU_ASSERT_EQUAL(journal_reader_open(&reader, test_dir, 0, NULL), ERR_RETRY);
}

static CU_TestInfo cases[] = {
    {"gives back what was appended", gives_back_what_was_appended},
    {"shows sealed entries only", shows_sealed_entries_only},
    {"goes on after close and crash", goes_on_after_close_and_crash},
    {"seeks", seeks},
    {"keeps lent chunks", keeps_lent_chunks},
    {"cuts back", cuts_back},
    {"drops old segments", drops_old_segments},
    {"compacts", compacts},
    {"leftovers of a snapshot do not count", leftovers_of_a_snapshot_do_not_count},
    {"has one writer", has_one_writer},
    {"waits for a writer that ends", waits_for_a_writer_that_ends},
    {"is read while it is written", is_read_while_it_is_written},
    {"loses nothing sealed to a kill", loses_nothing_sealed_to_a_kill},
    {"refuses what is no entry", refuses_what_is_no_entry},
    CU_TEST_INFO_NULL,
};
UNIT_MAIN({"journal", journal_suite_begin, journal_suite_end, NULL, NULL, cases})
