-- SPDX-License-Identifier: MIT
-- Tells when a device has been quiet for params.quiet (5m), and when it is back.

local quiet = time.duration(conf.quiet or "5m")

return {
  version = 1,
  state = { last = state.value(), readings = state.counter(), away = state.value() },
  ports = { "alerts" },

  on_record = function(_, ctx)
    if ctx.away:get() then
      ctx.emit { device = ctx.key, event = "back", away_ms = ctx.time - ctx.last:get() }
      ctx.away:clear()
    end
    if ctx.time >= (ctx.last:get() or ctx.time) then -- records may come out of order
      ctx.last:set(ctx.time)
      ctx.timer("quiet", ctx.time + quiet)
    end
    ctx.readings:add(1)
  end,

  on_timer = function(_, ctx)
    ctx.away:set(true)
    ctx.emit({ device = ctx.key, event = "offline", last_seen = ctx.last:get(),
               readings = ctx.readings:get() }, "alerts")
  end,
}
