// Calls every flow through openapi-fetch with the types that openapi-typescript has generated.
//
// openapi_fetch.ts DOCUMENT URL, beside `schema.ts`.
import assert from 'node:assert'
import { readFileSync } from 'node:fs'
import createClient from 'openapi-fetch'
import type { paths } from './schema'

const [document, baseUrl] = process.argv.slice(2)
const client = createClient<paths>({ baseUrl })
// The compiler judges this one: the paths, the input, and that a stream is a text.
const health = await client.GET('/health')
const status: string | undefined = health.data?.status
assert.equal(status, 'ok')
let called = 1
for (const [path, item] of Object.entries<any>(JSON.parse(readFileSync(document, 'utf8')).paths)) {
  if (!item.post) continue
  const { example } = item.post.requestBody.content['application/json']
  const streams = path.endsWith('/stream')
  const answer = await (client as any).POST(path, { body: example, parseAs: streams ? 'text' : 'json' })
  assert(!answer.error && answer.response.status === 200, `${path}: ${JSON.stringify(answer.error)}`)
  if (streams) assert(answer.data.includes('"done":true'), `${path}: ${answer.data}`)
  else assert.equal(typeof answer.data, 'object', path)
  called += 1
}
console.log(`openapi-typescript: ${called} operations`)
