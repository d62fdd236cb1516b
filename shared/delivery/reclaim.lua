-- Take over messages whose lease is over.
-- KEYS  1 stream    ARGV  1 group  2 consumer  3 idle milliseconds  4 how many at most
-- Returns {{entry id, fields, 1 where the former holder fell silent, 0 for a retry that is due}}.
local over = redis.call('XPENDING', KEYS[1], ARGV[1], 'IDLE', ARGV[3], '-', '+', ARGV[4])
local taken = {}
for _, each in ipairs(over) do
  local entry = redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], ARGV[3], each[1])[1]
  if entry then  -- an entry that was deleted is no longer pending now
    taken[#taken + 1] = {entry[1], entry[2], each[2] == 'parked' and 0 or 1}
  end
end
return taken
