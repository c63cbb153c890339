/** Redis, which speaks no HTTP: it is there when it takes a connection. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { freePort } from '../child-server.js'

export interface Redis {
  readonly port: number
  readonly pid: number
  stop (): Promise<void>
}

/** Milliseconds, and questions, until it is given up. */
const every = 50
const questions = 200

export async function startRedis (directory: string): Promise<Redis> {
  const port = await freePort()
  const child = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory, '--appendonly', 'yes', '--appendfsync', 'always', '--save', ''], { stdio: 'ignore' })
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGTERM')
    await exited
  }
  for (let question = 0; question < questions; question++) {
    if (await listens(port)) return { port, pid: child.pid ?? 0, stop }
    await new Promise(resolve => setTimeout(resolve, every))
  }
  await stop()
  throw new Error('redis-server does not listen')
}

async function listens (port: number): Promise<boolean> {
  return await new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => { resolve(false) })
  })
}
