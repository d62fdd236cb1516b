-- Cut a stream below what every group has both been given and acknowledged: nothing is lost.
-- KEYS  1 stream    ARGV  the groups that must exist    Returns the number of entries cut.
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end

local function before(a, b)
  local ams, aseq = string.match(a, '(%d+)-(%d+)')
  local bms, bseq = string.match(b, '(%d+)-(%d+)')
  ams, aseq, bms, bseq = tonumber(ams), tonumber(aseq), tonumber(bms), tonumber(bseq)
  return ams < bms or (ams == bms and aseq < bseq)
end

local seen, oldest = {}, nil
for _, info in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local group = {}
  for i = 1, #info, 2 do group[info[i]] = info[i + 1] end
  seen[group.name] = true
  local needed = group['last-delivered-id']
  if group.pending > 0 then needed = redis.call('XPENDING', KEYS[1], group.name)[2] end
  if oldest == nil or before(needed, oldest) then oldest = needed end
end
for _, name in ipairs(ARGV) do
  if not seen[name] then return 0 end
end
if oldest == nil then return 0 end
return redis.call('XTRIM', KEYS[1], 'MINID', oldest)
