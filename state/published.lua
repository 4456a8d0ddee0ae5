-- Let go of the decisions that the broker has acknowledged.
-- KEYS: position, outbox.  ARGV: published sequence

local position = redis.call('GET', KEYS[1]) or '0:0:0'
local unpublished = tonumber(string.match(position, '^%d+:%d+:(%d+)')) - tonumber(ARGV[1])
-- More than was ever decided here: who says that speaks of rows that others have taken the place of.
if unpublished < 0 then return 0 end
if unpublished == 0 then
  redis.call('DEL', KEYS[2])
else
  redis.call('LTRIM', KEYS[2], -unpublished, -1)
end
return 1
