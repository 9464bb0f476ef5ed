-- now, limit: how many things went, and how many of them were sessions.
local now, limit = arg(), arg()
local expired = call('ZRANGEBYSCORE', P .. 'expiry', '-inf', now, 'LIMIT', 0, limit)
local sessions = 0
for _, each in ipairs(expired) do
  local kind, name = string.sub(each, 1, 1), string.sub(each, 3)
  if kind == 's' then
    end_session(name)
    sessions = sessions + 1
  elseif kind == 'a' then
    drop_answer(name)
  elseif kind == 'e' then
    drop_row(name)
  elseif kind == 'l' then
    drop_letter(name)
  else
    call('DEL', P .. 'count:' .. name)
  end
  call('ZREM', P .. 'expiry', each)
end
return { #expired, sessions }
