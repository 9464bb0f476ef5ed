-- Taking away what belongs to a session.
local function timer_member(key, name)
  return key .. '\0' .. name
end

local function end_timer(key, name)
  call('HDEL', P .. 'timers:' .. key, name)
  call('ZREM', P .. 'timers', timer_member(key, name))
  call('ZREM', P .. 'timers_held', timer_member(key, name))
end

local function unpin(key)
  local revision = call('HGET', P .. 'pins', key)
  if revision then
    call('HDEL', P .. 'pins', key)
    call('ZREM', P .. 'live:' .. revision, key)
    call('SREM', P .. 'over:' .. revision, key)
  end
end

local function end_session(key)
  for _, alias in ipairs(call('SMEMBERS', P .. 'aliases:' .. key)) do
    call('DEL', P .. 'alias:' .. alias)
  end
  for _, name in ipairs(call('HKEYS', P .. 'timers:' .. key)) do
    end_timer(key, name)
  end
  local gone = call('DEL', P .. 'session:' .. key)
  gone = gone + call('DEL', P .. 'aliases:' .. key, P .. 'timers:' .. key, P .. 'journal:' .. key)
  unpin(key)
  call('ZREM', P .. 'sessions', key)
  call('ZREM', P .. 'live', key)
  call('ZREM', P .. 'expiry', 's:' .. key)
  return gone
end

local function drop_answer(dedupe)
  local session = call('HGET', P .. 'answer:' .. dedupe, 'session')
  if session then
    call('SREM', P .. 'answers:' .. session, dedupe)
  end
  call('ZREM', P .. 'expiry', 'a:' .. dedupe)
  return call('DEL', P .. 'answer:' .. dedupe)
end

local function drop_letter(id)
  local session = call('HGET', P .. 'letter:' .. id, 'session')
  if session then
    call('SREM', P .. 'buried:' .. session, id)
  end
  call('ZREM', P .. 'letters', id)
  call('ZREM', P .. 'expiry', 'l:' .. id)
  return call('DEL', P .. 'letter:' .. id)
end
