// SPDX-License-Identifier: MIT
#include "record/number_shim.h"
#include <charconv>

size_t number_shim_format(double value, char *out)
{
    return static_cast<size_t>(std::to_chars(out, out + 32, value).ptr - out);
}

int number_shim_parse(const char *text, size_t len, double *out)
{
    std::from_chars_result result = std::from_chars(text, text + len, *out);
    if (result.ec == std::errc::result_out_of_range)
        return 1;
    return result.ec == std::errc() && result.ptr == text + len ? 0 : -1;
}
