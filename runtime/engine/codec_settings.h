// SPDX-License-Identifier: MIT
#pragma once
#include "config/setting.h"
#include "record/codec.h"
#include "record/framing.h"

// The options `decode`, `encode` and `framing` of a node. Names in them are borrowed from the
// configuration, which outlives the node.

// `setting` NULL: json.
int decoder_from_setting(struct decoder **out, const struct tide_config *setting,
                         struct shape_table *shapes, const struct json_limits *limits,
                         struct error *err);
int encoder_from_setting(struct encoder **out, const struct tide_config *setting,
                         struct error *err);
// `framing` NULL: what suits `decode`.
int framing_from_setting(struct framing_options *out, const struct tide_config *framing,
                         const struct tide_config *decode, struct error *err);
// Likewise for `encode` of a sink. WHOLE: nothing stands between two records.
int framing_of_sink(struct framing_options *out, const struct tide_config *framing,
                    const struct tide_config *encode, struct error *err);
