-- id, token, due: 1 if it was held.
local id, token, due = arg(), arg(), arg()
if not held(id, token) then
  return 0
end
call('HSET', P .. 'row:' .. id, 'due', due, 'until', 0)
call('HDEL', P .. 'row:' .. id, 'token')
release(id)
offer(id)
return 1
