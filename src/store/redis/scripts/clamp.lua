-- Moves what a session has of the future back to now: its beginning, its proof, the time of its former secret, and its last hit
-- where that still is what was read. KEYS: session, activity, sessions. ARGV: member, the last hit that was read, now.
local session = redis.call('GET', KEYS[1])
if not session then
  return 0
end
local now = tonumber(ARGV[3])
local head, former_until, opened, rest = string.match(session, '^(%d+ %S+ %S+ )(%-?%d+) (%-?%d+)( .*)$')
local proved = head and string.match(rest, '"proved":(%-?%d+)')
if head and (tonumber(former_until) > now or tonumber(opened) > now or tonumber(proved or 0) > now) then
  if tonumber(proved or 0) > now then
    rest = string.gsub(rest, '"proved":%-?%d+', '"proved":' .. ARGV[3], 1)
  end
  former_until = tonumber(former_until) > now and ARGV[3] or former_until
  opened = tonumber(opened) > now and ARGV[3] or opened
  redis.call('SET', KEYS[1], head .. former_until .. ' ' .. opened .. rest, 'KEEPTTL')
end
local latest, activity = string.match(redis.call('GET', KEYS[2]) or '', '^(%-?%d+)( .*)$')
if latest and latest == ARGV[2] and tonumber(latest) > now then
  redis.call('SET', KEYS[2], ARGV[3] .. activity, 'KEEPTTL')
  redis.call('ZADD', KEYS[3], 'XX', ARGV[3], ARGV[1])
end
return 1
