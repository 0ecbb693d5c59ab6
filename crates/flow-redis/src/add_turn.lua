-- Adds a turn to a conversation, and lets the oldest go that are beyond its bounds.
-- ARGV: the turn, milliseconds to live, the most turns, the most bytes.
redis.call('RPUSH', KEYS[1], ARGV[1])
redis.call('LTRIM', KEYS[1], -tonumber(ARGV[3]), -1)
local bytes = 0
for _, turn in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
    bytes = bytes + #turn
end
while bytes > tonumber(ARGV[4]) do
    bytes = bytes - #redis.call('LPOP', KEYS[1])
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
