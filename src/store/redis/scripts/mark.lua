-- Before an act: its user may have something to say that the journal does not have yet. KEYS: untold. ARGV: the user, now.
go_on(KEYS[1])
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
return 1
