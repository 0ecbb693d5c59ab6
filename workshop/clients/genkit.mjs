// Reads a stream with Genkit's own client: genkit.mjs URL
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const require = createRequire(`${process.env.TOOLS}/node_modules/`)
const { streamFlow } = await import(pathToFileURL(require.resolve('genkit/beta/client')))
const { stream, output } = streamFlow({ url: process.argv[2], input: {} })
const chunks = []
for await (const chunk of stream) chunks.push(chunk)
console.log(JSON.stringify({ chunks, output: await output }))
