// SPDX-License-Identifier: MIT
#pragma once
#include <stddef.h>

// Turns "127.0.0.[1-50]:9000" into fifty addresses. Each "[a-b]" stands for its numbers; several of
// them for each combination. "[::1]:9000" is an IPv6 address, as it has no '-'.

struct targets {
    unsigned long lowest_port; // 0 when the system may choose one, else 1
    char **names;              // "host:port"
    size_t count, room;
};

enum { TARGETS_MAX = 100000 };

// NULL, or what is wrong with it.
const char *targets_add(struct targets *targets, const char *text);
// *twice: the first name that is there twice; NULL: none. -1: memory is out.
int targets_twice(const struct targets *targets, const char **twice);
void targets_deinit(struct targets *targets);
// Splits "host:port" (brackets around the host are dropped) into `host`; the port, or NULL when
// there is none.
const char *target_split(const char *name, char *host, size_t size);
