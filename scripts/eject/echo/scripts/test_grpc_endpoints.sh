# eject: insert calls
call Echo '{"text": "Hello!"}' '"text": "'
call EchoStream '{"text": "Hello, how are you?"}' '"text": ".*"text": "'
