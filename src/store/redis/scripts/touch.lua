-- A hit: moves forward only, and finds nothing to move when the session is gone.
-- KEYS: session, activity, sessions. ARGV: member, at, address, actions, the page with a space before it, or nothing.
if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
local activity = redis.call('GET', KEYS[2])
local latest, address, actions, page = string.match(activity or '', '^(%-?%d+) (%S+) (%d+)(.*)$')
if not latest then
  return 0
end
local newer = tonumber(ARGV[2]) >= tonumber(latest)
if newer then
  latest, address = ARGV[2], ARGV[3]
end
if ARGV[5] ~= '' and (newer or page == '') then
  page = ARGV[5]
end
actions = string.format('%.0f', math.min(tonumber(actions) + tonumber(ARGV[4]), 9007199254740991))
redis.call('SET', KEYS[2], latest .. ' ' .. address .. ' ' .. actions .. page, 'KEEPTTL')
redis.call('ZADD', KEYS[3], 'XX', 'GT', latest, ARGV[1])
return 1
