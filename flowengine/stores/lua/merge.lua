-- key, whether there is one, what it is, what it becomes: 1 if it was that.
local key, known, before, after = arg(), arg(), arg(), arg()
local found = call('GET', P .. 'record:' .. key)
if (found or '') ~= before or (found and '1' or '0') ~= known then
  return 0
end
call('SET', P .. 'record:' .. key, after)
call('ZADD', P .. 'records', 0, key)
return 1
