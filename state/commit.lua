-- Write a batch whole, if nobody has moved the partition meanwhile; else nothing.
-- KEYS: position, shop, customers, timers, products, ledgers, waiting, outbox, counters, destroying
-- ARGV: expected position, new position, new shop, published sequence, new sequence, then twelve
--       counts, then that many values each: rows set (id, row), rows deleted (id), timers set
--       (time, id), timers removed (id), products set (id, row), ledgers set (name, row), who waits
--       from now on (0, entry), who does no more (entry), outbox entries, counters (name, by),
--       outbox entries replaced (sequence, entry), ids of keys to be destroyed (customer, ids)
-- Returns 1, or 0 where the position is not the expected one.

local position = redis.call('GET', KEYS[1]) or '0:0:0'
if position ~= ARGV[1] then return 0 end

-- Lua refuses to unpack more than about 8,000 values on its stack; even, so that pairs stay together.
local UNPACK_MAX = 7000
local at = 18

local function send(command, key, count)
  local last = at + tonumber(count) - 1
  for i = at, last, UNPACK_MAX do
    redis.call(command, key, unpack(ARGV, i, math.min(i + UNPACK_MAX - 1, last)))
  end
  at = last + 1
end

redis.call('SET', KEYS[1], ARGV[2])
redis.call('SET', KEYS[2], ARGV[3])
send('HSET', KEYS[3], ARGV[6])
send('HDEL', KEYS[3], ARGV[7])
send('ZADD', KEYS[4], ARGV[8])
send('ZREM', KEYS[4], ARGV[9])
send('HSET', KEYS[5], ARGV[10])
send('HSET', KEYS[6], ARGV[11])
send('ZADD', KEYS[7], ARGV[12])
send('ZREM', KEYS[7], ARGV[13])
send('RPUSH', KEYS[8], ARGV[14])
for i = at, at + tonumber(ARGV[15]) - 1, 2 do
  -- One that does not fit any more must not end the script: what is below has to be done too.
  redis.pcall('HINCRBY', KEYS[9], ARGV[i], ARGV[i + 1])
end
at = at + tonumber(ARGV[15])

-- The outbox ends with the newest decision; one that is out already is not there to be replaced.
for i = at, at + tonumber(ARGV[16]) - 1, 2 do
  local place = tonumber(ARGV[i]) - tonumber(ARGV[5]) - 1
  if place < 0 and -place <= redis.call('LLEN', KEYS[8]) then
    redis.call('LSET', KEYS[8], place, ARGV[i + 1])
  end
end
at = at + tonumber(ARGV[16])

for i = at, at + tonumber(ARGV[17]) - 1, 2 do
  local key_ids = redis.call('HGET', KEYS[10], ARGV[i]) or ''
  for j = 1, #ARGV[i + 1], 8 do
    local key_id = string.sub(ARGV[i + 1], j, j + 7)
    local known = false
    for k = 1, #key_ids, 8 do known = known or string.sub(key_ids, k, k + 7) == key_id end
    if not known then key_ids = key_ids .. key_id end
  end
  redis.call('HSET', KEYS[10], ARGV[i], key_ids)
end

-- The outbox ends with the newest decision and has no gaps, so what stays can be counted from its end.
local unpublished = tonumber(ARGV[5]) - tonumber(ARGV[4])
if unpublished == 0 then
  redis.call('DEL', KEYS[8])
elseif unpublished > 0 then
  redis.call('LTRIM', KEYS[8], -unpublished, -1)
end
return 1
