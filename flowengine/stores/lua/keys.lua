-- prefix, limit.
local prefix, limit = arg(), arg()
local told = {}
for _, key in ipairs(call('ZRANGEBYLEX', P .. 'sessions', '[' .. prefix, '(' .. prefix .. '\255', 'LIMIT', 0, limit)) do
  if call('EXISTS', P .. 'session:' .. key) == 1 then
    told[#told + 1] = key
  end
end
return told
