-- SPDX-License-Identifier: MIT
local h = test.load("tag_device.lua")

test.case("a reading gets its device and time", function()
  h:send({ receive_bytes = 1 }, { time = 1000 })
  local out = h:out()
  test.eq(#out, 1)
  test.eq(out[1].receive_bytes, 1)
  test.ok(math.type(out[1].ts) == "integer")
end)
