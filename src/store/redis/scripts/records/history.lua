-- A user's sign-ins, newest first. KEYS: entries, the sign-ins. ARGV: the user, behind which entry or nothing, how many.
local from = '+'
if ARGV[2] ~= '' then
  local place, moment, user = string.match(redis.call('HGET', KEYS[1], ARGV[2]) or '', '^(%d+) (%x+) (%S+)\n')
  -- Where the entry is gone by age, all that is older is gone too.
  if user ~= ARGV[1] then
    return {}
  end
  from = '(' .. moment .. place
end
local found = {}
for _, member in ipairs(redis.call('ZREVRANGEBYLEX', KEYS[2], from, '-', 'LIMIT', 0, ARGV[3])) do
  table.insert(found, redis.call('HGET', KEYS[1], string.sub(member, 33)))
end
return found
