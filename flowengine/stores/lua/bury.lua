-- id, token (both empty: nothing of the outbox), at, kind, session, reason, payload, attempts, expires, ttl.
local id, token = arg(), arg()
if id ~= '' and not held(id, token) then
  return 0
end
local letter = string.format('%.0f', call('INCR', P .. 'sequence'))
local row = P .. 'letter:' .. letter
local when, kind, session = arg(), arg(), arg()
call('HSET', row, 'at', when, 'kind', kind, 'session', session, 'reason', arg(), 'payload', arg(), 'attempts', arg())
local expires, ttl = arg(), arg()
call('PEXPIRE', row, ttl)
call('ZADD', P .. 'letters', letter, letter)
call('ZADD', P .. 'expiry', expires, 'l:' .. letter)
if session ~= '' then
  call('SADD', P .. 'buried:' .. session, letter)
  outlast(P .. 'buried:' .. session, ttl)
end
outlast(P .. 'letters', ttl)
outlast(P .. 'expiry', ttl)
if id ~= '' then
  drop_row(id)
end
return 1
