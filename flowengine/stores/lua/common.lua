-- What every script begins with. KEYS[1] is the hash tag that all keys of a deployment share, "{prefix}".
-- Times are Unix seconds by the caller's clock, as text: a number that Lua wrote out would lose digits.
local call = redis.call
local P = KEYS[1] .. ':'

local at = 0
local function arg()
  at = at + 1
  return ARGV[at]
end
local function many()
  return tonumber(arg())
end

-- Keys that hold something of many sessions live as long as what is in them lives longest (milliseconds).
local function outlast(key, ttl)
  if call('PTTL', key) < tonumber(ttl) then
    call('PEXPIRE', key, ttl)
  end
end
