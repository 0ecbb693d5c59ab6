// A load test for k6: `k6 run scripts/load_test/load.js`. README.md beside it has the settings.
import { check, sleep } from 'k6';
import exec from 'k6/execution';
import http from 'k6/http';
import { Counter, Trend } from 'k6/metrics';

import { calls, streams } from './flows.js';
import { callProcedure } from './grpc.js'; // eject: grpc

const base = (__ENV.BASE_URL || 'http://localhost:8080').replace(/\/$/, '');
const pause = Number(__ENV.PAUSE || 0);
const seconds = __ENV.TIMEOUT || '130';
const headers = { 'content-type': 'application/json' };
if (__ENV.API_KEY) headers.authorization = `Bearer ${__ENV.API_KEY}`;

const firstChunk = new Trend('sse_first_chunk', true);
const stream = new Trend('sse_stream', true);
const chunks = new Counter('sse_chunks');

// What must hold of each protocol's times, in milliseconds.
const limits = {
  rest: { 'http_req_duration{scenario:rest}': [`p(95)<${__ENV.REST_P95 || 500}`] },
  sse: { sse_first_chunk: [`p(95)<${__ENV.FIRST_CHUNK_P95 || 1000}`] },
  grpc: { grpc_first_message: [`p(95)<${__ENV.GRPC_P95 || 1000}`] }, // eject: grpc
};

const known = Object.keys(limits);
const protocols = __ENV.PROTOCOLS ? __ENV.PROTOCOLS.split(',') : known;
const stages = (__ENV.STAGES || '5s:10,20s:10,2s:0').split(',').map((stage) => {
  const [duration, clients] = stage.split(':');
  return { duration, target: Number(clients) };
});
if (stages.some((it) => !/^[0-9]+[smh]$/.test(it.duration) || !(it.target >= 0))) {
  throw new Error('STAGES: it is a list of DURATION:CLIENTS, such as 30s:20,5m:20,10s:0');
}

export const options = { scenarios: {}, thresholds: {} };
for (const protocol of protocols) {
  if (!known.includes(protocol)) throw new Error(`PROTOCOLS: ${protocol} is none of ${known}`);
  options.scenarios[protocol] = {
    executor: 'ramping-vus', exec: protocol, stages, startVUs: 0, gracefulStop: `${seconds}s`,
  };
  options.thresholds[`checks{scenario:${protocol}}`] = [`rate>=${1 - Number(__ENV.MAX_ERRORS || 0.01)}`];
  Object.assign(options.thresholds, limits[protocol]);
}

// Before the first call: is there a server?
export function setup() {
  const answer = http.get(`${base}/health`, { timeout: '10s' });
  if (answer.status !== 200) exec.test.abort(`There is no server at ${base}: ${answer.error || answer.status}`);
  return { run: 100000 + (Date.now() % 900000) };
}

// A number that no other call has, not those of a run before either.
const number = (data) => `${data.run}${protocols.indexOf(exec.scenario.name)}${exec.scenario.iterationInTest}`;

export function rest(data) {
  const it = next(calls);
  const answer = post(it, data);
  judge(it, answer, {
    'status is 200': () => answer.status === 200,
    'answer is whole': () => it.member in object(answer.body),
  });
}

// k6 gives the answer when it has ended. Its times say when the first byte came: the server sends it with the first
// chunk.
export function sse(data) {
  const it = next(streams);
  const answer = post(it, data);
  const frames = String(answer.body).split('\n\n').filter((frame) => frame.startsWith('data: '));
  const last = object(String(frames[frames.length - 1]).slice('data: '.length));
  if (last.done) {
    firstChunk.add(answer.timings.waiting);
    stream.add(answer.timings.duration);
    chunks.add(frames.length - 1);
  }
  const checks = {
    'status is 200': () => answer.status === 200,
    'stream has chunks': () => frames.length > 1,
    'stream ends with the result': () => last.done === true && it.member in last,
  };
  // Something between that collects the chunks lets all come in one moment.
  if (!__ENV.BUFFERED_STREAMS && frames.length > 3) {
    checks['chunks come one by one'] = () => answer.timings.receiving > 1;
  }
  judge(it, answer, checks);
}

// eject: grpc
export async function grpc(data) {
  await callProcedure(number(data));
  sleep(pause);
}

// eject: end
function next(list) {
  if (!list.length) exec.test.abort(`PROTOCOLS: flows.js has no call for ${exec.scenario.name}`);
  return list[exec.scenario.iterationInTest % list.length];
}

function post(it, data) {
  const body = JSON.stringify(it.input(number(data)));
  return http.post(base + it.path, body, { headers, timeout: `${seconds}s` });
}

// The object that the text is; an empty one if it is none.
function object(text) {
  try {
    return Object(JSON.parse(text));
  } catch (_) {
    return {};
  }
}

function judge(it, answer, checks) {
  if (answer.status === 429) {
    exec.test.abort(`${it.path} was refused by the rate limit: see scripts/load_test/README.md`);
  }
  const ok = check(answer, checks, { path: it.path });
  if (!ok) console.error(`${it.path}: ${answer.error || answer.status} ${String(answer.body).slice(-200)}`);
  // A server that is gone is not asked without end.
  sleep(ok ? pause : Math.max(pause, 1));
}
