-- revision, after which key, limit: whether there may be more, then key and bytes of each.
local revision, after, limit = arg(), arg(), arg()
local keys = call('ZRANGEBYLEX', P .. 'live:' .. revision, '(' .. after, '+', 'LIMIT', 0, limit)
local told = { keys[#keys] or false }
for _, key in ipairs(keys) do
  local data = call('HGET', P .. 'session:' .. key, 'data')
  if data then
    told[#told + 1] = key
    told[#told + 1] = data
  end
end
return told
