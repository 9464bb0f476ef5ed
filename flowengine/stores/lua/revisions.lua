-- dropped: each revision as hash, when it was kept, sessions, live ones; artefacts kept before `dropped` that nothing
-- runs on go first.
local dropped = arg()
local told = {}
for _, revision in ipairs(call('SMEMBERS', P .. 'revisions')) do
  local kept = call('HGET', P .. 'artefact:' .. revision, 'kept')
  local live = call('ZCARD', P .. 'live:' .. revision)
  local all = live + call('SCARD', P .. 'over:' .. revision)
  if all == 0 and kept and tonumber(kept) <= tonumber(dropped) then
    call('DEL', P .. 'artefact:' .. revision)
    kept = false
  end
  if kept or all > 0 then
    told[#told + 1] = { revision, kept or '0', all, live }
  else
    call('SREM', P .. 'revisions', revision)
  end
end
return told
