-- Ends sessions of one user, raises their generation where a sign-in under way must lose too, and does what else follows
-- from a change of their account.
-- KEYS: gate, sessions, outbox, whether the consequences are done, the session that is kept or renewed; then three of each
-- that ends. ARGV: the plan, as JSON.
-- Returns "again" when the consequences are done already; "retry" when other sessions are there than the plan knows; else
-- "ended", whether the one was renewed, and those that ended.
local plan = cjson.decode(ARGV[1])
if plan.once and redis.call('EXISTS', KEYS[4]) == 1 then
  return { 'again' }
end
if plan.whole then
  local known = {}
  for _, going in ipairs(plan.going) do
    known[going.member] = true
  end
  for _, member in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
    if #member ~= 13 or string.find(member, '%W') then
      redis.call('ZREM', KEYS[2], member) -- no session has such a name
    elseif member ~= plan.keep and not known[member] then
      return { 'retry' }
    end
  end
end
if plan.unused_since then
  local activity = redis.call('GET', KEYS[7])
  local latest = activity and string.match(activity, '^(%-?%d+) ')
  if not latest or tonumber(latest) > tonumber(plan.unused_since) then
    return { 'ended', 0, {} }
  end
end

go_on(KEYS[2])
if plan.owner or plan.raise ~= 'nothing' then
  local gate = read_gate(KEYS[1])
  if plan.owner then
    put_owner(gate, plan.owner)
  end
  if plan.raise ~= 'nothing' then
    gate.generation = gate.generation + 1
  end
  if plan.raise == 'sessions' then
    local kept = plan.keep and redis.call('GET', KEYS[5])
    local generation, rest = string.match(kept or '', '^(%d+)( .*)$')
    if generation and tonumber(generation) >= gate.floor then
      redis.call('SET', KEYS[5], string.format('%.0f', gate.generation) .. rest, 'KEEPTTL')
    end
    gate.floor = gate.generation
  end
  write_gate(KEYS[1], gate)
end

local went = {}
for place, going in ipairs(plan.going) do
  table.insert(went, leave(3 * place + 3, going, KEYS[2], KEYS[3]))
end

local renewed = 0
if plan.renewal then
  local session = redis.call('GET', KEYS[5])
  local generation, secret, rest = string.match(session or '', '^(%d+) (%S+) %S+ %S+( .*)$')
  if secret == plan.renewal.from then
    local head = generation .. ' ' .. plan.renewal.to .. ' ' .. secret .. ' ' .. plan.renewal.grace_until
    redis.call('SET', KEYS[5], head .. rest, 'KEEPTTL')
    renewed = 1
  end
end
if plan.once then
  redis.call('SET', KEYS[4], '1', 'PX', plan.once)
end
return { 'ended', renewed, went }
