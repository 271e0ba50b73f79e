// SPDX-License-Identifier: MIT
#include "lua/script_parts.h"
void condition_hint(const struct script *script, struct batch *batch, struct record *record,
                    struct error *err)
{
    (void)script; (void)batch; (void)record; (void)err;
}
