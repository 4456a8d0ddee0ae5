-- Read the keys of some customers, at one moment.
-- KEYS: keys, destroying.  ARGV: customers…
-- Returns: their keys, and the ids of those that are to be destroyed.

-- Lua refuses to unpack more than about 8,000 values on its stack.
local UNPACK_MAX = 7000

local function all(key)
  local found = {}
  for i = 1, #ARGV, UNPACK_MAX do
    local part = redis.call('HMGET', key, unpack(ARGV, i, math.min(i + UNPACK_MAX - 1, #ARGV)))
    for j = 1, #part do found[#found + 1] = part[j] or '' end
  end
  return found
end

return {all(KEYS[1]), all(KEYS[2])}
