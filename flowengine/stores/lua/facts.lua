-- What little questions ask: overdue (now, limit), letters, artefact (revision), ping, layout (ours).
local asked = arg()
if asked == 'overdue' then
  return call('ZRANGEBYSCORE', P .. 'live', '-inf', arg(), 'LIMIT', 0, arg())
elseif asked == 'letters' then
  return call('ZCARD', P .. 'letters')
elseif asked == 'artefact' then
  return call('HGET', P .. 'artefact:' .. arg(), 'artefact')
elseif asked == 'layout' then
  call('SET', P .. 'layout', arg(), 'NX')
  return call('GET', P .. 'layout')
end
return call('INCR', P .. 'pulse')
