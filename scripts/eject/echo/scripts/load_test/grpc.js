  // eject: insert calls
  { method: 'Echo', input: (n) => ({ text: `Hello, ${n}!` }), member: 'text' },
  { method: 'EchoStream', input: (n) => ({ text: `Hello, number ${n}, how are you?` }), member: 'text', streams: true },
