-- Writing into the journal; it stands before each script that does. KEYS 1 to 4 are the entries, the counter of their places,
-- the trail, and the entries by time; a line names its other keys by their number.

-- Writes lines that are not there yet, in their order. A place is never given twice. Returns the place of the last.
local function write_journal(lines)
  local place = nil
  for _, line in ipairs(lines) do
    if redis.call('HEXISTS', KEYS[1], line.id) == 0 then
      place = string.format('%016.0f', redis.call('INCR', KEYS[2]))
      redis.call('HSET', KEYS[1], line.id, place .. ' ' .. line.moment .. ' ' .. line.user .. '\n' .. line.body)
      redis.call('ZADD', KEYS[3], place, line.id)
      redis.call('ZADD', KEYS[4], line.at, line.id)
      if line.trail then
        redis.call('ZADD', KEYS[line.trail], place, line.id)
      end
      if line.failed then
        redis.call('ZADD', KEYS[line.failed], line.at, line.id)
      end
      for _, sign_ins in ipairs(line.sign_ins) do
        redis.call('ZADD', KEYS[sign_ins], 0, line.moment .. place .. line.id)
      end
    end
  end
  return place
end
