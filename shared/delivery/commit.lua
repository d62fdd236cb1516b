-- Everything that handling one message changes in Redis, at once or not at all.
-- Redis does not roll a script back, so all checks come before the first write and XACK is last.
--
-- KEYS  1 input stream  2 ledger  3 documents  4 document.completed  5.. output streams
-- ARGV  1 plan as JSON  2 payload of document.completed  3.. one payload for each output
-- plan  group, consumer, id   who handles what
--       sole                  true where one group reads the input: the entry is deleted too
--       counted               1 where the input was counted in the ledger's `open`, else 0
--       drop                  true: acknowledge and write no outputs
--       fence {field, value}  the ledger must say this, or RETRACTED
--       base                  the document's sequence that the handler saw, or CONFLICT;
--                             SUPERSEDED where a later submission is already in
--       mark {field, value}   this stage is done with this message; already there: DUPLICATE
--       document {..}, score  fields of the document's ledger to set; its place in `documents`
--       introduced {pid=seq}, retracted [pid]   passages that come and go
--       outs [{key, groups}]  index into KEYS of each output, and how many groups read it
--       questions {pid, n}, expire seconds
local plan = cjson.decode(ARGV[1])
local ledger = KEYS[2]

local pending = redis.call('XPENDING', KEYS[1], plan.group, plan.id, plan.id, 1)
if #pending == 0 then return 'GONE' end
if pending[1][2] ~= plan.consumer then return 'STOLEN' end

local verdict = plan.drop and 'DROPPED' or 'DONE'
if not plan.drop then
  if plan.document then
    local known = redis.call('HGET', ledger, 'sequence') or ''
    if known >= plan.document.sequence then return 'SUPERSEDED' end
    if known ~= plan.base then return 'CONFLICT' end
  end
  if plan.fence and redis.call('HGET', ledger, plan.fence[1]) ~= plan.fence[2] then
    return 'RETRACTED'
  end
  if plan.mark and redis.call('HEXISTS', ledger, plan.mark[1]) == 1 then
    verdict = 'DUPLICATE'
  end
end

local function count(what, n)
  redis.call('HINCRBY', ledger, 'now:' .. what, n)
  if n > 0 then redis.call('HINCRBY', ledger, 'made:' .. what, n) end
end

local function unmark(field)
  local value = redis.call('HGET', ledger, field)
  if value then
    redis.call('HDEL', ledger, field)
    count(value, -1)
  end
end

local open = -plan.counted
if verdict == 'DONE' then
  for i, out in ipairs(plan.outs) do
    if out[2] > 0 then
      redis.call('XADD', KEYS[out[1]], '*', '__data__', ARGV[i + 2])
    else
      redis.call('XADD', KEYS[out[1]], 'MAXLEN', '~', 10000, '*', '__data__', ARGV[i + 2])
    end
    open = open + out[2]
  end
  for _, pid in ipairs(plan.retracted or {}) do
    redis.call('HDEL', ledger, 'passage:' .. pid)
    count('passages', -1)
    redis.call('HINCRBY', ledger, 'made:retracted', 1)
    for _, stage in ipairs({'summarizer', 'question_generator', 'indexer'}) do
      unmark('mark:' .. pid .. ':' .. stage)
    end
    local asked = tonumber(redis.call('HGET', ledger, 'asked:' .. pid) or 0)
    for ordinal = 0, asked - 1 do unmark('mark:' .. pid .. ':curator:' .. ordinal) end
    if asked > 0 then
      redis.call('HDEL', ledger, 'asked:' .. pid)
      count('questions', -asked)
    end
  end
  for pid, sequence in pairs(plan.introduced or {}) do
    redis.call('HSET', ledger, 'passage:' .. pid, sequence)
    count('passages', 1)
  end
  if plan.questions then
    redis.call('HSET', ledger, 'asked:' .. plan.questions[1], plan.questions[2])
    count('questions', plan.questions[2])
  end
  if plan.document then
    for field, value in pairs(plan.document) do redis.call('HSET', ledger, field, value) end
    redis.call('ZADD', KEYS[3], plan.score, plan.document.document_id)
  end
  if plan.mark then
    redis.call('HSET', ledger, plan.mark[1], plan.mark[2])
    count(plan.mark[2], 1)
  end
  if plan.expire then redis.call('EXPIRE', ledger, plan.expire) end
end

-- A counter at 0 means that nothing made of this document is under way anywhere.
if plan.counted == 1 or plan.document then
  local left = redis.call('HINCRBY', ledger, 'open', open)
  if left == 0 and ARGV[2] ~= '' then
    redis.call('XADD', KEYS[4], 'MAXLEN', '~', 10000, '*', '__data__', ARGV[2])
  end
end

redis.call('XACK', KEYS[1], plan.group, plan.id)
if plan.sole then redis.call('XDEL', KEYS[1], plan.id) end
return verdict
