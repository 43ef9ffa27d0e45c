-- Forgets devices that were last used before a time, of some accounts. KEYS: devices, their last use. ARGV: the time, how many
-- accounts. Returns of how many it did.
local accounts = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', '(' .. ARGV[1], 'LIMIT', 0, ARGV[2])
for _, account in ipairs(accounts) do
  local kept = {}
  for _, device in ipairs(read_devices(KEYS[1], account)) do
    if tonumber(device.last) >= tonumber(ARGV[1]) then
      table.insert(kept, device)
    end
  end
  write_devices(KEYS[1], KEYS[2], account, kept)
end
return #accounts
