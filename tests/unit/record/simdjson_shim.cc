// SPDX-License-Identifier: MIT
#include "simdjson_shim.h"
#include <simdjson.h>

int simdjson_accepts(const char *text, size_t len)
{
    static simdjson::dom::parser parser;
    simdjson::dom::element root;
    auto error = parser.parse(simdjson::padded_string(text, len)).get(root);
    if (error == simdjson::NUMBER_ERROR)
        return -1;
    return error == simdjson::SUCCESS;
}
