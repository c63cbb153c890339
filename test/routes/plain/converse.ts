import { connect, type Socket } from 'node:net'

/** Sends text as it is and gives all that comes back until the server closes the connection. */
export async function converse (port: number, text: string | Buffer): Promise<string> {
  const socket = await open(port)
  socket.write(text)
  return (await everything(socket)).toString('latin1')
}

export async function open (port: number): Promise<Socket> {
  return await new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => { resolve(socket) })
    socket.once('error', reject)
  })
}

/** All bytes until the connection ends, well or not. */
export async function everything (socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = []
  return await new Promise(resolve => {
    socket.on('data', chunk => { chunks.push(chunk) })
    socket.on('error', () => {})
    socket.once('close', () => { resolve(Buffer.concat(chunks)) })
  })
}

/** Resolves when what has come contains the text, with all that has come. */
export async function until (socket: Socket, text: string): Promise<string> {
  let come = ''
  return await new Promise((resolve, reject) => {
    const look = (chunk: Buffer): void => {
      come += chunk.toString('latin1')
      if (!come.includes(text)) return
      socket.off('data', look)
      resolve(come)
    }
    socket.on('data', look)
    socket.once('close', () => { reject(new Error(`closed before ${JSON.stringify(text)} came: ${come}`)) })
  })
}
