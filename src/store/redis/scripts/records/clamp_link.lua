-- Moves back the end of a link, where it still is what was read. KEYS: links. ARGV: a link, what was read, what it is from now on.
if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
end
return 1
