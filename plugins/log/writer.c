// SPDX-License-Identifier: MIT
#include "log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static tide_result close_journals(const tide_host *host, struct log_writer *writer, char *why)
{
    tide_result result = TIDE_OK;
    for (uint32_t i = 0; writer->journals && i < writer->partitions; i++) {
        char reason[WHY];
        if (writer->journals[i] && host->journal->close(writer->journals[i], reason)) {
            (void)snprintf(why, WHY, "%s", reason);
            result = TIDE_FATAL;
        }
    }
    pthread_mutex_destroy(&writer->lock);
    free(writer->journals);
    free(writer->dirty);
    free(writer->topic);
    free(writer);
    return result;
}

static tide_result find_partitions(const char *dir, struct log_writer *writer, char *why,
                                   char *note)
{
    int found = topic_load(dir, writer->topic, &writer->partitions, why);
    if (found < 0)
        return TIDE_FATAL;
    const struct writer_options *options = &writer->options;
    if (found == 1) {
        writer->partitions = options->partitions;
        int made = topic_create(dir, writer->topic, writer->partitions, why);
        return !made ? TIDE_OK : made == TOPIC_NEVER ? TIDE_FATAL : TIDE_RETRY;
    }
    if (options->partitions_given && options->partitions != writer->partitions)
        (void)snprintf(note, WHY, "topic %s has %u partitions and keeps them; the option says %u",
                       writer->topic, writer->partitions, options->partitions);
    return TIDE_OK;
}

static tide_result open_journals(const struct log_connection *connection, struct log_writer *writer,
                                 char *why)
{
    writer->journals = calloc(writer->partitions, sizeof *writer->journals);
    writer->dirty = calloc(writer->partitions, sizeof *writer->dirty);
    if (!writer->journals || !writer->dirty) {
        (void)snprintf(why, WHY, "out of memory");
        return TIDE_RETRY;
    }
    // A process that was just killed may hold its locks for a moment.
    tide_journal_options options = {.struct_size = sizeof options,
                                    .lock_wait_ms = 1000,
                                    .segment_size = writer->options.segment_size,
                                    .buffer_size = 4096}; // entries are large: written at once
    for (uint32_t i = 0; i < writer->partitions; i++) {
        char path[PATH_BYTES];
        if (partition_path(path, connection->dir, writer->topic, i)) {
            (void)snprintf(why, WHY, "%.200s: the path is too long", writer->topic);
            return TIDE_FATAL;
        }
        tide_result result =
            connection->host->journal->open(path, &options, &writer->journals[i], why);
        if (result)
            return result;
    }
    return TIDE_OK;
}

static tide_result make_writer(struct log_connection *connection, const char *topic,
                               const struct writer_options *options, struct log_writer **out,
                               char *why, char *note)
{
    struct log_writer *writer = calloc(1, sizeof *writer);
    char *name = strdup(topic);
    if (!writer || !name) {
        free(writer);
        free(name);
        (void)snprintf(why, WHY, "out of memory");
        return TIDE_RETRY;
    }
    writer->topic = name;
    writer->options = *options;
    pthread_mutex_init(&writer->lock, NULL);
    tide_result result = find_partitions(connection->dir, writer, why, note);
    if (!result)
        result = open_journals(connection, writer, why);
    if (result) {
        char unused[WHY];
        (void)close_journals(connection->host, writer, unused);
        return result;
    }
    *out = writer;
    return TIDE_OK;
}

tide_result writer_open(struct log_connection *connection, const char *topic,
                        const struct writer_options *options, struct log_writer **out, char *why,
                        char *note)
{
    note[0] = 0;
    pthread_mutex_lock(&connection->lock);
    struct log_writer *writer = connection->writers;
    while (writer && strcmp(writer->topic, topic))
        writer = writer->next;
    tide_result result = TIDE_OK;
    if (!writer) {
        result = make_writer(connection, topic, options, &writer, why, note);
        if (!result) {
            writer->next = connection->writers;
            connection->writers = writer;
        }
    }
    if (!result)
        writer->users++;
    pthread_mutex_unlock(&connection->lock);
    *out = result ? NULL : writer;
    if (!result)
        log_notify(connection); // the topic may be new
    return result;
}

tide_result writer_close(struct log_connection *connection, struct log_writer *writer, char *why)
{
    if (!writer)
        return TIDE_OK;
    pthread_mutex_lock(&connection->lock);
    bool last = --writer->users == 0;
    if (last) {
        struct log_writer **link = &connection->writers;
        while (*link != writer)
            link = &(*link)->next;
        *link = writer->next;
    }
    // The journals close under the lock: who opens the topic next finds them free.
    tide_result result = last ? close_journals(connection->host, writer, why) : TIDE_OK;
    pthread_mutex_unlock(&connection->lock);
    return result;
}

tide_result writer_append(const tide_host *host, struct log_writer *writer, uint32_t partition,
                          const tide_bytes *parts, uint32_t part_count, uint32_t count, char *why)
{
    pthread_mutex_lock(&writer->lock);
    tide_result result = host->journal->append(writer->journals[partition], parts, part_count,
                                               count, TIDE_JOURNAL_SEAL, NULL, why);
    writer->dirty[partition] |= result == TIDE_OK;
    pthread_mutex_unlock(&writer->lock);
    return result;
}

static tide_result sync_one(const tide_host *host, struct log_writer *writer, uint32_t partition,
                            int64_t wall_ms, char *why)
{
    const struct writer_options *options = &writer->options;
    tide_journal *journal = writer->journals[partition];
    tide_result result = host->journal->sync(journal, why);
    if (result)
        return result;
    writer->dirty[partition] = false;
    if (!options->retain_bytes && !options->retain_ms)
        return TIDE_OK;
    return host->journal->retain(journal, options->retain_bytes,
                                 options->retain_ms ? wall_ms - options->retain_ms : 0, why);
}

tide_result writer_sync(const tide_host *host, struct log_writer *writer, int64_t wall_ms,
                        char *why)
{
    tide_result result = TIDE_OK;
    pthread_mutex_lock(&writer->lock);
    for (uint32_t i = 0; i < writer->partitions && !result; i++) {
        if (writer->dirty[i])
            result = sync_one(host, writer, i, wall_ms, why);
    }
    pthread_mutex_unlock(&writer->lock);
    return result;
}
