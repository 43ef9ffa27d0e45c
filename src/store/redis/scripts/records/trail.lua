-- What happened, from one end. KEYS: entries, the trail. ARGV: the end, behind which entry or nothing, how many.
local place = ARGV[2] ~= '' and string.match(redis.call('HGET', KEYS[1], ARGV[2]) or '', '^(%d+) ')
local ids
if ARGV[1] == 'oldest' then
  ids = redis.call('ZRANGEBYSCORE', KEYS[2], place and '(' .. place or '-inf', '+inf', 'LIMIT', 0, ARGV[3])
elseif ARGV[2] ~= '' and not place then
  return {}
else
  ids = redis.call('ZREVRANGEBYSCORE', KEYS[2], place and '(' .. place or '+inf', '-inf', 'LIMIT', 0, ARGV[3])
end
local found = {}
for _, id in ipairs(ids) do
  table.insert(found, redis.call('HGET', KEYS[1], id))
end
return found
