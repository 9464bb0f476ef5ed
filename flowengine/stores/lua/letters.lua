-- limit: at, kind, session, reason, payload, attempts of each, the newest first.
local limit = many()
local told = {}
if limit > 0 then
  for _, id in ipairs(call('ZREVRANGE', P .. 'letters', 0, limit - 1)) do
    local found = call('HMGET', P .. 'letter:' .. id, 'at', 'kind', 'session', 'reason', 'payload', 'attempts')
    if found[1] then
      told[#told + 1] = found
    end
  end
end
return told
