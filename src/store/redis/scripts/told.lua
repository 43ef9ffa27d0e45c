-- A user has told everything, unless they have done something since. KEYS: untold. ARGV: user, the time that was read.
if redis.call('ZSCORE', KEYS[1], ARGV[1]) == ARGV[2] then
  redis.call('ZREM', KEYS[1], ARGV[1])
end
return 1
