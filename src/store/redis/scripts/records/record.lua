-- Writes lines into the journal. KEYS: as in journal.lua. ARGV: the lines, as JSON; whether they are urgent.
if ARGV[2] == 'urgent' then
  go_on(KEYS[3])
end
write_journal(cjson.decode(ARGV[1]))
return 1
