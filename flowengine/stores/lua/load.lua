-- key, dedupe, records...: the session's own key, version, bytes, the stored answer, each record.
local key, dedupe = arg(), arg()
local found = call('HMGET', P .. 'session:' .. key, 'version', 'data')
if not found[1] then
  local owner = call('GET', P .. 'alias:' .. key)
  local row = owner and call('HMGET', P .. 'session:' .. owner, 'version', 'data')
  if row and row[1] then
    key, found = owner, row
  end
end
local answer = dedupe ~= '' and call('HGET', P .. 'answer:' .. dedupe, 'answer')
local told = { key, found[1], found[2], answer }
for n = 1, #ARGV - 2 do
  told[4 + n] = call('GET', P .. 'record:' .. arg())
end
return told
