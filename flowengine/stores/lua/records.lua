-- prefix, after which key, limit: key and document of each.
local prefix, after, limit = arg(), arg(), arg()
local from = after == '' and '[' .. prefix or '(' .. after
local told = {}
for _, key in ipairs(call('ZRANGEBYLEX', P .. 'records', from, '(' .. prefix .. '\255', 'LIMIT', 0, limit)) do
  told[#told + 1] = key
  told[#told + 1] = call('GET', P .. 'record:' .. key)
end
return told
