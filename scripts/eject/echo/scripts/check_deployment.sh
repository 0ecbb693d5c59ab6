# eject: insert calls
text='The quick brown fox jumps over the lazy dog, turns around, and jumps back again.'
calls+=("/echo {\"text\": \"$text\"}")
streams+=("/echo/stream {\"text\": \"$text\"}")
