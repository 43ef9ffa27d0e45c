-- Before an act: its user has something here, and may have something to say that the journal does not have yet.
-- KEYS: owners, untold. ARGV: the user, now. Each mark is another one: who saw an earlier one does not take this one away.
go_on(KEYS[2])
redis.call('ZADD', KEYS[1], 0, ARGV[1])
local before = tonumber(redis.call('ZSCORE', KEYS[2], ARGV[1]) or -1)
redis.call('ZADD', KEYS[2], string.format('%.0f', math.max(tonumber(ARGV[2]), before + 1)), ARGV[1])
return 1
