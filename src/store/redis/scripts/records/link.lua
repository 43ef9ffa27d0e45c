-- KEYS: links, accounts. ARGV: a link. Returns who holds it and until when, and their account; or nothing.
local holder = redis.call('HGET', KEYS[1], ARGV[1])
local id = holder and string.match(holder, '^(%S+) ')
local account = id and redis.call('HGET', KEYS[2], id)
return account and { holder, account }
