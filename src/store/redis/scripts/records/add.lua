-- Adds an account. Nobody may sign in with what signs somebody else in.
-- KEYS: as in journal.lua; then accounts, logins, names, passwords. ARGV: the plan, as JSON.
-- Returns "added", or what is taken: "name", "email", or "id".
local plan = cjson.decode(ARGV[1])
for place, login in ipairs(plan.logins) do
  if redis.call('HEXISTS', KEYS[6], login) == 1 then
    return place == 1 and 'name' or 'email'
  end
end
if redis.call('HEXISTS', KEYS[5], plan.id) == 1 then
  return 'id'
end
redis.call('HSET', KEYS[5], plan.id, plan.account)
for _, login in ipairs(plan.logins) do
  redis.call('HSET', KEYS[6], login, plan.id)
end
for _, alias in ipairs(plan.aliases) do
  redis.call('HSETNX', KEYS[6], alias, plan.id)
end
if plan.password then
  redis.call('HSET', KEYS[8], plan.id, plan.password)
end
redis.call('ZADD', KEYS[7], 0, plan.name)
write_journal(plan.lines)
return 'added'
