// Answers cases: a partition with its records on a line of stdin, what the reader comes to on a line of stdout.

import { createInterface } from 'node:readline'
import { newPartition, take } from '../../../examples/reader/fold.mjs'

const bytes = hex => hex === null ? null : Buffer.from(hex, 'hex')

for await (const line of createInterface({ input: process.stdin })) {
  const { log, log_id: logId, partition: number, partitions: count, records } = JSON.parse(line)
  const partition = newPartition(log, logId, number, count)
  for (const { offset, timestamp, key, headers, value } of records) {
    const pairs = headers.map(([name, each]) => [name, bytes(each)])
    take(partition, { offset, timestamp, key: bytes(key), headers: pairs, value: bytes(value) })
  }
  const { heads, voids, running, nextOffset } = partition
  const found = Object.fromEntries([...heads].map(([stream, { seq, hash }]) => [stream, [seq, hash]]))
  console.log(JSON.stringify({
    heads: found, voids: voids.map(each => each.offset), running: running.toString('hex'), next_offset: nextOffset
  }))
}
