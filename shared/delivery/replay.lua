-- Put a dead letter back on its stream, once.
-- KEYS  1 dead letters  2 stream  3 ledger
-- ARGV  1 entry id  2 the mark to clear or ''  3 its passage or ''  4 sequence or ''
--       5 the field that awaits this retraction or ''
-- Returns the new entry's id, or '' where the letter is gone.
local letters = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])
if #letters == 0 then return '' end
local payload
for i = 1, #letters[1][2], 2 do
  if letters[1][2][i] == '__data__' then payload = letters[1][2][i + 1] end
end
local id
if ARGV[4] ~= '' then
  id = redis.call('XADD', KEYS[2], '*', '__data__', payload, '__sequence__', ARGV[4])
else
  id = redis.call('XADD', KEYS[2], '*', '__data__', payload)
end
if ARGV[2] ~= '' and redis.call('HGET', KEYS[3], ARGV[2]) == 'dead' then
  redis.call('HDEL', KEYS[3], ARGV[2])
  redis.call('HINCRBY', KEYS[3], 'now:dead', -1)
  if ARGV[3] ~= '' then
    redis.call('HINCRBY', KEYS[3], 'open', 1)
    redis.call('HINCRBY', KEYS[3], 'open:' .. ARGV[3], 1)
  end
end
if ARGV[5] ~= '' and redis.call('HSETNX', KEYS[3], ARGV[5], 1) == 1 then
  redis.call('HINCRBY', KEYS[3], 'open', 1)
end
redis.call('XDEL', KEYS[1], ARGV[1])
return id
