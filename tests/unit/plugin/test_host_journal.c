// SPDX-License-Identifier: MIT
#include "plugin/host_journal.h"
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// The journal as a plugin sees it: results and reasons. What it keeps is tested with state/journal.

static char root[64], why[TIDE_WHY];
static const tide_journal_host *const host = &host_journal;

static int begin(void)
{
    snprintf(root, sizeof root, "/tmp/tidemill-host-journal-XXXXXX");
    return mkdtemp(root) ? 0 : 1;
}

static int end(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    return system(command);
}

static const char *in_root(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", root, name);
    return path;
}

static tide_result add(tide_journal *journal, const char *text, uint32_t count, uint32_t flags,
                       uint64_t *sequence)
{
    tide_bytes parts[2] = {{"<", 1}, {text, strlen(text)}};
    return host->append(journal, parts, 2, count, flags, sequence, why);
}

static void has_every_function(void)
{
    CU_ASSERT_EQUAL(host->struct_size, sizeof(tide_journal_host));
    void *const *at = (void *const *)(const void *)&host->open;
    void *const *behind = (void *const *)(const void *)(host + 1);
    for (; at < behind; at++)
        CU_ASSERT_PTR_NOT_NULL(*at);
}

static void appends_and_reads(void)
{
    tide_journal *journal;
    tide_journal_reader *reader;
    tide_entry entry = {.struct_size = sizeof entry};
    uint64_t sequence, first, next;
    CU_ASSERT_EQUAL(host->reader_open(in_root("a"), 0, &reader, why), TIDE_AGAIN);
    CU_ASSERT_PTR_NULL(reader);
    tide_journal_options options = {.struct_size = sizeof options, .first_sequence = 100};
    CU_ASSERT_EQUAL_FATAL(host->open(in_root("a"), &options, &journal, why), TIDE_OK);
    CU_ASSERT_EQUAL_FATAL(host->reader_open(in_root("a"), 0, &reader, why), TIDE_OK);
    CU_ASSERT_EQUAL(host->reader_next(reader, &entry, why), TIDE_AGAIN);
    CU_ASSERT_EQUAL(add(journal, "one", 3, 0, &sequence), TIDE_OK);
    CU_ASSERT_EQUAL(sequence, 100);
    CU_ASSERT_EQUAL(host->reader_next(reader, &entry, why), TIDE_AGAIN); // not sealed
    CU_ASSERT_EQUAL(add(journal, "two", 1, TIDE_JOURNAL_SEAL, &sequence), TIDE_OK);
    CU_ASSERT_EQUAL(host->reader_next(reader, &entry, why), TIDE_OK);
    CU_ASSERT_EQUAL(entry.sequence, 100);
    CU_ASSERT_EQUAL(entry.count, 3);
    CU_ASSERT(entry.data.len == 4 && !memcmp(entry.data.data, "<one", 4));
    tide_journal_hold *hold = host->reader_hold(reader);
    CU_ASSERT_EQUAL(host->reader_seek(reader, 103, why), TIDE_OK);
    CU_ASSERT_EQUAL(host->reader_at(reader), 103);
    CU_ASSERT_EQUAL(host->reader_seek(reader, 105, why), TIDE_FATAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "lies beyond the end, which is at 104"));
    CU_ASSERT_EQUAL(host->reader_seek(reader, 99, why), TIDE_DATA);
    CU_ASSERT_EQUAL(host->reader_bounds(reader, &first, &next, why), TIDE_OK);
    CU_ASSERT(first == 100 && next == 104);
    CU_ASSERT(!memcmp(host->id(journal), host->reader_id(reader), 16));
    host->reader_close(reader);
    CU_ASSERT(!memcmp(entry.data.data, "<one", 4)); // held
    host->release(hold);
    CU_ASSERT_EQUAL(host->close(journal, why), TIDE_OK);
}

static void cuts_and_refuses(void)
{
    tide_journal *journal, *second;
    tide_place before, after;
    CU_ASSERT_EQUAL_FATAL(host->open(in_root("b"), NULL, &journal, why), TIDE_OK);
    add(journal, "one", 1, 0, NULL);
    CU_ASSERT_EQUAL(host->sync(journal, why), TIDE_OK);
    host->durable(journal, &before);
    add(journal, "two", 1, TIDE_JOURNAL_SEAL, NULL);
    host->end(journal, &after);
    CU_ASSERT_EQUAL(after.sequence, 2);
    CU_ASSERT_EQUAL(host->cut(journal, &before, why), TIDE_OK);
    CU_ASSERT_EQUAL(host->next(journal), 1);
    CU_ASSERT_EQUAL(host->cut(journal, &after, why), TIDE_FATAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "has no sealed place"));
    CU_ASSERT_EQUAL(host->open(in_root("b"), NULL, &second, why), TIDE_FATAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "is being written by process"));
    CU_ASSERT_PTR_NULL(second);
    CU_ASSERT_EQUAL(host->retain(journal, 1, 0, NULL), TIDE_OK);
    CU_ASSERT_EQUAL(host->first(journal), 0);
    CU_ASSERT(host->bytes(journal) > 64);
    host->abandon(journal);
    CU_ASSERT_EQUAL(host->open("/dev/null/x", NULL, &journal, NULL), TIDE_RETRY);
}

static void refuses_too_many_parts(void)
{
    tide_journal *journal;
    tide_bytes parts[13];
    for (int i = 0; i < 13; i++)
        parts[i] = (tide_bytes){"x", 1};
    CU_ASSERT_EQUAL_FATAL(host->open(in_root("c"), NULL, &journal, why), TIDE_OK);
    CU_ASSERT_EQUAL(host->append(journal, parts, 12, 1, 0, NULL, why), TIDE_OK);
    CU_ASSERT_EQUAL(host->append(journal, parts, 13, 1, 0, NULL, why), TIDE_FATAL);
    CU_ASSERT_EQUAL(host->close(journal, why), TIDE_OK);
}

static CU_TestInfo cases[] = {
    {"has every function", has_every_function},
    {"appends and reads", appends_and_reads},
    {"cuts and refuses", cuts_and_refuses},
    {"refuses too many parts", refuses_too_many_parts},
    CU_TEST_INFO_NULL,
};
UNIT_MAIN({"host_journal", begin, end, NULL, NULL, cases})
