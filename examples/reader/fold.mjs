// Which records of a run ledger count, by the rule of docs/events.md. Needs nothing but Node.
//
// A record is { offset, timestamp, key, headers, value }: numbers; bytes or null; [name, bytes or null] pairs in order.

import { isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'

const ID = '[A-Za-z0-9_.-]{1,256}'
const TEXT = '[^\\x00-\\x1f\\x7f]{1,512}'
const RULES = {
  ce_specversion: '1\\.0',
  ce_stream: `[a-z][a-z0-9-]{0,31}:${ID}(?::${ID})?`,
  ce_seq: '0|[1-9][0-9]{0,17}',
  ce_prev: '(?:[0-9a-f]{64})?',
  ce_id: ID,
  ce_source: TEXT,
  ce_type: ID,
  ce_time: '[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\\.[0-9]{1,9})?Z',
  ce_actor: TEXT
}
const PATTERNS = Object.entries(RULES).map(([name, rule]) => [name, new RegExp(`^(?:${rule})$`)])
const HASHED = Object.keys(RULES).slice(1)
const IN_VALUES_LOG = new Set(['values', 'presence'])

/** A partition of one of the two logs ('control' or 'values'), before its first record. */
export function newPartition (log, logId, number = 0, count = 1) {
  const running = Buffer.alloc(32)
  return { log, logId, number, count, heads: new Map(), voids: [], nextOffset: 0, recordedAt: 0, running }
}

/** Take the next record of a partition: it becomes the head of its stream, or is void. */
export function take (partition, record) {
  partition.nextOffset = record.offset + 1
  partition.recordedAt = Math.max(partition.recordedAt, record.timestamp)
  const headers = requiredHeaders(record.headers)
  const reason = malformed(headers, record) ?? misplaced(headers, record, partition) ?? unlinked(headers, partition)
  if (reason) {
    partition.voids.push({ partition: partition.number, offset: record.offset, reason })
    return
  }
  const hash = recordHash(partition.logId, headers, record.value)
  partition.heads.set(text(headers, 'ce_stream'), { seq: Number(text(headers, 'ce_seq')), hash: hash.toString('hex') })
  partition.running = nextRunning(partition, record.offset, hash)
}

/** SHA-256 over the line `runledger/1` and netstrings of the log's id, eight headers and the value. */
export function recordHash (logId, headers, value) {
  const digest = createHash('sha256').update('runledger/1\n')
  for (const part of [Buffer.from(logId), ...HASHED.map(name => headers.get(name)[0]), value]) {
    digest.update(`${part.length}:`).update(part).update(',')
  }
  return digest.digest()
}

/** The required headers by name, each with every value that it has. */
export function requiredHeaders (headers) {
  const found = new Map(Object.keys(RULES).map(name => [name, []]))
  for (const [name, value] of headers) found.get(String(name))?.push(value)
  return found
}

function malformed (headers, record) {
  for (const [name, pattern] of PATTERNS) {
    const values = headers.get(name)
    if (values.length !== 1 || values[0] === null) return `${name} is not there exactly once`
    if (!pattern.test(values[0].toString('latin1'))) return `${name} is malformed` // a character a byte
    if (!isUtf8(values[0])) return `${name} is not UTF-8`
  }
  if (!record.key?.equals(Buffer.from(idIn(text(headers, 'ce_stream'))))) return 'the key is not the id in ce_stream'
  if (record.value === null) return 'the value is missing'
}

function misplaced (headers, record, { log, number, count }) {
  const stream = text(headers, 'ce_stream')
  const kind = stream.split(':')[0]
  if (kind === 'log') {
    return record.offset === 0 && number === 0 ? undefined : 'a genesis is the first record of a log or nothing'
  }
  if (IN_VALUES_LOG.has(kind) !== (log === 'values')) return 'its stream belongs to the other log'
  if (crc32(idIn(stream)) % count !== number) return 'it lies in a partition that its stream does not belong to'
}

function unlinked (headers, partition) {
  const head = partition.heads.get(text(headers, 'ce_stream'))
  const [seq, prev] = [text(headers, 'ce_seq'), text(headers, 'ce_prev')]
  const follows = head ? seq === String(head.seq + 1) && prev === head.hash : prev === '' && (seq === '0' || seq === '1')
  return follows ? undefined : 'it does not follow the head of its stream'
}

function nextRunning ({ running, recordedAt }, offset, hash) {
  const place = Buffer.alloc(16)
  place.writeBigUInt64BE(BigInt(offset), 0)
  place.writeBigUInt64BE(BigInt(recordedAt), 8)
  return createHash('sha256').update('runledger/running/1\n').update(running).update(place).update(hash).digest()
}

function idIn (stream) {
  return stream.split(':')[1]
}

function text (headers, name) {
  return headers.get(name)[0].toString()
}
