// Calls every flow through a client that @hey-api/openapi-ts has generated. It reads streams event by event.
//
// hey_api.ts DOCUMENT URL, beside the folder `generated`.
import assert from 'node:assert'
import { readFileSync } from 'node:fs'
import { client } from './generated/client.gen'
import * as sdk from './generated/sdk.gen'

const [document, baseUrl] = process.argv.slice(2)
client.setConfig({ baseUrl })
const camel = (name: string) => name.replace(/_(.)/g, (_, letter) => letter.toUpperCase())
let called = 0
for (const item of Object.values<any>(JSON.parse(readFileSync(document, 'utf8')).paths)) {
  for (const operation of Object.values<any>(item)) {
    const name = camel(operation.operationId)
    const body = operation.requestBody?.content['application/json'].example
    const answer = await (sdk as any)[name](body ? { body } : {})
    if (name.endsWith('Stream')) {
      const events: any[] = []
      for await (const event of answer.stream) events.push(event)
      assert(events.length > 1 && events.at(-1).done === true, `${name}: ${JSON.stringify(events)}`)
    } else {
      assert(!answer.error && answer.data, `${name}: ${JSON.stringify(answer.error)}`)
    }
    called += 1
  }
}
console.log(`@hey-api/openapi-ts: ${called} operations`)
