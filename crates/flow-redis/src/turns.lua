-- The turns of a conversation, the oldest first.
return redis.call('LRANGE', KEYS[1], 0, -1)
