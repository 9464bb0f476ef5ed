-- Everything that one turn changes. All that can refuse it is looked at before the first write.
local key, version, data, now, ttl = arg(), arg(), arg(), arg(), arg()
local expires, swept, over, revision = arg(), arg(), arg(), arg()
local dedupe, answer, kept, kept_ttl = arg(), arg(), arg(), arg()
local n, journal = arg(), arg()
local session = P .. 'session:' .. key

local function list(width)
  local found = {}
  for i = 1, many() do
    found[i] = {}
    for j = 1, width do
      found[i][j] = arg()
    end
  end
  return found
end
local aliases, drops, timers = list(1), list(1), list(2)
local counts, records, effects = list(3), list(4), list(8)

local function refused()
  if dedupe ~= '' and call('HEXISTS', P .. 'answer:' .. dedupe, 'answer') == 1 then
    return 'duplicate'
  end
  local stored = call('HGET', session, 'version') or '0'
  if stored ~= version or (version == '0' and call('EXISTS', P .. 'alias:' .. key) == 1) then
    return 'conflict'
  end
  local asked = {}
  for _, count in ipairs(counts) do
    local name = P .. 'count:' .. count[1] .. ':' .. count[2]
    asked[name] = (asked[name] or 0) + 1
    if tonumber(call('GET', name) or '0') + asked[name] > tonumber(count[3]) then
      return 'limit'
    end
  end
  if n ~= '' and call('HEXISTS', P .. 'journal:' .. key, n) == 1 then
    return 'turn'
  end
  local going, ids = {}, {}
  for _, lane in ipairs(drops) do
    going[lane[1]] = true
  end
  for _, effect in ipairs(effects) do
    local id = effect[1]
    local seq, _, lane = place(id)
    local leased = seq and tonumber(call('HGET', P .. 'row:' .. id, 'until') or '0') > tonumber(now)
    if ids[id] or (seq and (leased or not going[lane])) then
      return 'effect'
    end
    ids[id] = true
  end
  for _, record in ipairs(records) do
    local found = call('GET', P .. 'record:' .. record[1])
    if (found or '') ~= record[3] or (found and '1' or '0') ~= record[2] then
      return 'record'
    end
  end
end

local function write_session()
  call('HSET', session, 'version', string.format('%.0f', tonumber(version) + 1), 'data', data)
  call('PEXPIRE', session, ttl)
  call('ZADD', P .. 'sessions', 0, key)
  call('ZADD', P .. 'expiry', swept, 's:' .. key)
  if over == '1' then
    call('ZREM', P .. 'live', key)
  else
    call('ZADD', P .. 'live', expires, key)
    outlast(P .. 'live', ttl)
  end
  outlast(P .. 'sessions', ttl)
end

local function pin()
  if version == '0' then
    unpin(key)
  end
  local pinned = call('HGET', P .. 'pins', key)
  if revision ~= '' and pinned ~= revision then
    unpin(key)
    call('HSET', P .. 'pins', key, revision)
    call('SADD', P .. 'revisions', revision)
    outlast(P .. 'pins', ttl)
  end
  local current = revision ~= '' and revision or pinned
  if current and over == '1' then
    call('ZREM', P .. 'live:' .. current, key)
    call('SADD', P .. 'over:' .. current, key)
    outlast(P .. 'over:' .. current, ttl)
  elseif current then
    call('SREM', P .. 'over:' .. current, key)
    call('ZADD', P .. 'live:' .. current, 0, key)
    outlast(P .. 'live:' .. current, ttl)
  end
end

local function write_answer()
  local row, own = P .. 'answer:' .. dedupe, P .. 'answers:' .. key
  call('DEL', row)
  call('HSET', row, 'answer', answer, 'session', key)
  call('PEXPIRE', row, kept_ttl)
  call('SADD', own, dedupe)
  outlast(own, kept_ttl)
  call('ZADD', P .. 'expiry', kept, 'a:' .. dedupe)
end

local function write_aliases()
  local own = P .. 'aliases:' .. key
  for _, each in ipairs(aliases) do
    local owner = call('GET', P .. 'alias:' .. each[1])
    if owner and owner ~= key then
      call('SREM', P .. 'aliases:' .. owner, each[1])
    end
    call('SET', P .. 'alias:' .. each[1], key)
    call('SADD', own, each[1])
  end
  for _, alias in ipairs(call('SMEMBERS', own)) do
    call('PEXPIRE', P .. 'alias:' .. alias, ttl)
  end
  call('PEXPIRE', own, ttl)
end

local function write_timers()
  for _, each in ipairs(timers) do
    local name, due = each[1], each[2]
    end_timer(key, name)
    if due ~= '' then
      call('HSET', P .. 'timers:' .. key, name, due .. ' 0 -')
      call('ZADD', P .. 'timers', due, timer_member(key, name))
      outlast(P .. 'timers', ttl)
    end
  end
  call('PEXPIRE', P .. 'timers:' .. key, ttl)
end

local function write_row(effect)
  local id, kind, payload, due, lane, rank, last, row_ttl = unpack(effect)
  local row, seq = P .. 'row:' .. id, string.format('%.0f', call('INCR', P .. 'sequence'))
  call('HSET', row, 'kind', kind, 'session', key, 'payload', payload, 'due', due, 'attempts', 0, 'until', 0)
  call('PEXPIRE', row, row_ttl)
  call('SADD', P .. 'rows:' .. key, id)
  call('ZADD', P .. 'expiry', last, 'e:' .. id)
  set_place(id, seq, '-', lane)
  if lane ~= '' then
    local before = first(lane)
    call('ZADD', P .. 'lane:' .. lane, rank, member(seq, id))
    if before and first(lane) ~= before then
      call('ZREM', DUE, before)
    end
    outlast(P .. 'lane:' .. lane, row_ttl)
  end
  offer(id)
  for _, shared in ipairs({ P .. 'rows:' .. key, P .. 'expiry', PLACE, DUE }) do
    outlast(shared, row_ttl)
  end
end

local function write_effects()
  for _, each in ipairs(drops) do
    for _, found in ipairs(call('ZRANGE', P .. 'lane:' .. each[1], 0, -1)) do
      local id = id_of(found)
      if tonumber(call('HGET', P .. 'row:' .. id, 'until') or '0') <= tonumber(now) then
        drop_row(id)
      end
    end
  end
  for _, each in ipairs(effects) do
    write_row(each)
  end
end

local verdict = refused()
if verdict then
  return verdict
end
write_session()
pin()
if dedupe ~= '' then
  write_answer()
end
if n ~= '' then
  call('HSET', P .. 'journal:' .. key, n, journal)
end
call('PEXPIRE', P .. 'journal:' .. key, ttl)
write_aliases()
write_timers()
write_effects()
for _, each in ipairs(counts) do
  local name = each[1] .. ':' .. each[2]
  call('INCR', P .. 'count:' .. name)
  call('PEXPIRE', P .. 'count:' .. name, kept_ttl)
  call('ZADD', P .. 'expiry', kept, 'c:' .. name)
end
for _, each in ipairs(records) do
  call('SET', P .. 'record:' .. each[1], each[4])
  call('ZADD', P .. 'records', 0, each[1])
end
outlast(P .. 'expiry', ttl)
outlast(P .. 'expiry', kept_ttl)
return 'done'
