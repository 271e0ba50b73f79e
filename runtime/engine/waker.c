// SPDX-License-Identifier: MIT
#include "engine/waker.h"
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

int waker_init(struct waker *waker, struct error *err)
{
    waker_init_ring(waker, NULL, NULL);
    waker->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return waker->fd < 0 ? error_errno(err, ERR_IO, errno, "eventfd") : 0;
}

void waker_init_ring(struct waker *waker, void (*ring)(void *arg), void *arg)
{
    atomic_init(&waker->dozing, false);
    waker->fd = -1;
    waker->ring = ring;
    waker->arg = arg;
}

void waker_deinit(struct waker *waker)
{
    if (waker->fd >= 0)
        close(waker->fd);
    waker->fd = -1;
}

void waker_wake(struct waker *waker)
{
    atomic_thread_fence(memory_order_seq_cst); // the work was published before
    if (!atomic_load_explicit(&waker->dozing, memory_order_relaxed) ||
        !atomic_exchange_explicit(&waker->dozing, false, memory_order_acq_rel))
        return;
    if (waker->ring) {
        waker->ring(waker->arg);
        return;
    }
    uint64_t one = 1;
    // EAGAIN: it is readable already
    ssize_t n = TEMP_FAILURE_RETRY(write(waker->fd, &one, sizeof one));
    (void)n;
}

void waker_doze(struct waker *waker)
{
    atomic_store_explicit(&waker->dozing, true, memory_order_relaxed);
    atomic_thread_fence(memory_order_seq_cst); // look for work only after this
}

void waker_rise(struct waker *waker)
{
    if (atomic_exchange_explicit(&waker->dozing, false, memory_order_acq_rel))
        return; // nobody wrote
    if (waker->fd < 0)
        return;
    uint64_t count;
    ssize_t n = read(waker->fd, &count, sizeof count); // EAGAIN: the write is still to come
    (void)n;
}

bool waker_dozes(const struct waker *waker)
{
    return atomic_load_explicit(&waker->dozing, memory_order_acquire);
}
