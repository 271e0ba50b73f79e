-- SPDX-License-Identifier: MIT
local h = test.load("mean.lua", { key_by = "device", window = { tumbling = "10s" } })

test.case("the mean of each device", function()
  h:send({ device = "a", rtt = 10 }, { time = 0 })
  h:send({ device = "b", rtt = 5 }, { time = 1 })
  h:send({ device = "a", rtt = 20 }, { time = "9s" })
  h:watermark("10s")
  local means = {}
  for _, out in ipairs(h:out()) do
    means[out.device] = out.mean
    test.eq(out.start, 0)
  end
  test.eq(means, { a = 15.0, b = 5.0 })
end)
