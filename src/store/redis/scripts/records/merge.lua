-- Writes lines that count failed sign-ins; of one that is there already, what it tells now. KEYS: as in journal.lua. ARGV: the
-- lines, as JSON.
for _, line in ipairs(cjson.decode(ARGV[1])) do
  local head = string.match(redis.call('HGET', KEYS[1], line.id) or '', '^[^\n]*\n')
  if head then
    redis.call('HSET', KEYS[1], line.id, head .. line.body)
  else
    write_journal({ line })
  end
end
return 1
