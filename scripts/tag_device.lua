-- SPDX-License-Identifier: MIT
-- map: a reading does not say whose it is and when it was taken; the collector knows both.
return function(r)
  r.device = meta(r).split
  r.ts = time.now()
  return r
end
