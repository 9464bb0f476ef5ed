-- The outbox. A row that may be taken is in the sorted set `due` (score: when); of a lane only its first row. A row
-- that is being carried out is an entry of the stream `ready`, pending in its consumer group: the entry's delivery time
-- is the end of the lease. `place` says where a row is: order of writing, entry or "-", lane.
local READY, GROUP, WORKER = P .. 'ready', 'workers', 'worker'
local DUE, PLACE = P .. 'due', P .. 'place'
-- Delivery times must not lie in the future, so the ends of leases are moved back by about 31 years (milliseconds).
local BACK = 1000000000000

local function member(seq, id)
  return string.rep('0', 16 - #seq) .. seq .. ':' .. id
end

local function id_of(member)
  return string.sub(member, 18)
end

local function place(id)
  local found = call('HGET', PLACE, id)
  if found then
    return string.match(found, '^(%d+) (%S+) (.*)$')
  end
end

local function set_place(id, seq, entry, lane)
  call('HSET', PLACE, id, seq .. ' ' .. entry .. ' ' .. lane)
end

local function first(lane)
  return call('ZRANGE', P .. 'lane:' .. lane, 0, 0)[1]
end

-- Let a row be taken once it is due, if it is not behind another one of its lane.
local function offer(id)
  local seq, entry, lane = place(id)
  local due = call('HGET', P .. 'row:' .. id, 'due')
  if seq and due and entry == '-' and (lane == '' or first(lane) == member(seq, id)) then
    call('ZADD', DUE, due, member(seq, id))
  end
end

-- The row is no longer pending.
local function release(id)
  local seq, entry, lane = place(id)
  if seq and entry ~= '-' then
    call('XACK', READY, GROUP, entry)
    call('XDEL', READY, entry)
    set_place(id, seq, '-', lane)
  end
end

local function drop_row(id)
  local seq, entry, lane = place(id)
  if not seq then
    return 0
  end
  release(id)
  call('ZREM', DUE, member(seq, id))
  call('HDEL', PLACE, id)
  call('ZREM', P .. 'expiry', 'e:' .. id)
  local session = call('HGET', P .. 'row:' .. id, 'session')
  if session then
    call('SREM', P .. 'rows:' .. session, id)
  end
  call('DEL', P .. 'row:' .. id)
  if lane ~= '' then
    call('ZREM', P .. 'lane:' .. lane, member(seq, id))
    local next = first(lane)
    -- A first row whose time was over before anybody swept it holds up nobody.
    while next and call('EXISTS', P .. 'row:' .. id_of(next)) == 0 do
      release(id_of(next))
      call('ZREM', P .. 'lane:' .. lane, next)
      call('HDEL', PLACE, id_of(next))
      next = first(lane)
    end
    if next then
      offer(id_of(next))
    end
  end
  return 1
end

-- Hand rows out: into the stream, read from it by the group, and pending until their lease ends.
local function lease(ids, until_ms)
  if #ids == 0 then
    return
  end
  if call('EXISTS', READY) == 0 then
    call('XGROUP', 'CREATE', READY, GROUP, '0', 'MKSTREAM')
  end
  for _, id in ipairs(ids) do
    call('ZREM', DUE, member(place(id), id))
    call('XADD', READY, '*', 'id', id)
    outlast(READY, call('PTTL', P .. 'row:' .. id))
  end
  local read = call('XREADGROUP', 'GROUP', GROUP, WORKER, 'COUNT', #ids, 'STREAMS', READY, '>')
  for _, each in ipairs(read[1][2]) do
    local entry, id = each[1], each[2][2]
    call('XCLAIM', READY, GROUP, WORKER, 0, entry, 'TIME', string.format('%.0f', until_ms - BACK), 'JUSTID')
    local seq, _, lane = place(id)
    set_place(id, seq, entry, lane)
  end
end

local function held(id, token)
  local found = call('HGET', P .. 'row:' .. id, 'token')
  return found and found == token
end
