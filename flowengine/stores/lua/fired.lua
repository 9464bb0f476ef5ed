-- session, name, token: 1 if it was held and goes.
local key, name, token = arg(), arg(), arg()
local found = call('HGET', P .. 'timers:' .. key, name)
if not found or string.match(found, '(%S+)$') ~= token then
  return 0
end
end_timer(key, name)
return 1
