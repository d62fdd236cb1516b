-- What becomes of a message whose handler failed: another try later, or a dead letter.
--
-- A retry stays pending, parked with an idle time that lets it be reclaimed after the backoff:
-- no second copy exists, so no other group of the stream ever sees the retry.
--
-- KEYS  1 stream  2 ledger  3 dead letters  4 documents  5 document.completed
-- ARGV  1 plan as JSON  2 payload  3 payload of document.completed
-- plan  group, consumer, id, sole, fence, awaited, passage   as in commit.lua
--       park     milliseconds of idle time to start from; absent for a dead letter
--       letter   fields of the dead letter
--       mark     field of the ledger to set to `dead`
--       document fields to set where the submission itself failed; score as in commit.lua
local plan = cjson.decode(ARGV[1])
local ledger = KEYS[2]
local pending = redis.call('XPENDING', KEYS[1], plan.group, plan.id, plan.id, 1)
if #pending == 0 then return 'GONE' end
if pending[1][2] ~= plan.consumer then return 'STOLEN' end

if plan.park then
  redis.call('XCLAIM', KEYS[1], plan.group, 'parked', 0, plan.id, 'IDLE', plan.park, 'JUSTID')
  return 'PARKED'
end
if plan.fence and redis.call('HGET', ledger, plan.fence[1]) ~= plan.fence[2] then
  return 'RETRACTED'
end

local fields = {'__data__', ARGV[2]}
for name, value in pairs(plan.letter) do
  fields[#fields + 1] = name
  fields[#fields + 1] = value
end
redis.call('XADD', KEYS[3], '*', unpack(fields))

if plan.document then
  local known = redis.call('HGET', ledger, 'failed_sequence')
  if not known or known < plan.document.failed_sequence then
    for field, value in pairs(plan.document) do redis.call('HSET', ledger, field, value) end
    redis.call('ZADD', KEYS[4], plan.score, plan.document.document_id)
  end
end
local open = 0
if plan.mark and redis.call('HSETNX', ledger, plan.mark, 'dead') == 1 then
  redis.call('HINCRBY', ledger, 'now:dead', 1)
  redis.call('HINCRBY', ledger, 'made:dead', 1)
  if plan.passage then
    open = -1
    if redis.call('HINCRBY', ledger, 'open:' .. plan.passage, -1) == 0 then
      redis.call('HDEL', ledger, 'open:' .. plan.passage)
    end
  end
end
if plan.awaited and redis.call('HDEL', ledger, plan.awaited) == 1 then open = -1 end
if open ~= 0 and redis.call('HINCRBY', ledger, 'open', open) == 0 and ARGV[3] ~= '' then
  redis.call('XADD', KEYS[5], 'MAXLEN', '~', 10000, '*', '__data__', ARGV[3])
end
redis.call('XACK', KEYS[1], plan.group, plan.id)
if plan.sole then redis.call('XDEL', KEYS[1], plan.id) end
return 'DEAD'
