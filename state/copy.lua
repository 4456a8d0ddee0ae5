-- Copy all keys of a partition to others, at one moment.
-- KEYS: the keys to copy, then as many to copy to.  Returns 1.

local half = #KEYS / 2
for i = 1, half do
  redis.call('UNLINK', KEYS[half + i])
  redis.call('COPY', KEYS[i], KEYS[half + i])
end
return 1
