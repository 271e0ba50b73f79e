// SPDX-License-Identifier: MIT
#pragma once
#include "record/codec.h"

// One constructor a codec; NULL when memory is out.

struct decoder *decoder_json_new(struct shape_table *shapes, const struct json_limits *limits);
struct decoder *decoder_text_new(struct shape_table *shapes, const struct json_limits *limits);
struct decoder *decoder_none_new(struct shape_table *shapes, const struct json_limits *limits);
struct encoder *encoder_json_new(void);
struct encoder *encoder_text_new(void);
struct encoder *encoder_none_new(void);
