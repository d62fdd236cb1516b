-- Renew the lease on a message, if this consumer still holds it.
-- KEYS  1 stream    ARGV  1 group  2 consumer  3 entry id    Returns 1 or 0.
local pending = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1)
if #pending == 0 or pending[1][2] ~= ARGV[2] then return 0 end
redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[3], 'JUSTID')
return 1
