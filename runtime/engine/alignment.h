// SPDX-License-Identifier: MIT
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Keeps the splits of a source near each other in event time (`watermark: { align: 30s }`): one
// that has come further than the limit ahead of the slowest is held, which is to say that its
// driver asks the plugin not to read it, until the others have caught up. Without it, who replays a
// topic holds in windows and joins what its fast partitions are ahead of the slow ones.
//
// One a source, shared by its lanes and drivers. Lanes write what their splits have come to, under
// the lock; drivers look whether `changes` has moved and then ask split by split. Nobody waits for
// anybody: what was read already goes on, so that barriers, ends and records of a slow split are
// never behind a held one. What a driver and its rings hold comes on top of the limit.
//
// Idle splits, those that have ended and those that are gone hold nobody. When there is no split
// left to wait for, nobody is held.

struct waker;
struct alignment;

int alignment_new(struct alignment **out, int64_t limit_ms); // 0 or ERR_NOMEM
void alignment_free(struct alignment *alignment);
// Who is woken when a split is held or let go: who steps a driver of this source. Before it runs.
int alignment_join(struct alignment *alignment, struct waker *waker);

// -- by lanes, in this order --
void alignment_lock(struct alignment *alignment);
// A split has come to `watermark` (WATERMARK_NONE: nowhere yet). `counts`: others wait for it.
// False: memory is out, and it was left as it was.
bool alignment_put(struct alignment *alignment, uint32_t split, int64_t watermark, bool counts);
void alignment_unlock(struct alignment *alignment); // who is held now

// -- by any --
bool alignment_holds(struct alignment *alignment, uint32_t split);
uint64_t alignment_changes(const struct alignment *alignment);
