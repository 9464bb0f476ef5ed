-- key: the rows, in no order.
local key = arg()
if call('EXISTS', P .. 'session:' .. key) == 0 then
  key = call('GET', P .. 'alias:' .. key) or key
end
return call('HVALS', P .. 'journal:' .. key)
