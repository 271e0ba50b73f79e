-- SPDX-License-Identifier: MIT
-- Run by `tidemill test`. Each case starts anew: send records, look at what comes out.
local h = test.load("bit_rate.lua", { params = { interval = 2 } })

test.case("bytes of an interval become bits per second", function()
  h:send { receive_bytes = 100 }
  test.eq(h:out(), { { receive_bytes = 100, bits_per_second = 400 } })
end)
