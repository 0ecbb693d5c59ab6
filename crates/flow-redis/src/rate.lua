-- GCRA. The key holds when the bucket is full again: the "theoretical arrival time" of the algorithm's name.
-- All times are whole microseconds of Redis' own clock, so replicas need not agree on theirs. Lua computes with
-- doubles; they are exact up to 2^53 µs, which is the year 2255.
local interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local whole = interval * burst

local full_at = tonumber(redis.call('GET', KEYS[1]) or now)
-- A bucket is never emptier than empty, not even if the clock was set back or the limit changed.
full_at = math.min(math.max(full_at, now), now + whole)

local wait = full_at + interval - whole - now
if wait > 0 then
    return {0, wait}
end
full_at = full_at + interval
redis.call('SET', KEYS[1], string.format('%.0f', full_at), 'PX', math.ceil((full_at - now) / 1000))
return {math.floor((now + whole - full_at) / interval), 0}
