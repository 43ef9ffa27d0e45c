-- A page of the accounts, by name. KEYS: names, accounts. ARGV: behind which name, how many.
-- Returns each name, with the id behind it, and its account.
local found = {}
for _, name in ipairs(redis.call('ZRANGEBYLEX', KEYS[1], ARGV[1], '+', 'LIMIT', 0, ARGV[2])) do
  table.insert(found, { name, redis.call('HGET', KEYS[2], string.match(name, '\n(.*)$')) })
end
return found
