// Calls every flow through a client that openapi-generator has generated for fetch.
//
// fetch.ts DOCUMENT URL, beside the folder `generated`.
import assert from 'node:assert'
import { readFileSync } from 'node:fs'
import * as generated from './generated'

const [document, basePath] = process.argv.slice(2)
const camel = (name: string) => name.replace(/_(.)/g, (_, letter) => letter.toUpperCase())
const configuration = new generated.Configuration({ basePath })
let called = 0
for (const item of Object.values<any>(JSON.parse(readFileSync(document, 'utf8')).paths)) {
  for (const operation of Object.values<any>(item)) {
    const [tag] = operation.tags
    const api: any = new (generated as any)[`${tag[0].toUpperCase()}${tag.slice(1)}Api`](configuration)
    const name = camel(operation.operationId)
    const content = operation.requestBody?.content['application/json']
    const type = content?.schema.$ref?.split('/').pop() ?? `${name}Request`
    const key = type[0].toLowerCase() + type.slice(1)
    const answer = await api[name](content && { [key]: content.example })
    if (name.endsWith('Stream')) {
      assert(typeof answer === 'string' && answer.includes('"done":true'), `${name}: ${answer}`)
    } else {
      assert(answer !== null && typeof answer === 'object', `${name}: ${answer}`)
    }
    called += 1
  }
}
console.log(`openapi-generator, typescript-fetch: ${called} operations`)
