-- dedupe, now, end of the lease, expires, ttl: 1 if the callback is ours now.
local dedupe, now, ends, expires, ttl = arg(), arg(), arg(), arg(), arg()
local row = P .. 'answer:' .. dedupe
local known = call('HMGET', row, 'answer', 'until')
if known[1] or (known[2] and tonumber(known[2]) > tonumber(now)) then
  return 0
end
call('HSET', row, 'until', ends)
call('PEXPIRE', row, ttl)
call('ZADD', P .. 'expiry', expires, 'a:' .. dedupe)
outlast(P .. 'expiry', ttl)
return 1
