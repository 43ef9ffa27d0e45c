-- Counts a sign-in from a device. KEYS: accounts, devices, their last use. ARGV: account, the digest that was shown or
-- nothing, the digest and the id of a new one, how many an account may have, now.
-- Returns id, sign-ins, and whether it was known.
local account, shown, now = ARGV[1], ARGV[2], ARGV[6]
local all = read_devices(KEYS[2], account)
for _, device in ipairs(all) do
  if shown ~= '' and device.digest == shown then
    device.sign_ins = string.format('%.0f', tonumber(device.sign_ins) + 1)
    if tonumber(now) > tonumber(device.last) then
      device.last = now
    end
    write_devices(KEYS[2], KEYS[3], account, all)
    return { device.id, device.sign_ins, '1' }
  end
end
-- Of an account that was removed meanwhile nothing is kept.
if redis.call('HEXISTS', KEYS[1], account) == 1 then
  table.insert(all, { digest = ARGV[3], id = ARGV[4], sign_ins = '1', first = now, last = now })
  for place, device in ipairs(all) do
    device.place = place
  end
  table.sort(all, function(one, other)
    local newer, older = tonumber(one.last), tonumber(other.last)
    if newer == older then
      newer, older = tonumber(one.first), tonumber(other.first)
    end
    if newer == older then
      return one.place > other.place
    end
    return newer > older
  end)
  for place = #all, tonumber(ARGV[5]) + 1, -1 do
    table.remove(all, place)
  end
  write_devices(KEYS[2], KEYS[3], account, all)
end
return { ARGV[4], '1', '0' }
