-- Writes each kind of value that acts write, and leaves nothing. KEYS: a key that nobody reads.
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'probe', '1')
redis.call('DEL', KEYS[1])
redis.call('ZADD', KEYS[1], 1, 'probe')
redis.call('DEL', KEYS[1])
redis.call('RPUSH', KEYS[1], 'probe')
redis.call('DEL', KEYS[1])
redis.call('XADD', KEYS[1], '*', 'probe', '1')
redis.call('DEL', KEYS[1])
return 1
