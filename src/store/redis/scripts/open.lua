-- Opens a session, if its owner's generation is still the one that was read before the proof was checked.
-- KEYS: gate, sessions, outbox, session, activity; then three of each session that goes for it. ARGV: the plan, as JSON.
-- Returns nothing when it lost; else "retry" and those that would have to go; or "opened" and those that went.
local plan = cjson.decode(ARGV[1])
local gate = read_gate(KEYS[1])
if gate.version == '-' or gate.disabled == '1' or gate.generation ~= tonumber(plan.generation) then
  return nil
end

local replaced = {}
for _, going in ipairs(plan.replaced) do
  replaced[going.member] = redis.call('ZSCORE', KEYS[2], going.member) or nil
end
-- Above the maximum the longest unused go, but never the new one, nor those that it replaces in any case.
local above, others = {}, redis.call('ZCARD', KEYS[2])
for _ in pairs(replaced) do
  others = others - 1
end
local too_many = others + 1 - math.max(tonumber(plan.max), 1)
if too_many > 0 then
  for _, member in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
    if #above < too_many and not replaced[member] then
      table.insert(above, member)
    end
  end
end
local expected = #above == #plan.evicted
for place, going in ipairs(plan.evicted) do
  expected = expected and going.member == above[place]
end
if not expected then
  return { 'retry', above }
end

redis.call('SET', KEYS[4], plan.session, 'PX', plan.backstop)
redis.call('SET', KEYS[5], plan.activity, 'PX', plan.backstop)
redis.call('ZADD', KEYS[2], plan.latest, plan.member)
local went, at = {}, 6
for _, all in ipairs({ plan.replaced, plan.evicted }) do
  for _, going in ipairs(all) do
    table.insert(went, leave(at, going, KEYS[2], KEYS[3]))
    at = at + 3
  end
end
redis.call('RPUSH', KEYS[3], plan.line)
return { 'opened', went }
