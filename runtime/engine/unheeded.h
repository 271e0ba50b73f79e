// SPDX-License-Identifier: MIT
#pragma once
#include "config/topology.h"

// What the schema takes, and what does nothing in this pipeline. Who asks for it is told, with the
// place, and is not left to believe that it works.
void warn_unheeded(const struct topology *topology, struct problems *problems);
