-- SPDX-License-Identifier: MIT
-- aggregate: the traffic of one device in one window. The totals are summed natively; the function
-- runs once per window. Without packets there is no average: null, not an error.
local function per_packet(bytes, packets)
  if bytes and packets and packets > 0 then
    return bytes / packets
  end
  return null
end

return agg {
  total_receive_bytes = agg.sum "receive_bytes",
  total_send_bytes = agg.sum "send_bytes",
  total_receive_packets = agg.sum "receive_packets",
  total_send_packets = agg.sum "send_packets",

  finish = function(r)
    r.average_receive_bytes = per_packet(r.total_receive_bytes, r.total_receive_packets)
    r.average_send_bytes = per_packet(r.total_send_bytes, r.total_send_packets)
    return r
  end,
}
