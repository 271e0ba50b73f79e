// SPDX-License-Identifier: MIT
#include "simdjson_shim.h"
#include <simdjson.h>

using simdjson::dom::element_type;

static void tell(const simdjson::dom::element &value, const simdjson_teller &to)
{
    switch (value.type()) {
    case element_type::ARRAY:
        to.word(to.arg, '[');
        for (simdjson::dom::element item : simdjson::dom::array(value))
            tell(item, to);
        to.word(to.arg, ']');
        break;
    case element_type::OBJECT:
        to.word(to.arg, '{');
        for (auto member : simdjson::dom::object(value)) {
            to.string(to.arg, 'k', member.key.data(), member.key.size());
            tell(member.value, to);
        }
        to.word(to.arg, '}');
        break;
    case element_type::INT64:
        to.integer(to.arg, int64_t(value));
        break;
    case element_type::UINT64:
        to.number(to.arg, double(uint64_t(value)));
        break;
    case element_type::DOUBLE:
        to.number(to.arg, double(value));
        break;
    case element_type::STRING: {
        std::string_view text(value);
        to.string(to.arg, 's', text.data(), text.size());
        break;
    }
    case element_type::BOOL:
        to.word(to.arg, bool(value) ? 't' : 'f');
        break;
    case element_type::NULL_VALUE:
        to.word(to.arg, 'n');
        break;
    }
}

int simdjson_tell(const char *text, size_t len, const simdjson_teller *teller)
{
    static simdjson::dom::parser parser;
    simdjson::dom::element root;
    auto error = parser.parse(simdjson::padded_string(text, len)).get(root);
    if (error == simdjson::NUMBER_ERROR)
        return -1;
    if (error == simdjson::SUCCESS)
        tell(root, *teller);
    return error == simdjson::SUCCESS;
}
