-- key: 1 if there was one.
local key = arg()
call('ZREM', P .. 'records', key)
return call('DEL', P .. 'record:' .. key)
