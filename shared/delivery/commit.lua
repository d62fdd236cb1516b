-- Everything that handling one message changes in Redis, at once or not at all.
-- Redis does not roll a script back, so all checks come before the first write and XACK is last.
--
-- KEYS  1 input stream  2 ledger  3 documents  4 document.completed  5.. output streams
-- ARGV  1 plan as JSON  2 payload of document.completed  3.. one payload for each output
-- plan  group, consumer, id   who handles what
--       sole                  true where one group reads the input: the entry is deleted too
--       drop                  true: acknowledge and write no outputs
--       fence {field, value}  the ledger must say this, or RETRACTED
--       base                  the document's sequence that the handler saw, or CONFLICT;
--                             SUPERSEDED where a later submission is already in
--       mark {field, value}   this stage is done with this message; already there: DUPLICATE
--       awaited               field that is there until this group has settled this retraction
--       passage               whose message this is
--       document {..}, score  fields of the document's ledger to set; its place in `documents`
--       introduced {pid=seq}  passages that come
--       retracted [{pid, awaited fields}]   passages that go
--       outs [{key, groups, pid or ''}]     index into KEYS of each output, how many groups read
--                             it, and of which passage it is
--       questions {pid, n}, expire seconds
--
-- Returns the verdict, and the length of the longest output stream that is read.
--
-- `open` counts the deliveries about a document that nobody has settled, `open:PID` those of one
-- passage. Each is taken off once, by the first that settles it, however often it is delivered;
-- those of a passage that goes are taken off when it goes.
local plan = cjson.decode(ARGV[1])
local ledger = KEYS[2]

-- Before the question whose it is: an owner that lost it may have left something outside Redis.
if not plan.drop and plan.fence and redis.call('HGET', ledger, plan.fence[1]) ~= plan.fence[2] then
  return {'RETRACTED', 0}
end
local pending = redis.call('XPENDING', KEYS[1], plan.group, plan.id, plan.id, 1)
if #pending == 0 then return {'GONE', 0} end
if pending[1][2] ~= plan.consumer then return {'STOLEN', 0} end

local verdict = plan.drop and 'DROPPED' or 'DONE'
if not plan.drop then
  if plan.document then
    local known = redis.call('HGET', ledger, 'sequence') or ''
    if known >= plan.document.sequence then return {'SUPERSEDED', 0} end
    if known ~= plan.base then return {'CONFLICT', 0} end
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

local longest = 0
local open, opened = 0, {}
local function add(pid, n)
  open = open + n
  if pid ~= '' then opened[pid] = (opened[pid] or 0) + n end
end

if verdict == 'DONE' then
  for i, out in ipairs(plan.outs) do
    if out[2] > 0 then
      redis.call('XADD', KEYS[out[1]], '*', '__data__', ARGV[i + 2])
      longest = math.max(longest, redis.call('XLEN', KEYS[out[1]]))
    else
      redis.call('XADD', KEYS[out[1]], 'MAXLEN', '~', 10000, '*', '__data__', ARGV[i + 2])
    end
    add(out[3], out[2])
  end
  for _, gone in ipairs(plan.retracted or {}) do
    local pid = gone[1]
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
    open = open - tonumber(redis.call('HGET', ledger, 'open:' .. pid) or 0)
    redis.call('HDEL', ledger, 'open:' .. pid)
    for _, field in ipairs(gone[2]) do redis.call('HSET', ledger, field, 1) end
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
    if plan.passage then add(plan.passage, -1) end
  end
  if plan.expire then redis.call('EXPIRE', ledger, plan.expire) end
end
if plan.awaited and redis.call('HDEL', ledger, plan.awaited) == 1 then open = open - 1 end

for pid, n in pairs(opened) do
  if n ~= 0 and redis.call('HINCRBY', ledger, 'open:' .. pid, n) == 0 then
    redis.call('HDEL', ledger, 'open:' .. pid)
  end
end
-- At 0 nothing made of this document is under way anywhere.
if open ~= 0 or plan.document then
  local left = redis.call('HINCRBY', ledger, 'open', open)
  if left == 0 and ARGV[2] ~= '' then
    redis.call('XADD', KEYS[4], 'MAXLEN', '~', 10000, '*', '__data__', ARGV[2])
  end
end

redis.call('XACK', KEYS[1], plan.group, plan.id)
if plan.sole then redis.call('XDEL', KEYS[1], plan.id) end
return {verdict, longest}
