-- Moves back the devices of an account that a clock that was ahead has met. KEYS: devices, their last use. ARGV: account, now, from
-- when on one is ahead.
local all = read_devices(KEYS[1], ARGV[1])
for _, device in ipairs(all) do
  if tonumber(device.last) > tonumber(ARGV[3]) then
    device.last = ARGV[2]
    if tonumber(device.first) > tonumber(ARGV[2]) then
      device.first = ARGV[2]
    end
  end
end
write_devices(KEYS[1], KEYS[2], ARGV[1], all)
return 1
