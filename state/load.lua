-- Read everything that a batch needs, at one moment.
-- KEYS: position, shop, customers, timers, products, ledgers
-- ARGV: due_until ('' for none), due_max, numbers of customers and of products, customer ids…,
--       product ids…, names of ledgers…
-- Returns: position, shop, customer rows, product rows, due (id, time, …), rows of the due,
--          ledgers.

-- Lua refuses to unpack more than about 8,000 values on its stack.
local UNPACK_MAX = 7000

local function rows(key, ids, first, last)
  local found = {}
  for i = first, last, UNPACK_MAX do
    local part = redis.call('HMGET', key, unpack(ids, i, math.min(i + UNPACK_MAX - 1, last)))
    for j = 1, #part do found[#found + 1] = part[j] end
  end
  return found
end

local customers_last = 4 + tonumber(ARGV[3])
local products_last = customers_last + tonumber(ARGV[4])
local due, due_ids = {}, {}
if ARGV[1] ~= '' then
  due = redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', ARGV[1], 'WITHSCORES', 'LIMIT', 0, ARGV[2])
  for i = 1, #due, 2 do due_ids[#due_ids + 1] = due[i] end
end
return {
  redis.call('GET', KEYS[1]),
  redis.call('GET', KEYS[2]),
  rows(KEYS[3], ARGV, 5, customers_last),
  rows(KEYS[5], ARGV, customers_last + 1, products_last),
  due,
  rows(KEYS[3], due_ids, 1, #due_ids),
  rows(KEYS[6], ARGV, products_last + 1, #ARGV),
}
