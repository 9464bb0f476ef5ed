-- key: how many things went.
local key = arg()
local gone = end_session(key)
for _, dedupe in ipairs(call('SMEMBERS', P .. 'answers:' .. key)) do
  gone = gone + drop_answer(dedupe)
end
for _, id in ipairs(call('SMEMBERS', P .. 'rows:' .. key)) do
  gone = gone + drop_row(id)
end
for _, letter in ipairs(call('SMEMBERS', P .. 'buried:' .. key)) do
  gone = gone + drop_letter(letter)
end
call('DEL', P .. 'answers:' .. key, P .. 'rows:' .. key, P .. 'buried:' .. key)
return gone
