-- What scripts about devices share. Those of one account are one value, a line of words of each: digest, id, sign-ins, first
-- use, last use.
local function read_devices(devices, account)
  local all = {}
  local lines = redis.call('HGET', devices, account) or ''
  for digest, id, sign_ins, first, last in string.gmatch(lines, '(%S+) (%S+) (%d+) (%-?%d+) (%-?%d+)\n') do
    table.insert(all, { digest = digest, id = id, sign_ins = sign_ins, first = first, last = last })
  end
  return all
end

-- `used` has the accounts by the use of the device that was longest unused.
local function write_devices(devices, used, account, all)
  if #all == 0 then
    redis.call('HDEL', devices, account)
    redis.call('ZREM', used, account)
    return
  end
  local lines, oldest = {}, all[1].last
  for _, device in ipairs(all) do
    local words = { device.digest, device.id, device.sign_ins, device.first, device.last }
    table.insert(lines, table.concat(words, ' ') .. '\n')
    if tonumber(device.last) < tonumber(oldest) then
      oldest = device.last
    end
  end
  redis.call('HSET', devices, account, table.concat(lines))
  redis.call('ZADD', used, oldest, account)
end
