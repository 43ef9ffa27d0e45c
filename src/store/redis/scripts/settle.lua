-- How a try ended. KEYS: counters that begin anew, then those that get one try back, which opens them.
-- ARGV: how many begin anew; the caller.
if ARGV[2] == 'signed in' then
  go_on(KEYS[1])
end
local anew = tonumber(ARGV[1])
for place, key in ipairs(KEYS) do
  if place <= anew then
    redis.call('DEL', key)
  else
    local value = redis.call('GET', key)
    if value then
      local tries = string.match(value, '^%S+(.*)$')
      tries = string.match(tries, '^(.*) %-?%d+$') or ''
      redis.call('SET', key, '-' .. tries, 'KEEPTTL')
    end
  end
end
return 1
