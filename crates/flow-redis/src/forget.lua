-- Forgets a conversation.
redis.call('DEL', KEYS[1])
