-- SPDX-License-Identifier: MIT
-- map: adds the bits per second; `params:` of the node are in `conf`.
return function(r)
  r.bits_per_second = r.receive_bytes * 8 // (conf.interval or 1)
  return r
end
