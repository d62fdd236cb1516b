-- May this consumer handle this message now?
-- KEYS  1 stream  2 ledger
-- ARGV  1 group  2 consumer  3 entry id  4 fence field  5 fence value  6 mark field
--       (4 to 6 are empty where the message has none)
-- Returns {verdict, deliveries}. Renews the lease, so that time spent queueing does not count.
local pending = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1)
if #pending == 0 then return {'GONE', 0} end
if pending[1][2] ~= ARGV[2] then return {'STOLEN', 0} end
redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[3], 'JUSTID')
local deliveries = pending[1][4]
if ARGV[4] == 'sequence' then
  local known = redis.call('HGET', KEYS[2], 'sequence')
  if known and known >= ARGV[5] then return {'SUPERSEDED', deliveries} end
elseif ARGV[4] ~= '' and redis.call('HGET', KEYS[2], ARGV[4]) ~= ARGV[5] then
  return {'RETRACTED', deliveries}
end
if ARGV[6] ~= '' and redis.call('HEXISTS', KEYS[2], ARGV[6]) == 1 then
  return {'DUPLICATE', deliveries}
end
return {'MINE', deliveries}
