// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "base/error.h"

// Puts images of changes (image.h) on top of an image of all: `images` are count of them, oldest
// first, the first one being that of all. The result is in images[0]: what survives of it, in its
// order, then from image to image what nothing later has taken the place of; no marks. The others
// are as they were. On an error images[0] holds nothing of use.
int image_merge(struct buf *images, size_t count, struct error *err);
