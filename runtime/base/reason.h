// SPDX-License-Identifier: MIT
#pragma once

// What can go wrong, by name. Whatever a user is told to be wrong carries one of these codes, in
// brackets at the end of the message: `unknown key 'keyby' in operators.average [unknown-key]`.
// `tidemill explain CODE` says more about it, from docs/errors.md, which has a section for each.
//
// A code is a promise: scripts and searches hang on it. Texts may change, codes stay. A new one is
// for a new thing to do about it, not for a new place in which it happens.

// X(name, code)
#define REASONS(X)                                                                                 \
    /* reading YAML */                                                                             \
    X(YAML_SYNTAX, "yaml-syntax")                                                                  \
    X(YAML_TAG, "yaml-tag")                                                                        \
    X(NOT_TEXT, "not-text")                                                                        \
    X(TOO_LARGE, "too-large")                                                                      \
    X(DUPLICATE_KEY, "duplicate-key")                                                              \
    X(UNKNOWN_ANCHOR, "unknown-anchor")                                                            \
    X(MERGE_KEY, "merge-key")                                                                      \
    X(UNREADABLE_FILE, "unreadable-file")                                                          \
    X(INCLUDE, "include")                                                                          \
    X(NOT_SET, "not-set")                                                                          \
    X(INTERPOLATION, "interpolation")                                                              \
    X(SET_OPTION, "set-option")                                                                    \
    /* keys and values */                                                                          \
    X(UNKNOWN_KEY, "unknown-key")                                                                  \
    X(MISSING_KEY, "missing-key")                                                                  \
    X(WRONG_VALUE, "wrong-value")                                                                  \
    X(OUT_OF_RANGE, "out-of-range")                                                                \
    X(UNKNOWN_CHOICE, "unknown-choice")                                                            \
    X(TEMPLATE, "template")                                                                        \
    X(CONFLICT, "conflicting-keys")                                                                \
    X(DEPRECATED, "deprecated")                                                                    \
    X(UNHEEDED, "not-heeded")                                                                      \
    /* nodes and what is between them */                                                           \
    X(BAD_NAME, "bad-name")                                                                        \
    X(NAME_TAKEN, "name-taken")                                                                    \
    X(NO_SOURCE, "no-source")                                                                      \
    X(NO_SINK, "no-sink")                                                                          \
    X(UNKNOWN_TYPE, "unknown-type")                                                                \
    X(UNUSABLE_PLUGIN, "unusable-plugin")                                                          \
    X(UNKNOWN_CONNECTION, "unknown-connection")                                                    \
    X(WRONG_CONNECTION, "wrong-connection")                                                        \
    X(UNUSED_CONNECTION, "unused-connection")                                                      \
    X(MISSING_INPUTS, "missing-inputs")                                                            \
    X(UNKNOWN_NODE, "unknown-node")                                                                \
    X(UNKNOWN_PORT, "unknown-port")                                                                \
    X(RESERVED_PORT, "reserved-port")                                                              \
    X(REPEATED_INPUT, "repeated-input")                                                            \
    X(SINK_AS_INPUT, "sink-as-input")                                                              \
    X(UNREAD_OUTPUT, "unread-output")                                                              \
    X(CIRCLE, "circle")                                                                            \
    X(DEAD_LETTERS, "dead-letters")                                                                \
    X(NODE_REFUSED, "node-refused")                                                                \
    X(GUARANTEE, "guarantee")                                                                      \
    /* scripts */                                                                                  \
    X(SCRIPT_SYNTAX, "script-syntax")                                                              \
    X(SCRIPT_ERROR, "script-error")                                                                \
    X(SCRIPT_TIME, "script-time")                                                                  \
    X(SCRIPT_MEMORY, "script-memory")                                                              \
    X(SCRIPT_STATE, "script-state")                                                                \
    /* the command line */                                                                         \
    X(USAGE, "usage")                                                                              \
    /* other processes */                                                                          \
    X(FENCED, "fenced")                                                                            \
    /* what else happens: one for each enum error_code, for errors that say nothing finer */       \
    X(NOMEM, "out-of-memory")                                                                      \
    X(IO, "input-output")                                                                          \
    X(INPUT, "wrong-input")                                                                        \
    X(DATA, "bad-record")                                                                          \
    X(LIMIT, "limit-reached")                                                                      \
    X(CORRUPT, "corrupt-data")                                                                     \
    X(REFUSED, "refused")                                                                          \
    X(RETRY, "unavailable")                                                                        \
    X(FATAL, "cannot-go-on")                                                                       \
    X(BUG, "internal-error")

enum reason {
    REASON_NONE = 0,
#define X(name, code) REASON_##name,
    REASONS(X)
#undef X
        REASON_COUNT
};

// "unknown-key"; for a number that is none, the code of REASON_BUG. Never NULL.
const char *reason_code(enum reason reason);
// All codes in the order above, NULL at the end.
const char *const *reason_codes(void);
