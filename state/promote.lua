-- Put staged keys in the place of a partition's own, at one moment.
-- KEYS: the partition's own, position first, then as many staged.  ARGV: 1 if it must not go back
-- Returns 1, or 0 where the partition is further than what is staged.

local function offset(key)
  return tonumber(string.match(redis.call('GET', key) or '0:0:0', '^(%d+):'))
end

local function epoch(key)
  return tonumber(string.match(redis.call('GET', key) or '', '^%d+:%d+:%d+:(%d+)$') or 0)
end

local half = #KEYS / 2
if ARGV[1] == '1' and offset(KEYS[1]) > offset(KEYS[half + 1]) then return 0 end
local next_epoch = math.max(epoch(KEYS[1]), epoch(KEYS[half + 1])) + 1
for i = 1, half do
  redis.call('UNLINK', KEYS[i])
  if redis.call('EXISTS', KEYS[half + i]) == 1 then redis.call('RENAME', KEYS[half + i], KEYS[i]) end
end
-- Whoever still holds rows from before this must not take the position for the one that they are of.
local here = string.match(redis.call('GET', KEYS[1]) or '', '^%d+:%d+:%d+')
if here then redis.call('SET', KEYS[1], here .. ':' .. next_epoch) end
return 1
