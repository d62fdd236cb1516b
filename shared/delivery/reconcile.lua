-- Set a document's ledger right after the broker lost data, while nothing about it is under way.
-- KEYS  1 ledger  2 passage.retracted
-- ARGV  1 the document's sequence that the caller saw  2 recipe to note, or '' to leave it
--       3 JSON: for each retraction to publish, the fields that await it  4.. their payloads
-- Returns 1, or 0 where a later submission came between and nothing was done.
local ledger = KEYS[1]
if (redis.call('HGET', ledger, 'sequence') or '') ~= ARGV[1] then return 0 end
local open = 0
local awaited = cjson.decode(ARGV[3])
for i = 4, #ARGV do redis.call('XADD', KEYS[2], '*', '__data__', ARGV[i]) end
for _, field in ipairs(redis.call('HKEYS', ledger)) do
  if string.sub(field, 1, 5) == 'open:' or string.sub(field, 1, 5) == 'gone:' then
    redis.call('HDEL', ledger, field)
  end
end
for _, fields in ipairs(awaited) do
  for _, field in ipairs(fields) do
    redis.call('HSET', ledger, field, 1)
    open = open + 1
  end
end
redis.call('HSET', ledger, 'open', open)
if ARGV[2] ~= '' then redis.call('HSET', ledger, 'recipe', ARGV[2]) end
return 1
