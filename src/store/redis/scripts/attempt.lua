-- Counts one try on several counters, or on none when one of those that are asked is closed. A counter is until when it is
-- closed, or "-", and when it was tried, oldest first.
-- KEYS: the counters, those asked first. ARGV: how many are asked, now, the caller; then of each: tries, within, cool-off.
-- Returns "closed" and until when; or "counted", the places of those that it closed, and until when others are closed.
local asked, now = tonumber(ARGV[1]), tonumber(ARGV[2])
if ARGV[3] == 'signed in' then
  go_on(KEYS[1])
end

-- What lies in the future counts as now, and whoever reads it first writes that: no counter is closed for longer than its
-- rule has it.
local function read(place)
  local key, within, cool_off = KEYS[place], tonumber(ARGV[3 * place + 2]), tonumber(ARGV[3 * place + 3])
  local value = redis.call('GET', key) or '-'
  local closed_until, tries = string.match(value, '^(%S+)(.*)$')
  tries = string.gsub(tries, '%-?%d+', function(at)
    return tonumber(at) > now and ARGV[2] or at
  end)
  local most = math.min(now + cool_off, 9007199254740991)
  if tonumber(closed_until) and tonumber(closed_until) > most then
    closed_until = string.format('%.0f', most)
  end
  if closed_until .. tries ~= value then
    local keep = string.format('%.0f', math.min(math.max(within, cool_off, 1000), 1e13))
    redis.call('SET', key, closed_until .. tries, 'PX', keep)
  end
  return tonumber(closed_until), tries
end

local latest = nil
-- Those beside are read, too: where they are of the future they run from now on, whether they are counted or not.
for place = 1, #KEYS do
  local closed_until = read(place)
  if place <= asked and closed_until and now < closed_until then
    latest = math.max(latest or closed_until, closed_until)
  end
end
if latest then
  return { 'closed', string.format('%.0f', latest) }
end

local closed = {}
for place, key in ipairs(KEYS) do
  local closed_until, before = read(place)
  if closed_until and now < closed_until then
    latest = math.max(latest or closed_until, closed_until)
  else
    local most, within, cool_off = tonumber(ARGV[3 * place + 1]), tonumber(ARGV[3 * place + 2]), tonumber(ARGV[3 * place + 3])
    local tries, count = '', 0
    -- A counter that was closed and is open again has spent its tries.
    if not closed_until then
      for at in string.gmatch(before, '%-?%d+') do
        if now - tonumber(at) <= within then
          tries, count = tries .. ' ' .. at, count + 1
        end
      end
    end
    tries, count = tries .. ' ' .. ARGV[2], count + 1
    local until_then = '-'
    -- When the try that closed it is taken back, the others still count: it is kept for the longer of both.
    local keep = within
    if count >= most then
      until_then = string.format('%.0f', math.min(now + cool_off, 9007199254740991))
      keep = math.max(within, cool_off)
      table.insert(closed, place)
    end
    -- Redis takes no span of centuries, and no script counts that far exactly.
    redis.call('SET', key, until_then .. tries, 'PX', string.format('%.0f', math.min(math.max(keep, 1000), 1e13)))
  end
end
return { 'counted', closed, latest and string.format('%.0f', latest) or false }
