-- SPDX-License-Identifier: MIT
local h = test.load("offline.lua", { params = { quiet = "5m" } })

test.case("alerts once after five quiet minutes", function()
  h:send({ v = 1 }, { key = "dev-1", time = 0 })
  h:send({ v = 2 }, { key = "dev-2", time = "2m" })
  h:watermark("6m")
  test.eq(h:out("alerts"), { { device = "dev-1", event = "offline", last_seen = 0, readings = 1 } })
  h:watermark("6m")
  test.eq(h:out("alerts"), {})
end)

test.case("a reading moves the alert", function()
  h:send({}, { key = "dev-1", time = 0 })
  h:send({}, { key = "dev-1", time = "4m" })
  h:watermark("8m")
  test.eq(h:out("alerts"), {})
  h:watermark("9m")
  test.eq(h:out("alerts"),
          { { device = "dev-1", event = "offline", last_seen = 240000, readings = 2 } })
end)

test.case("a device that is back is told of", function()
  h:send({}, { key = "dev-1", time = 0 })
  h:watermark("5m")
  h:send({}, { key = "dev-1", time = "7m" })
  test.eq(h:out(), { { device = "dev-1", event = "back", away_ms = 420000 } })
end)
