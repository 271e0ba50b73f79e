// SPDX-License-Identifier: MIT
#pragma once
#include "base/error.h"

// The demo's devices, on 127.0.0.11 and up, all on one port: a pipeline plays them
// (configs/devices.yaml), those at the end of the list with faults.

enum { DEMO_FIRST = 11, DEMO_GOOD = 6, DEMO_BAD = 5, DEMO_DEVICES = DEMO_GOOD + DEMO_BAD };

void demo_device_name(unsigned index, char out[16]);      // "127.0.0.11" for 0
const char *demo_device_story(unsigned index);            // what is wrong with it; NULL: nothing
int demo_devices_port(unsigned *port, struct error *err); // one that is free on all addresses
