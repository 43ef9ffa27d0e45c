-- Changes an account that is as it was read, writes that down, and keeps what follows.
-- KEYS: as in journal.lua; then accounts, logins, names, passwords, links, the link of each account, devices, their last use,
-- consequences. ARGV: the plan, as JSON.
-- Returns "retry" when the account has changed meanwhile, "no" when the link or the password is not what it must be; or "done".
local plan = cjson.decode(ARGV[1])
if plan.link and redis.call('HGET', KEYS[9], plan.link) ~= plan.holder then
  return 'no'
end
if redis.call('HGET', KEYS[5], plan.id) ~= plan.was then
  return 'retry'
end
if plan.password_was and (redis.call('HGET', KEYS[8], plan.id) or '') ~= plan.password_was then
  return 'no'
end

go_on(KEYS[3])
if plan.account then
  redis.call('HSET', KEYS[5], plan.id, plan.account)
else
  redis.call('HDEL', KEYS[5], plan.id)
  for _, login in ipairs(plan.logins) do
    if redis.call('HGET', KEYS[6], login) == plan.id then
      redis.call('HDEL', KEYS[6], login)
    end
  end
  redis.call('ZREM', KEYS[7], plan.name)
  redis.call('HDEL', KEYS[8], plan.id)
end
if plan.password then
  redis.call('HSET', KEYS[8], plan.id, plan.password)
end
if plan.kills_link then
  local link = redis.call('HGET', KEYS[10], plan.id)
  if link then
    redis.call('HDEL', KEYS[9], link)
    redis.call('HDEL', KEYS[10], plan.id)
  end
end
if plan.forgets_devices then
  local kept = {}
  for _, device in ipairs(read_devices(KEYS[11], plan.id)) do
    if device.digest == plan.device then
      table.insert(kept, device)
    end
  end
  write_devices(KEYS[11], KEYS[12], plan.id, kept)
end

local place = write_journal(plan.lines)
redis.call('HSET', KEYS[13], plan.consequence.id, place .. ' ' .. plan.consequence.at .. '\n' .. plan.consequence.body)
return 'done'
