# eject: insert calls
start post echo /echo '{"text": "Hello!"}' '"text":"'
start post echo-stream /echo/stream '{"text": "Hello!"}' "$done_frame"
start post flow-by-name /flows/echo '{"data": {"text": "Hello!"}}' '"result":\{"text":"'
start check invalid-input 422 '"pointer":"/text"' -X POST "$base/echo" \
  -H 'Content-Type: application/json' -d '{"text": ""}'
