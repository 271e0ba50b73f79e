// SPDX-License-Identifier: MIT
#pragma once
#include "log.h"

// How far readers may read a partition that is written exactly once: up to where the last decided
// checkpoint has left it. Kept in a small file beside the partition's journal,
//
//   <dir>/<topic>/<partition>.committed
//
// which is made, durably, before the first record that may have to be taken back. Without it all
// that is sealed may be read. It need not be durable when it moves on: who goes on from a
// checkpoint writes it anew.

struct committed {
    tide_place place;
    unsigned char journal[16]; // that it is a place of
};

// 0: *out; 1: there is none; -1: `why`.
int committed_read(const struct log_connection *connection, const char *topic, uint32_t partition,
                   struct committed *out, char *why);
int committed_write(const struct log_connection *connection, const char *topic, uint32_t partition,
                    const struct committed *committed, bool durable, char *why);
int committed_remove(const struct log_connection *connection, const char *topic, uint32_t partition,
                     char *why);

// As bytes, also in what a sink gives at prepare.
enum { COMMITTED_BYTES = 3 * 8 + 16 };
void committed_pack(const struct committed *committed, unsigned char out[COMMITTED_BYTES]);
void committed_unpack(const unsigned char in[COMMITTED_BYTES], struct committed *out);
