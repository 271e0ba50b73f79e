// SPDX-License-Identifier: MIT
#pragma once
#include "record/framing.h"

// The parts of framing.c. Each as framer_next.

int framing_take(struct framer *framer, const char *bytes, size_t len, size_t used,
                 struct frame *frame);
int framing_too_long(struct framer *framer, struct frame *frame, size_t skip, struct error *err);
int framing_next_line(struct framer *framer, const char *bytes, size_t len, int at_end,
                      struct frame *frame, struct error *err);
int framing_next_counted(struct framer *framer, const char *bytes, size_t len, int at_end,
                         struct frame *frame, struct error *err);
int framing_next_msgpack(struct framer *framer, const char *bytes, size_t len, int at_end,
                         struct frame *frame, struct error *err);
// The stream has ended within a message: all bytes go.
int framing_cut_off(struct frame *frame, size_t len, struct error *err);
// The line break that ends the CSV line, or NULL; bytes from framer->scanned on are new.
const char *framing_csv_end(struct framer *framer, const char *bytes, size_t len);
// The rest of a line whose front was refused: dropped up to its end, in silence. *used says how
// much went; true when the end was there.
bool framing_skip_line(struct framer *framer, const char *bytes, size_t len, int at_end,
                       size_t *used);
