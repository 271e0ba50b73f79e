// SPDX-License-Identifier: MIT
#pragma once
#include "kit/subject.h"

// The checks: each runs in a process of its own and ends it by what it finds. Coming back is ok.

void check_descriptor(const struct subject *subject); // the first; its `found` names the parts

void check_open_close(const struct subject *subject, const struct part *part);
void check_leftovers(const struct subject *subject, const struct part *part);
void check_odd_options(const struct subject *subject, const struct part *part);
void check_no_memory(const struct subject *subject, const struct part *part);

void check_read(const struct subject *subject, const struct part *part);
void check_one_at_a_time(const struct subject *subject, const struct part *part);
void check_full_batch(const struct subject *subject, const struct part *part);
void check_positions(const struct subject *subject, const struct part *part);
void check_revoke(const struct subject *subject, const struct part *part);
void check_ack(const struct subject *subject, const struct part *part);

void check_write(const struct subject *subject, const struct part *part);
void check_small_batches(const struct subject *subject, const struct part *part);
void check_flush(const struct subject *subject, const struct part *part);
void check_tombstone(const struct subject *subject, const struct part *part);
void check_commit(const struct subject *subject, const struct part *part);
void check_commit_again(const struct subject *subject, const struct part *part);
void check_abort(const struct subject *subject, const struct part *part);
void check_crash_commit(const struct subject *subject, const struct part *part);
void check_crash_abort(const struct subject *subject, const struct part *part);
void check_crash_unprepared(const struct subject *subject, const struct part *part);

void check_decides(const struct subject *subject, const struct part *part);

// One short life of an instance, for the checks that look at what is left of it.
void life_of(const struct subject *subject, const struct part *part);
// The records that a source is to find, written by the plugin's own sink (--feed).
void feed(const struct subject *subject);
