-- Writes lines into the journal. KEYS: as in journal.lua. ARGV: the lines, as JSON; whether they are about what has ended.
if ARGV[2] == 'ended' then
  go_on(KEYS[3])
end
write_journal(cjson.decode(ARGV[1]))
return 1
