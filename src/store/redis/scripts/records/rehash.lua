-- Replaces a hash by another of the same password. KEYS: passwords. ARGV: account, from, to. Returns whether it did.
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then
  return 0
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
