-- Drops entries of the journal. KEYS: entries, trail, entries by time, failed sign-ins of nobody and of users; then what the lines name. ARGV: the lines, as JSON.
for _, line in ipairs(cjson.decode(ARGV[1])) do
  redis.call('HDEL', KEYS[1], line.id)
  redis.call('ZREM', KEYS[2], line.id)
  redis.call('ZREM', KEYS[3], line.id)
  redis.call('ZREM', KEYS[4], line.id)
  redis.call('ZREM', KEYS[5], line.id)
  if line.trail then
    redis.call('ZREM', KEYS[line.trail], line.id)
  end
  for _, sign_ins in ipairs(line.sign_ins) do
    redis.call('ZREM', KEYS[sign_ins], line.member)
  end
end
return 1
