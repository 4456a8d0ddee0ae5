-- Read everything that a batch needs, at one moment.
-- KEYS: position, shop, customers, timers, products, ledgers, waiting
-- ARGV: due_until ('' for none), due_max; how the entries of the waiters begin ('' for none), the
--       customer whom they come after, waiters_max; numbers of customers, of products and of
--       ledgers, customer ids…, product ids…, names of ledgers…; and how the entries begin of those
--       who wait for a product of which is asked whether anybody does…
-- Returns: position, shop, customer rows, product rows, due (id, time, …), rows of the due, ledgers,
--          how many wait (0 or 1) for each product, waiters (id), rows of the waiters.

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

-- No text in UTF-8 holds the byte 255, so it comes after all that begin like this.
local function waiting(beginning, after, count)
  local last = '(' .. beginning .. '\255'
  return redis.call('ZRANGEBYLEX', KEYS[7], '(' .. beginning .. after, last, 'LIMIT', 0, count)
end

local customers_last = 8 + tonumber(ARGV[6])
local products_last = customers_last + tonumber(ARGV[7])
local ledgers_last = products_last + tonumber(ARGV[8])
local due, due_ids, awaited, waiters = {}, {}, {}, {}
if ARGV[1] ~= '' then
  due = redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', ARGV[1], 'WITHSCORES', 'LIMIT', 0, ARGV[2])
  for i = 1, #due, 2 do due_ids[#due_ids + 1] = due[i] end
end
for i = ledgers_last + 1, #ARGV do awaited[#awaited + 1] = #waiting(ARGV[i], '', 1) end
if ARGV[3] ~= '' then
  for _, entry in ipairs(waiting(ARGV[3], ARGV[4], ARGV[5])) do
    waiters[#waiters + 1] = string.sub(entry, #ARGV[3] + 1)
  end
end
return {
  redis.call('GET', KEYS[1]),
  redis.call('GET', KEYS[2]),
  rows(KEYS[3], ARGV, 9, customers_last),
  rows(KEYS[5], ARGV, customers_last + 1, products_last),
  due,
  rows(KEYS[3], due_ids, 1, #due_ids),
  rows(KEYS[6], ARGV, products_last + 1, ledgers_last),
  awaited,
  waiters,
  rows(KEYS[3], waiters, 1, #waiters),
}
