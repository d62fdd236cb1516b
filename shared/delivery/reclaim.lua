-- Take over messages whose lease is over.
-- KEYS  1 stream    ARGV  1 group  2 consumer  3 idle milliseconds  4 how many at most
--       5 deliveries after which a message whose holder fell silent is a suspect
--       6 '1' to take suspects, '0' to take the others
-- A retry that is due is no suspect: its holder, `parked`, tells that its handler came to an end.
-- Returns {{{entry id, fields}..}, 1 where a suspect waits, else 0}.
local LOOKED_AT = 100
local over = redis.call('XPENDING', KEYS[1], ARGV[1], 'IDLE', ARGV[3], '-', '+', LOOKED_AT)
local taken, waiting = {}, 0
for _, each in ipairs(over) do
  local suspect = each[2] ~= 'parked' and each[4] >= tonumber(ARGV[5])
  if suspect ~= (ARGV[6] == '1') then
    if suspect then waiting = 1 end
  elseif #taken < tonumber(ARGV[4]) then
    local entry = redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], ARGV[3], each[1])[1]
    if entry then taken[#taken + 1] = entry end  -- else it was deleted, and is pending no more
  end
end
return {taken, waiting}
