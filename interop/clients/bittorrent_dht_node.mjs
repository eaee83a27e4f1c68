// bittorrent-dht, driven by lines on standard input (see clients.go).
//
// bittorrent_dht_node.mjs IP: no bootstrap nodes of its own.
import { createHash, createPrivateKey, createPublicKey, sign, verify } from 'crypto'
import { createInterface } from 'readline'
import DHT from 'bittorrent-dht'

const PATIENCE = 15000 // milliseconds for one command

const publicHead = Buffer.from('302a300506032b6570032100', 'hex') // of a DER public key, Ed25519
const privateHead = Buffer.from('302e020100300506032b657004220420', 'hex')

const verified = (signature, message, key) => {
  try {
    const der = Buffer.concat([publicHead, Buffer.from(key)])
    return verify(null, message, createPublicKey({ key: der, format: 'der', type: 'spki' }), signature)
  } catch {
    return false
  }
}

const host = process.argv[2]
const dht = new DHT({ bootstrap: false, host, verify: verified })
dht.on('error', fault => console.error(fault.message))

const hex = text => Buffer.from(text.replace('-', ''), 'hex')
const called = start => new Promise((resolve, reject) => start((fault, value) => fault ? reject(fault) : resolve(value)))

const commands = {
  async boot (address) {
    const [host, port] = address.split(':')
    for (const deadline = Date.now() + PATIENCE; dht.toJSON().nodes.length === 0;) {
      if (Date.now() > deadline) throw new Error('the table is empty')
      dht.addNode({ host, port: Number(port) })
      await new Promise(resolve => setTimeout(resolve, 100))
    }
  },
  async announce (infohash, port) {
    await called(done => dht.announce(infohash, Number(port), done))
    return `${host}:${port}`
  },
  async peers (infohash) {
    const found = new Set()
    const hear = (peer, of) => { if (Buffer.from(of).toString('hex') === infohash) found.add(`${peer.host}:${peer.port}`) }
    dht.on('peer', hear)
    await called(done => dht.lookup(infohash, done))
    dht.off('peer', hear)
    return [...found].join(' ')
  },
  async put (value) {
    return Buffer.from(await called(done => dht.put({ v: hex(value) }, done))).toString('hex')
  },
  async get (target) {
    const item = await called(done => dht.get(hex(target), { cache: false }, done))
    return item ? Buffer.from(item.v).toString('hex') : ''
  },
  async putm (seed, key, salt, seq, value) {
    const der = Buffer.concat([privateHead, hex(seed)])
    const secret = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    const item = { k: hex(key), v: hex(value), seq: Number(seq), sign: message => sign(null, message, secret) }
    if (salt !== '-') item.salt = hex(salt)
    await called(done => dht.put(item, done))
    return createHash('sha1').update(hex(key)).update(hex(salt)).digest('hex')
  },
  async getm (key, salt, target) {
    const options = salt === '-' ? { cache: false } : { cache: false, salt: hex(salt) }
    const item = await called(done => dht.get(hex(target), options, done))
    return item ? `${item.seq} ${Buffer.from(item.v).toString('hex')}` : ''
  }
}

dht.listen(0, host, async () => {
  console.log('ready', `${host}:${dht.address().port}`)
  for await (const line of createInterface({ input: process.stdin })) {
    const [command, ...words] = line.split(' ')
    try {
      console.log('ok', await commands[command](...words) ?? '')
    } catch (fault) {
      console.log('no', fault.message)
    }
  }
  process.exit()
})
