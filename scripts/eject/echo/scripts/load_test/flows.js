  // eject: insert calls
  { path: '/echo', input: (n) => ({ text: `Hello, ${n}!` }), member: 'text' },
  // eject: insert streams
  { path: '/echo/stream', input: (n) => ({ text: `Hello, number ${n}, how are you?` }), member: 'text' },
