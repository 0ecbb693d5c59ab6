-- Looks for an answer and, if there is none, takes the lease.
-- Returns the answer and its milliseconds; or nothing, whether the lease is the caller's, and else whose it is.
local answer = redis.call('GET', KEYS[1])
if answer then
    return {answer, redis.call('PTTL', KEYS[1]), false}
end
if redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then
    return {false, 1, false}
end
return {false, 0, redis.call('GET', KEYS[2])}
