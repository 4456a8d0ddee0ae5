-- Add keys, retire some, and remove those that are destroyed; all of it, or nothing.
-- KEYS: keys, destroying, keylog
-- ARGV: expected keylog ('' for any), new keylog ('' for the same), 1 if what is removed is out of
--       `destroying` too, then three counts, then that many values each: keys added (customer,
--       key), ids of keys retired (customer, ids), ids of keys removed (customer, ids)
-- Returns 1, or 0 where the keylog is not the expected one.
-- A key is its id (8 characters), a mark ('+', or '-' where it is retired) and 60 bytes.

local KEY, ID = 69, 8
if ARGV[1] ~= '' and (redis.call('GET', KEYS[3]) or '0:0') ~= ARGV[1] then return 0 end
if ARGV[2] ~= '' then redis.call('SET', KEYS[3], ARGV[2]) end

local function place(text, id, length)
  for i = 1, #text, length do
    if string.sub(text, i, i + ID - 1) == id then return i end
  end
end

local function store(key, customer, text)
  if text == '' then redis.call('HDEL', key, customer) else redis.call('HSET', key, customer, text) end
end

local function without(key, customer, ids, length)
  local left = redis.call('HGET', key, customer) or ''
  for i = 1, #ids, ID do
    local at = place(left, string.sub(ids, i, i + ID - 1), length)
    if at then left = string.sub(left, 1, at - 1) .. string.sub(left, at + length) end
  end
  store(key, customer, left)
end

local at = 7
for i = at, at + tonumber(ARGV[4]) - 1, 2 do
  local customer, key = ARGV[i], ARGV[i + 1]
  local keys = redis.call('HGET', KEYS[1], customer) or ''
  local id = string.sub(key, 1, ID)
  local dying = redis.call('HGET', KEYS[2], customer) or ''
  if not place(keys, id, KEY) and not place(dying, id, ID) then store(KEYS[1], customer, keys .. key) end
end
at = at + tonumber(ARGV[4])

for i = at, at + tonumber(ARGV[5]) - 1, 2 do
  local keys = redis.call('HGET', KEYS[1], ARGV[i]) or ''
  for j = 1, #ARGV[i + 1], ID do
    local found = place(keys, string.sub(ARGV[i + 1], j, j + ID - 1), KEY)
    if found then keys = string.sub(keys, 1, found + ID - 1) .. '-' .. string.sub(keys, found + ID + 1) end
  end
  store(KEYS[1], ARGV[i], keys)
end
at = at + tonumber(ARGV[5])

for i = at, at + tonumber(ARGV[6]) - 1, 2 do
  without(KEYS[1], ARGV[i], ARGV[i + 1], KEY)
  if ARGV[3] == '1' then without(KEYS[2], ARGV[i], ARGV[i + 1], ID) end
end
if ARGV[3] == '1' then
  -- Whoever has read the topic before this must not bring back what is destroyed.
  local offset, times = string.match(redis.call('GET', KEYS[3]) or '0:0', '^(%d+):(%d+)$')
  redis.call('SET', KEYS[3], offset .. ':' .. (tonumber(times) + 1))
end
return 1
