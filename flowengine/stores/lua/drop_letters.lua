-- All dead letters go: how many there were.
local letters = call('ZRANGE', P .. 'letters', 0, -1)
for _, id in ipairs(letters) do
  drop_letter(id)
end
return #letters
