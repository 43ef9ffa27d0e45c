-- Lets accounts sign in by further keys. KEYS: logins, accounts, the rule that names are compared by. ARGV: the rule, then keys
-- and ids by turns. What another account signs in with stays, and so does what is gone.
for place = 2, #ARGV, 2 do
  if redis.call('HEXISTS', KEYS[2], ARGV[place + 1]) == 1 then
    redis.call('HSETNX', KEYS[1], ARGV[place], ARGV[place + 1])
  end
end
redis.call('SET', KEYS[3], ARGV[1])
return 1
