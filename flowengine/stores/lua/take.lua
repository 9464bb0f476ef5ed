-- now, end of the lease, token, limit, now and end in milliseconds: rows as id, kind, session, payload, due, attempts.
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
      local ends = tonumber(call('HGET', P .. 'row:' .. id, 'until') or '0')
      if ends <= tonumber(now) then
        release(id)
        offer(id)
      else
        local back = string.format('%.0f', math.ceil(ends * 1000) - BACK)
        call('XCLAIM', READY, GROUP, WORKER, 0, each[1], 'TIME', back, 'JUSTID')
      end
    end
    from = found[1]
  until from == '0-0'
end

if call('EXISTS', READY) == 1 then
  reclaim()
end
local ids = {}
while #ids < limit do
  local due = call('ZRANGEBYSCORE', DUE, '-inf', now, 'LIMIT', #ids, limit - #ids)
  local gone = false
  for _, each in ipairs(due) do
    local id = id_of(each)
    if call('EXISTS', P .. 'row:' .. id) == 1 then
      ids[#ids + 1] = id
    else
      gone = true
      drop_row(id)
      call('ZREM', DUE, each)
    end
  end
  if not gone then
    break
  end
end
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
