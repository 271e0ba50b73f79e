-- SPDX-License-Identifier: MIT
local h = test.load("explode.lua", { type = "flat_map", ports = { "invalid" } })

test.case("one record per item", function()
  h:send { order = 7, items = { { id = "a" }, { count = 1 }, { id = "b" } } }
  test.eq(h:out(), { { order = 7, id = "a", position = 1 }, { order = 7, id = "b", position = 3 } })
  test.eq(h:out("invalid"), { { order = 7, item = { count = 1 } } })
end)
