-- SPDX-License-Identifier: MIT
-- aggregate by hand: the mean round trip of a key and window. What agg.avg does natively, as a
-- pattern for what it does not.
return {
  version = 1,
  init = function()
    return { n = 0, sum = 0 }
  end,
  add = function(a, r)
    a.n = a.n + 1
    a.sum = a.sum + r.rtt
    return a
  end,
  merge = function(a, b)
    return { n = a.n + b.n, sum = a.sum + b.sum }
  end,
  finish = function(a, w)
    return { device = w.key, start = w.start, mean = a.sum / a.n }
  end,
}
