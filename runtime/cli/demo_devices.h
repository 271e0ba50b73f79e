// SPDX-License-Identifier: MIT
#pragma once
#include "base/error.h"

// The demo's devices, on 127.0.0.11 and up, all on one port. The good ones are a pipeline
// (configs/devices.yaml); those that misbehave are served here, by a thread: one answers too
// slowly, one closes in the middle, one sends garbage. Nobody listens on the last one's address.

enum { DEMO_FIRST = 11, DEMO_GOOD = 6, DEMO_BAD = 4, DEMO_DEVICES = DEMO_GOOD + DEMO_BAD };

struct demo_devices;

void demo_device_name(unsigned index, char out[16]); // "127.0.0.11" for 0
const char *demo_device_story(unsigned index);       // what is wrong with it; NULL: nothing
// Chooses a port that is free on all addresses, and starts the thread.
int demo_devices_start(struct demo_devices **out, unsigned *port, struct error *err);
void demo_devices_stop(struct demo_devices *devices); // NULL is fine
