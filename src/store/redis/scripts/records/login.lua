-- KEYS: logins, accounts. ARGV: what somebody signs in with. Returns their id and their account; or nothing.
local id = redis.call('HGET', KEYS[1], ARGV[1])
local account = id and redis.call('HGET', KEYS[2], id)
return account and { id, account }
