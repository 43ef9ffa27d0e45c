-- Tells the replicas which sessions have ended. KEYS: the log of ends, notes. ARGV: how many the log keeps, where they listen;
-- then of each: session, when, how.
go_on(KEYS[2])
for place = 3, #ARGV, 3 do
  local id, at, ending = ARGV[place], ARGV[place + 1], ARGV[place + 2]
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'id', id, 'at', at, 'ending', ending)
  redis.call('ZADD', KEYS[2], at, id)
end
redis.call('PUBLISH', ARGV[2], '1')
return 1
