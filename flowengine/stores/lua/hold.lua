-- id, token, end of the lease, the same in milliseconds, rounded down: 1 if it is still held.
local id, token, ends, ends_ms = arg(), arg(), arg(), many()
if not held(id, token) then
  return 0
end
call('HSET', P .. 'row:' .. id, 'until', ends)
local _, entry = place(id)
if entry == '-' then
  lease({ id }, ends_ms)
else
  call('XCLAIM', READY, GROUP, WORKER, 0, entry, 'TIME', string.format('%.0f', ends_ms - BACK), 'JUSTID')
end
return 1
