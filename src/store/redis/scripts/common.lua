-- What several scripts share; it stands before each that uses it.

-- The gate's value: generation, floor, version, whether its user is disabled; then, on lines of its own, what they may do.
local function read_gate(key)
  local value = redis.call('GET', key)
  if not value then
    return { generation = 0, floor = 0, version = '-', disabled = '0', rest = '' }
  end
  local generation, floor, version, disabled, rest = string.match(value, '^(%d+) (%d+) (%S+) (%d)\n(.*)$')
  if not generation then
    -- Nobody wrote it like that: whoever it lets in cannot be told, and so it lets in nobody who is in.
    local now = tonumber(redis.call('TIME')[1]) * 1000
    return { generation = now, floor = now, version = '-', disabled = '0', rest = '' }
  end
  return {
    generation = tonumber(generation), floor = tonumber(floor), version = version, disabled = disabled, rest = rest,
  }
end

local function write_gate(key, gate)
  local head = string.format('%.0f %.0f %s %s\n', gate.generation, gate.floor, gate.version, gate.disabled)
  redis.call('SET', key, head .. gate.rest)
end

-- Writes what a user may do now, unless this version or a newer one is there. The generation stays.
local function put_owner(gate, owner)
  if gate.version == '-' or tonumber(gate.version) < tonumber(owner.version) then
    gate.version, gate.disabled, gate.rest = owner.version, owner.disabled, owner.rest
  end
end

-- Ends a session: the three keys from `at` are its own, its activity and its note. A note stays, and a line for the
-- journal. Returns what it was, or nothing when it was gone already.
local function leave(at, going, sessions, outbox)
  redis.call('ZREM', sessions, going.member)
  local session = redis.call('GET', KEYS[at])
  if not session then
    return nil
  end
  local activity = redis.call('GET', KEYS[at + 1])
  redis.call('DEL', KEYS[at], KEYS[at + 1])
  local secrets = string.match(session, '^%d+ (%S+ %S+) ')
  if secrets then
    redis.call('SET', KEYS[at + 2], going.at .. ' ' .. secrets .. '\n' .. going.ending, 'PX', going.note_for)
  end
  redis.call('RPUSH', outbox, going.line)
  return { going.member, session, activity }
end
