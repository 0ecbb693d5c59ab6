// The calls over REST that the load test makes, those of a list in turn.
//
// `input` makes the input from a number that no other call of the run has, so that no answer comes from the cache.
// `member` must be in the answer.

// Routes that answer at once.
export const calls = [
  // eject: tell_joke
  { path: '/tell-joke', input: (n) => ({ name: `Banana ${n}` }), member: 'joke' },
  // eject: translate_text
  { path: '/translate', input: (n) => ({ text: `Hello, ${n}!` }), member: 'translated_text' },
  // eject: describe_image
  { path: '/describe-image', input: (n) => ({ image_url: `https://example.com/${n}.png` }), member: 'description' },
  // eject: generate_character
  { path: '/generate-character', input: (n) => ({ name: `Luna ${n}` }), member: 'skills' },
  // eject: pirate_chat
  { path: '/chat', input: (n) => ({ question: `Where is the treasure of ship ${n}?` }), member: 'answer' },
  // eject: generate_code
  { path: '/generate-code', input: (n) => ({ description: `a queue of ${n} items` }), member: 'code' },
  // eject: review_code
  { path: '/review-code', input: (n) => ({ code: `def f(a):\n    return a + ${n}` }), member: 'score' },
  // eject: end
  // eject: insert calls
];

// Routes that answer with Server-Sent Events. `member` is in the last frame.
export const streams = [
  // eject: tell_joke
  { path: '/tell-joke/stream', input: (n) => ({ name: `Python ${n}` }), member: 'joke' },
  // eject: tell_story
  { path: '/tell-story/stream', input: (n) => ({ topic: `robot ${n}, which learns to paint` }), member: 'story' },
  // eject: generate_code
  { path: '/generate-code/stream', input: (n) => ({ description: `a stack of ${n} items` }), member: 'code' },
  // eject: end
  // eject: insert streams
];
