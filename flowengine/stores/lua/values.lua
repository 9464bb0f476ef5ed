-- Names of plain values.
local told = {}
for n = 1, #ARGV do
  told[n] = call('GET', P .. arg())
end
return told
