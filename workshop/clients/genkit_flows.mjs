// Calls flows with Genkit's own client: genkit_flows.mjs BASE_URL CASE. Prints what came as JSON.
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const require = createRequire(`${process.env.TOOLS}/node_modules/`)
const { runFlow, streamFlow } = await import(pathToFileURL(require.resolve('genkit/beta/client')))
const [base, name] = process.argv.slice(2)
const url = (flow) => `${base}/flows/${flow}`

async function streamed(flow, input) {
  const { stream, output } = streamFlow({ url: url(flow), input })
  // It fails with the stream; without this, node would end for it.
  output.catch(() => {})
  const chunks = []
  let error = null
  try {
    for await (const chunk of stream) {
      chunks.push(chunk)
      if (chunks.length === 1) console.error('begun')
    }
  } catch (thrown) {
    error = String(thrown)
  }
  return { chunks, output: await output.catch(() => null), error }
}

const failed = (promise) => promise.then((result) => ({ result }), (thrown) => ({ error: String(thrown) }))
const cases = {
  result: () => runFlow({ url: url('tell_joke'), input: { username: 'Zoë 🐱' } }),
  chunks: () => streamed('tell_story', { topic: 'déjà vu' }),
  partial: () => streamed('generate_code', { description: 'a function that adds' }),
  invalid: () => failed(runFlow({ url: url('tell_joke'), input: { username: 5 } })),
  unknown: () => failed(runFlow({ url: url('no_such_flow'), input: {} })),
  stream_of_unknown: () => streamed('no_such_flow', {}),
}
console.log(JSON.stringify(await cases[name]()))
