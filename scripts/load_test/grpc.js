// The load test over gRPC.
import { check, sleep } from 'k6';
import exec from 'k6/execution';
import grpc from 'k6/net/grpc';
import { Counter, Trend } from 'k6/metrics';

// The procedures, asked in turn. `input` and `member` are as in flows.js; where one streams, `member` is in its
// messages.
const procedures = [
  // eject: tell_joke
  { method: 'TellJoke', input: (n) => ({ name: `Banana ${n}` }), member: 'joke' },
  { method: 'TellJokeStream', input: (n) => ({ name: `Python ${n}` }), member: 'text', streams: true },
  // eject: translate_text
  { method: 'TranslateText', input: (n) => ({ text: `Hello, ${n}!` }), member: 'translatedText' },
  // eject: generate_character
  { method: 'GenerateCharacter', input: (n) => ({ name: `Luna ${n}` }), member: 'skills' },
  // eject: pirate_chat
  { method: 'PirateChat', input: (n) => ({ question: `Where is the treasure of ship ${n}?` }), member: 'answer' },
  // eject: tell_story
  { method: 'TellStory', input: (n) => ({ topic: `robot ${n}, which learns to paint` }), member: 'text', streams: true },
  // eject: generate_code
  { method: 'GenerateCode', input: (n) => ({ description: `a queue of ${n} items` }), member: 'code' },
  // eject: end
  // eject: insert calls
];

const address = __ENV.GRPC_ADDRESS || 'localhost:50051';
const seconds = __ENV.TIMEOUT || '130';
const params = {
  timeout: `${seconds}s`,
  metadata: __ENV.API_KEY ? { authorization: `Bearer ${__ENV.API_KEY}` } : {},
};

const firstMessage = new Trend('grpc_first_message', true);
const messages = new Counter('grpc_messages');

const client = new grpc.Client();
client.load(['../../proto'], 'genkit_sample.proto');
let connected = false;

export async function callProcedure(n) {
  if (!connected) {
    // Once for each client: a channel stays open, and finds a server that was gone for a while by itself.
    try {
      client.connect(address, { plaintext: !__ENV.GRPC_TLS, timeout: '10s' });
    } catch (error) {
      exec.test.abort(`There is no gRPC server at ${address}: ${error}`);
    }
    connected = true;
  }
  const it = procedures[exec.scenario.iterationInTest % procedures.length];
  const path = `genkit.sample.v1.GenkitService/${it.method}`;
  const seen = await (it.streams ? stream(path, it, n) : unary(path, it, n));
  if (seen.status === grpc.StatusResourceExhausted) {
    exec.test.abort(`${it.method} was refused by the rate limit: see scripts/load_test/README.md`);
  }
  const ok = check(seen, {
    'gRPC status is OK': () => seen.status === grpc.StatusOK,
    'gRPC answer is whole': () => seen.whole,
  }, { path: it.method });
  if (!ok) {
    console.error(`${it.method}: status ${seen.status} ${seen.fault}`);
    sleep(1); // So that a server that is gone is not asked without end.
  }
}

async function unary(path, it, n) {
  const answer = await client.asyncInvoke(path, it.input(n), params);
  const whole = answer.message !== null && it.member in answer.message;
  return { status: answer.status, whole, fault: answer.error ? answer.error.message : '' };
}

function stream(path, it, n) {
  return new Promise((resolve) => {
    const since = Date.now();
    let whole = false;
    let fault = null;
    const call = new grpc.Stream(client, path, params);
    call.on('data', (message) => {
      if (!whole) firstMessage.add(Date.now() - since);
      messages.add(1);
      whole = it.member in message;
    });
    call.on('error', (error) => {
      fault = error;
    });
    call.on('end', () => resolve({
      status: fault ? fault.code : grpc.StatusOK,
      whole,
      fault: fault ? fault.message : '',
    }));
    call.write(it.input(n));
    call.end();
  });
}
