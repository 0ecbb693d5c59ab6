-- Keeps an answer and gives the lease back. The answer is good even if the lease has gone to somebody else, who will
-- give that one back.
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
if redis.call('GET', KEYS[2]) == ARGV[1] then
    redis.call('DEL', KEYS[2])
end
return 1
