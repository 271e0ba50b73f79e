-- SPDX-License-Identifier: MIT
local h = test.load("traffic_average.lua", { key_by = "device", window = { tumbling = "60s" } })

local function reading(bytes, packets)
  return {
    device = "r1", receive_bytes = bytes, send_bytes = 0, receive_packets = packets,
    send_packets = 0,
  }
end

test.case("one average per device and minute", function()
  h:send(reading(100, 2), { time = 1000 })
  h:send(reading(50, 1), { time = 59999 })
  h:send(reading(7, 7), { time = 60000 })
  h:watermark(59998)
  test.eq(h:out(), {})
  h:watermark(59999)
  local out = h:out()
  test.eq(#out, 1)
  test.eq(out[1].device, "r1")
  test.eq(out[1].total_receive_bytes, 150)
  test.eq(out[1].average_receive_bytes, 50.0)
  test.eq(out[1].average_send_bytes, null)
end)

test.case("each case starts anew", function()
  h:watermark("end")
  test.eq(h:out(), {})
end)
