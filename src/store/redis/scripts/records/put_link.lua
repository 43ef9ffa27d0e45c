-- Keeps a link in place of the earlier one. KEYS: as in journal.lua; then accounts, links, the link of each account.
-- ARGV: the plan, as JSON. Returns whether there is such an account.
local plan = cjson.decode(ARGV[1])
if redis.call('HEXISTS', KEYS[5], plan.id) == 0 then
  return 0
end
local earlier = redis.call('HGET', KEYS[7], plan.id)
if earlier then
  redis.call('HDEL', KEYS[6], earlier)
end
redis.call('HSET', KEYS[6], plan.link, plan.holder)
redis.call('HSET', KEYS[7], plan.id, plan.link)
write_journal(plan.lines)
return 1
