-- SPDX-License-Identifier: MIT
-- filter: keeps readings of devices that received something.
return function(r)
  return r.receive_bytes > 0
end
