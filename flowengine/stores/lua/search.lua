-- text, after which key, limit: the last key that was looked at, then those that have the text.
local text, after, limit = arg(), arg(), arg()
local keys = call('ZRANGEBYLEX', P .. 'sessions', '(' .. after, '+', 'LIMIT', 0, limit)
local told = { keys[#keys] or false }

local function has(key)
  local data = call('HGET', P .. 'session:' .. key, 'data')
  if not data then
    return false
  end
  if string.find(data, text, 1, true) then
    return true
  end
  for _, row in ipairs(call('HVALS', P .. 'journal:' .. key)) do
    local _, head = string.find(row, '\n', 1, true)
    if string.find(row, text, head + 1, true) then
      return true
    end
  end
  return false
end

for _, key in ipairs(keys) do
  if has(key) then
    told[#told + 1] = key
  end
end
return told
