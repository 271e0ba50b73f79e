// SPDX-License-Identifier: MIT
#pragma once
#include "kit/host.h"
#include "kit/settings.h"

// What is checked, and instances of it. Of the child.

struct part { // what source, sink and connection have in common
    const char *name;
    const tide_option *options;
    tide_result (*open)(const tide_host *host, tide_ctx *ctx, void **self);
    void (*close)(void *self);
};

struct subject {
    const struct kit_options *kit;
    const tide_plugin *plugin;
    struct part source, sink, connection; // name NULL: the plugin has none
};

struct instance {
    const struct part *part;
    struct tide_ctx *ctx;
    void *self;
    struct instance *connection; // its own, or NULL
};

// Loads the plugin; a file that cannot be used ends the check.
void subject_load(struct subject *subject, const struct kit_options *kit);

// Opens the part (and the plugin's connection before it), until OK. Another end is a finding.
// `extra`: one more setting, or NULL.
void instance_open(struct instance *instance, const struct subject *subject,
                   const struct part *part);
// Once, whatever comes of it; `extra`: one more setting, or NULL. False: the settings are refused.
bool instance_try(struct instance *instance, const struct subject *subject, const struct part *part,
                  const char *extra, tide_result *result);
// The n-th allocation of the next instance_try's open fails; 0: none.
void instance_fail_at(uint64_t n);
void instance_close(struct instance *instance);
// The result of a call into it: no EOF, nothing negative; AGAIN: waits until it may go on.
// `fd`: what poll_fd says. True: call again.
bool instance_again(struct instance *instance, tide_result result, int fd);
