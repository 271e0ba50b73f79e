// SPDX-License-Identifier: MIT
#pragma once
#include "record/codec.h"

// One constructor a codec; NULL when memory is out.

struct decoder *decoder_json_new(struct shape_table *shapes, const struct json_limits *limits,
                                 enum json_big_ints big_ints);
struct decoder *decoder_text_new(struct shape_table *shapes, const struct json_limits *limits);
struct decoder *decoder_none_new(struct shape_table *shapes, const struct json_limits *limits);
struct decoder *decoder_syslog_new(struct shape_table *shapes, const struct json_limits *limits);
struct decoder *decoder_logfmt_new(struct shape_table *shapes, const struct json_limits *limits);
struct encoder *encoder_json_new(void);
struct encoder *encoder_text_new(void);
struct encoder *encoder_none_new(void);
struct encoder *encoder_logfmt_new(void);
struct encoder *encoder_msgpack_new(void);
struct decoder *decoder_msgpack_new(const struct msgpack_options *options,
                                    struct shape_table *shapes, const struct json_limits *limits,
                                    enum json_big_ints big_ints);

// Those with options: 0 or an error.
int decoder_csv_new(struct decoder **out, const struct csv_options *options,
                    struct shape_table *shapes, const struct json_limits *limits,
                    struct error *err);
int decoder_regex_new(struct decoder **out, const struct regex_options *options,
                      struct shape_table *shapes, const struct json_limits *limits,
                      struct error *err);
int encoder_csv_new(struct encoder **out, const struct csv_options *options, struct error *err);
