-- SPDX-License-Identifier: MIT
-- flat_map: one order into one record per item; items without an id leave by the port `invalid`
-- (declare it: `ports: [invalid]`).
return function(r, emit)
  for i, item in ipairs(r.items) do
    if item.id then
      emit { order = r.order, id = item.id, position = i }
    else
      emit({ order = r.order, item = item }, "invalid")
    end
  end
end
