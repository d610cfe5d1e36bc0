// Reads the two topics of a ledger and prints, a JSON object on a line, what every reader must come to:
//
//   npm ci && node read.mjs 127.0.0.1:9092 NAME

import { newPartition, take } from './fold.mjs'
import { partitionCount, readPartition, withClient } from './topic.mjs'

const TOPICS = { control: 'events', values: 'values' }

const [brokers, name] = process.argv.slice(2)
if (!name) {
  console.error('usage: node read.mjs HOST:PORT[,HOST:PORT...] NAME')
  process.exit(2)
}
try {
  await withClient(brokers, async client => {
    for (const [log, part] of Object.entries(TOPICS)) await readLog(client, log, `runledger.${name}.${part}.v1`)
  })
} catch (error) {
  console.error(`the ledger ${name} at ${brokers} was not read: ${error.message}`)
  process.exit(1)
}

async function readLog (client, log, topic) {
  const { log_id: logId, partitions: count } = await genesis(client, log, topic)
  for (let number = 0; number < count; number++) {
    const partition = newPartition(log, logId, number, count)
    for await (const record of readPartition(client, topic, number)) take(partition, record)
    report(log, partition)
  }
}

async function genesis (client, log, topic) {
  for await (const record of readPartition(client, topic, 0)) {
    const pinned = JSON.parse(record.value)
    const readable = pinned.canonical_form === 'runledger/1' && pinned.partition_function === 'crc32'
    if (record.offset === 0 && pinned.log === log && readable) {
      const found = await partitionCount(client, topic)
      if (found === pinned.partitions) return pinned
      throw new Error(`${topic} has ${found} partitions and was made with ${pinned.partitions}`)
    }
    break
  }
  throw new Error(`${topic} does not begin with the genesis of a ${log} log that this reader knows`)
}

function report (log, { number, heads, voids, nextOffset, running }) {
  for (const [stream, { seq, hash }] of heads) print({ log, stream, seq, hash })
  for (const each of voids) print({ log, ...each, void: true })
  print({ log, partition: number, next_offset: nextOffset, running: running.toString('hex') })
}

function print (line) {
  console.log(JSON.stringify(line))
}
