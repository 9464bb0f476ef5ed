-- now, end of the lease, token, limit, now (rounded up) and end (down) in milliseconds: rows as id, kind, session,
-- payload, due, attempts.
local now, ends, token, limit, now_ms, ends_ms = arg(), arg(), arg(), many(), many(), many()

-- Rows whose lease is over may be taken again, in the order of all. Their holders still have them until then.
local function reclaim()
  local time = call('TIME')
  local idle = time[1] * 1000 + math.floor(time[2] / 1000) - (now_ms - BACK)
  local from = '0-0'
  repeat
    local found = call('XAUTOCLAIM', READY, GROUP, WORKER, string.format('%.0f', idle), from, 'COUNT', 100)
    for _, each in ipairs(found[2]) do
      local id = each[2][2]
      local ends = tonumber(call('HGET', P .. 'row:' .. id, 'until') or '-1')
      if ends < 0 then
        drop_row(id)
        call('XACK', READY, GROUP, each[1])
        call('XDEL', READY, each[1])
      elseif ends <= tonumber(now) then
        release(id)
        offer(id)
      else -- it ends within this very millisecond
        local back = string.format('%.0f', math.floor(ends * 1000) - BACK)
        call('XCLAIM', READY, GROUP, WORKER, 0, each[1], 'TIME', back, 'JUSTID')
      end
    end
    from = found[1]
  until from == '0-0'
end

if call('EXISTS', READY) == 1 then
  reclaim()
end
local ids, gone
repeat
  ids, gone = {}, false
  for _, each in ipairs(call('ZRANGEBYSCORE', DUE, '-inf', now, 'LIMIT', 0, limit)) do
    ids[#ids + 1] = id_of(each)
    if call('EXISTS', P .. 'row:' .. id_of(each)) == 0 then
      -- Its time was over before anybody swept it; another one may be the first of its lane now.
      gone = true
      drop_row(id_of(each))
      call('ZREM', DUE, each)
    end
  end
until not gone
lease(ids, ends_ms)
local told = {}
for i, id in ipairs(ids) do
  local row = P .. 'row:' .. id
  call('HSET', row, 'token', token, 'until', ends)
  local attempts = call('HINCRBY', row, 'attempts', 1)
  local found = call('HMGET', row, 'kind', 'session', 'payload', 'due')
  told[i] = { id, found[1], found[2], found[3], found[4], attempts }
end
return told
