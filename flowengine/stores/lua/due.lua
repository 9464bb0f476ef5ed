-- now, end of the lease, token, limit: timers as session, name, due, attempts.
local now, ends, token, limit = arg(), arg(), arg(), many()
local TIMERS, HELD = P .. 'timers', P .. 'timers_held'

local function read(member)
  local cut = string.find(member, '\0', 1, true)
  local key, name = string.sub(member, 1, cut - 1), string.sub(member, cut + 1)
  local found = call('HGET', P .. 'timers:' .. key, name)
  if found then
    return key, name, string.match(found, '^(%S+) (%S+) (%S+)$')
  end
end

for _, each in ipairs(call('ZRANGEBYSCORE', HELD, '-inf', now)) do
  local key, _, due = read(each)
  call('ZREM', HELD, each)
  if key then
    call('ZADD', TIMERS, due, each)
  end
end
local told = {}
repeat
  local found = call('ZRANGEBYSCORE', TIMERS, '-inf', now, 'LIMIT', 0, limit - #told)
  for _, each in ipairs(found) do
    local key, name, due, attempts = read(each)
    call('ZREM', TIMERS, each)
    if key then
      attempts = string.format('%.0f', tonumber(attempts) + 1)
      call('HSET', P .. 'timers:' .. key, name, due .. ' ' .. attempts .. ' ' .. token)
      call('ZADD', HELD, ends, each)
      outlast(HELD, call('PTTL', P .. 'timers:' .. key))
      told[#told + 1] = { key, name, due, attempts }
    end
  end
until #found == 0 or #told == limit
return told
