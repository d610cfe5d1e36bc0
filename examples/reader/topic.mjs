// The records of a topic from its first to its last, with a plain Kafka client and no consumer group.

import { Consumer } from '@platformatic/kafka'

const READ_UNCOMMITTED = 0 // every record of the log counts; a reader that leaves some out comes to other heads
const LATEST = -1n
const IS_CONTROL = 0x20
const IS_LOG_APPEND_TIME = 0x08

/** Lend a client of these brokers (`HOST:PORT,...`) to `work`. */
export async function withClient (brokers, work) {
  const options = { clientId: 'runledger-reader', groupId: 'none', bootstrapBrokers: brokers.split(',') }
  const client = new Consumer(options)
  try {
    return await work(client)
  } finally {
    await client.close(true)
  }
}

/** How many partitions a topic has. */
export async function partitionCount (client, topic) {
  return (await client.metadata({ topics: [topic] })).topics.get(topic).partitions.length
}

/** The records of one partition that are there now, in order. */
export async function * readPartition (client, topic, partition) {
  const ends = await client.listOffsets({
    topics: [topic], partitions: { [topic]: [partition] }, timestamp: LATEST, isolationLevel: READ_UNCOMMITTED
  })
  const end = ends.get(topic)[partition]
  for (let next = 0n; next < end;) {
    for (const batch of await fetchFrom(client, topic, partition, next)) {
      for (const record of recordsOf(batch)) if (record.offset >= next) yield record
      next = batch.firstOffset + BigInt(batch.lastOffsetDelta) + 1n
    }
  }
}

async function fetchFrom (client, topic, partition, fetchOffset) {
  const { id, partitions } = (await client.metadata({ topics: [topic] })).topics.get(topic)
  const response = await client.fetch({
    node: partitions[partition].leader,
    isolationLevel: READ_UNCOMMITTED,
    topics: [{
      topicId: id,
      partitions: [{
        partition, fetchOffset, currentLeaderEpoch: -1, lastFetchedEpoch: -1, partitionMaxBytes: 4 * 1024 * 1024
      }]
    }]
  })
  return response.responses[0].partitions[0].records ?? []
}

function * recordsOf (batch) {
  if (batch.attributes & IS_CONTROL) return // the end of somebody's transaction is no record
  for (const { offsetDelta, timestampDelta, key, headers, value } of batch.records) {
    // The broker writes its own time once for the whole batch.
    const byBroker = batch.attributes & IS_LOG_APPEND_TIME
    const timestamp = Number(byBroker ? batch.maxTimestamp : batch.firstTimestamp + timestampDelta)
    yield { offset: Number(batch.firstOffset) + offsetDelta, timestamp, key, headers, value }
  }
}
