-- Publish once, however often the client repeats the call, and never past the high-water mark.
-- KEYS  1 stream  2 token    ARGV  1 payload  2 high-water mark  3 seconds to remember the token
-- Returns the entry's id, or 'FULL'.
local known = redis.call('GET', KEYS[2])
if known then return known end
if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[2]) then return 'FULL' end
local id = redis.call('XADD', KEYS[1], '*', '__data__', ARGV[1])
redis.call('SET', KEYS[2], id, 'EX', ARGV[3])
return id
