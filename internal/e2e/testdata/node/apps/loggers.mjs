// Writes testdata/loggers: what real loggers of Node.js write, and what each line must come
// out as: `node apps/loggers.mjs OUT`. With --child NAME FILE it is one logger, and FILE gets
// what it was told to write.
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const require = createRequire(import.meta.url)
const here = path.dirname(fileURLToPath(import.meta.url))
const boom = () => new TypeError('card refused')
const traceId = '4bf92f3577b34da6a3ce929d0e0e4736', spanId = '00f067aa0ba902b7'

// A case returns its calls: [severity, text that the body has, more]. more: error (the
// exception), trace, notime, noseverity.
// Each level several times in a row: what is learned from equal lines must take nothing of them.
const often = list => list.flatMap(x => [x, x, x, x])
const six = often(['trace', 'debug', 'info', 'warn', 'error', 'fatal'])
const error = { error: true }
const cases = {}

const pinoCase = (options, make = l => l) => () => {
  const pino = require('pino')
  const log = make(pino({ level: 'trace', ...options }, pino.destination({ sync: true })))
  const calls = six.map(level => { log[level]({ order: 17 }, `order at ${level}`); return [level, `order at ${level}`] })
  log.error(boom(), 'payment failed')
  calls.push(['error', 'payment failed', error])
  log.info({ trace_id: traceId, span_id: spanId, trace_flags: '01' }, 'with a trace')
  calls.push(['info', 'with a trace', { trace: true }])
  return calls
}
const std = () => require('pino').stdTimeFunctions
cases['pino'] = pinoCase({})
cases['pino-iso'] = () => pinoCase({ timestamp: std().isoTime })()
cases['pino-unix'] = () => pinoCase({ timestamp: std().unixTime })()
cases['pino-no-time'] = () => pinoCase({ timestamp: false })().map(c => [c[0], c[1], { ...c[2], notime: true }])
cases['pino-labels'] = pinoCase({ formatters: { level: label => ({ level: label }) } })
cases['pino-upper'] = pinoCase({ formatters: { level: label => ({ level: label.toUpperCase() }) } })
cases['pino-severity'] = pinoCase({ formatters: { level: label => ({ severity: label }) }, messageKey: 'message' })
cases['pino-message-key'] = pinoCase({ messageKey: 'message', errorKey: 'error' })
cases['pino-nested'] = pinoCase({ nestedKey: 'payload' })
cases['pino-base'] = pinoCase({ base: { pid: 7, service: { name: 'shop' } } })
cases['pino-error-stack'] = pinoCase({ serializers: { err: e => ({ name: e.name, message: e.message, stack: e.stack.split('\n') }) } })
cases['pino-error-text'] = pinoCase({ serializers: { err: e => e.stack } })
cases['pino-capitals'] = pinoCase({ messageKey: 'Message', formatters: { level: l => ({ Level: l }) }, timestamp: () => `,"Timestamp":"${new Date().toISOString()}"` })
cases['pino-times'] = () => {
  const pino = require('pino')
  const forms = { string: d => String(d), utc: d => d.toUTCString(), locale: d => d.toLocaleString('en-US'), us: d => d.getTime() * 1000, ns: d => `${d.getTime()}000000`, s: d => d.getTime() / 1000,
    gcp: d => JSON.stringify({ seconds: Math.floor(d / 1000), nanos: (d % 1000) * 1e6 }) }
  return often(Object.entries(forms)).map(([name, form]) => {
    pino({ timestamp: () => { const v = form(new Date()); return `,"time":${typeof v === 'string' && !/^[\d{]/.test(v) || name === 'locale' ? JSON.stringify(v) : v}` } }, pino.destination({ sync: true })).info(`time as ${name}`)
    return ['info', `time as ${name}`]
  })
}
cases['pino-custom-levels'] = () => {
  const pino = require('pino')
  const log = pino({ level: 'trace', customLevels: { success: 35, audit: 33, panic: 65 } }, pino.destination({ sync: true }))
  return often([['info', 'success'], ['info', 'audit'], ['fatal', 'panic']]).map(([severity, level]) => { log[level](`own ${level}`); return [severity, `own ${level}`] })
}
cases['pino-trace-spellings'] = () => {
  const pino = require('pino')
  const log = pino({}, pino.destination({ sync: true }))
  const all = [{ traceId, spanId }, { 'trace.id': traceId, 'span.id': spanId }, { trace: { id: traceId }, span: { id: spanId } }, { TraceId: traceId, SpanId: spanId }, { 'trace-id': traceId, 'span-id': spanId },
    { traceparent: `00-${traceId}-${spanId}-01` }, { 'logging.googleapis.com/trace': `projects/p/traces/${traceId}`, 'logging.googleapis.com/spanId': spanId, 'logging.googleapis.com/trace_sampled': true },
    { context: { traceId, spanId } }, { mdc: { trace_id: traceId, span_id: spanId } }, { otelTraceID: traceId, otelSpanID: spanId, otelTraceSampled: 'True' }, { TRACE_ID: traceId, SPAN_ID: spanId }]
  return all.map((fields, i) => { log.info(fields, `spelling ${i}`); return ['info', `spelling ${i}`, { trace: true }] })
}
const pretty = options => () => {
  const pino = require('pino')
  const log = pino({ level: 'trace' }, require('pino-pretty')({ sync: true, ...options }))
  const time = options.translateTime ? {} : { notime: true }
  const calls = six.map(level => { log[level](`order at ${level}`); return [level, `order at ${level}`, time] })
  for (let i = 0; i < 4; i++) {
    log.info({ order: 17, user: { id: 3 } }, 'with fields')
    calls.push(['info', 'with fields', time])
  }
  log.error(boom(), 'payment failed')
  calls.push(['error', 'payment failed', { ...time, error: true }])
  return calls
}
cases['pino-pretty'] = pretty({ colorize: false })
cases['pino-pretty-colour'] = pretty({ colorize: true })
cases['pino-pretty-time'] = pretty({ colorize: false, translateTime: 'yyyy-mm-dd HH:MM:ss.l o' })
cases['pino-pretty-level-first'] = pretty({ colorize: false, levelFirst: true })
cases['pino-pretty-single-line'] = pretty({ colorize: false, singleLine: true, translateTime: 'SYS:yyyy-mm-dd"T"HH:MM:ss.lo' })

const npmLevels = often([['error', 'error'], ['warn', 'warn'], ['info', 'info'], ['debug', 'http'], ['debug', 'verbose'], ['debug', 'debug'], ['trace', 'silly']])
const winstonCase = (format, more = {}, options = {}) => () => {
  const winston = require('winston')
  const log = winston.createLogger({ level: options.levels ? 'debug' : 'silly', format: format(winston.format), transports: [new winston.transports.Console()], ...options })
  const levels = options.levels ? often(Object.keys(options.levels)).map(l => [options.classes[l], l]) : npmLevels
  const calls = levels.map(([severity, level]) => { log.log(level, `order at ${level}`); return [severity, `order at ${level}`, more] })
  if (more.error !== false) {
    log.error(boom())
    calls.push(['error', 'card refused', { ...more, error: true }])
  }
  return calls.map(c => [c[0], c[1], { ...c[2], error: c[2].error === true }])
}
const untimed = { notime: true, error: false }
cases['winston-json'] = winstonCase(f => f.combine(f.errors({ stack: true }), f.timestamp(), f.json()))
cases['winston-json-no-time'] = winstonCase(f => f.json(), untimed)
cases['winston-colour-json'] = winstonCase(f => f.combine(f.errors({ stack: true }), f.colorize(), f.timestamp(), f.json()))
cases['winston-colour-all-json'] = winstonCase(f => f.combine(f.errors({ stack: true }), f.timestamp(), f.colorize({ all: true }), f.json()), { notime: true })
cases['winston-logstash'] = winstonCase(f => f.combine(f.timestamp(), f.logstash()), { error: false })
cases['winston-pretty'] = winstonCase(f => f.combine(f.timestamp(), f.prettyPrint()), { multi: true, error: false, noseverity: true, notime: true })
cases['winston-simple'] = winstonCase(f => f.simple(), { ...untimed, simple: true })
cases['winston-cli'] = winstonCase(f => f.combine(f.uncolorize(), f.padLevels(), f.printf(i => `${i.level}:${i.message}`)), { ...untimed, simple: true })
cases['winston-printf'] = winstonCase(f => f.combine(f.errors({ stack: true }), f.timestamp({ format: 'YYYY-MM-DD HH:mm:ss.SSS' }), f.label({ label: 'shop' }), f.printf(i => `${i.timestamp} [${i.label}] ${i.level}: ${i.stack || i.message}`)))
cases['winston-printf-upper'] = winstonCase(f => f.combine(f.timestamp(), f.printf(i => `${i.timestamp} ${i.level.toUpperCase()} ${i.message}`)), { error: false, nohttp: true })
cases['winston-printf-pipes'] = winstonCase(f => f.combine(f.timestamp(), f.printf(i => `${i.timestamp} | ${i.level} | ${i.message}`)), { error: false, nohttp: true })
cases['winston-ms'] = winstonCase(f => f.combine(f.timestamp(), f.ms(), f.splat(), f.json()), { error: false })
const syslog = { emerg: 'fatal', alert: 'fatal', crit: 'fatal', error: 'error', warning: 'warn', notice: 'info', info: 'info', debug: 'debug' }
cases['winston-syslog'] = () => winstonCase(f => f.combine(f.timestamp(), f.json()), { error: false }, { levels: require('winston').config.syslog.levels, classes: syslog })()
cases['winston-numbers'] = () => winstonCase(f => f.combine(f.timestamp(), f(i => ({ ...i, level: require('winston').config.syslog.levels[i.level] }))(), f.json()), { error: false }, { levels: require('winston').config.syslog.levels, classes: syslog })()
cases['winston-ecs'] = () => winstonCase(() => require('@elastic/ecs-winston-format').ecsFormat({ convertReqRes: true }), {})()

cases['bunyan'] = () => {
  const log = require('bunyan').createLogger({ name: 'shop', level: 'trace', serializers: require('bunyan').stdSerializers })
  const calls = six.map(level => { log[level]({ order: 17 }, `order at ${level}`); return [level, `order at ${level}`] })
  log.error(boom(), 'payment failed')
  calls.push(['error', 'payment failed', error])
  return calls
}
const log4jsCase = (layout, more = {}) => () => {
  const log4js = require('log4js')
  log4js.addLayout('event', () => e => JSON.stringify(e))
  log4js.addLayout('short', () => e => JSON.stringify({ startTime: e.startTime, categoryName: e.categoryName, level: e.level.levelStr, data: e.data.join(' ') }))
  log4js.configure({ appenders: { out: { type: 'stdout', layout } }, categories: { default: { appenders: ['out'], level: 'all' } } })
  const log = log4js.getLogger('orders')
  const calls = six.map(level => { log[level](`order at ${level}`); return [level, `order at ${level}`, more] })
  if (more.error) log.error('payment failed', boom())
  if (more.error) calls.push(['error', 'payment failed', error])
  return calls.map(c => c[2] === error ? c : [c[0], c[1], { ...c[2], error: false }])
}
cases['log4js-basic'] = log4jsCase({ type: 'basic' }, { error: true })
cases['log4js-coloured'] = log4jsCase({ type: 'coloured' }, { error: true })
cases['log4js-pattern'] = log4jsCase({ type: 'pattern', pattern: '%d{yyyy-MM-dd hh:mm:ss.SSS} %p %c - %m' })
cases['log4js-pattern-brackets'] = log4jsCase({ type: 'pattern', pattern: '[%d] [%p] %c %m' })
cases['log4js-event'] = log4jsCase({ type: 'event' })
cases['log4js-short'] = log4jsCase({ type: 'short' })
cases['consola'] = () => {
  const { createConsola } = require('consola/basic')
  const log = createConsola({ level: 5, throttle: 0 })
  const calls = []
  for (const [severity, level] of often([['trace', 'trace'], ['debug', 'debug'], ['info', 'info'], ['info', 'success'], ['warn', 'warn'], ['error', 'error'], ['fatal', 'fatal']])) {
    if (level === 'trace') continue // prints a stack
    log[level](`order at ${level}`)
    calls.push([severity, `order at ${level}`, { notime: true, stderr: true }])
  }
  return calls
}
cases['signale'] = () => {
  const { Signale } = require('signale')
  const log = new Signale({ scope: 'shop' })
  return often([['info', 'success'], ['error', 'error'], ['fatal', 'fatal'], ['warn', 'warn'], ['info', 'info'], ['debug', 'debug']]).map(([severity, level]) => { log[level](`order at ${level}`); return [severity, `order at ${level}`, { notime: true }] })
}
cases['debug'] = () => {
  const debug = require('debug')
  debug.enable('app:*')
  debug.log = (...a) => console.log(...a)
  const log = debug('app:db')
  return often(['connected', 'queried']).map(text => { log(text); return ['', text] })
}
cases['loglevel-prefix'] = () => {
  const log = require('loglevel'), prefix = require('loglevel-plugin-prefix')
  prefix.reg(log)
  log.enableAll()
  prefix.apply(log, { template: '[%t] %l (%n):', levelFormatter: l => l.toUpperCase(), timestampFormatter: d => d.toISOString(), nameFormatter: n => n || 'root' })
  return often(['debug', 'info', 'warn', 'error']).map(level => { log[level](`order at ${level}`); return [level, `order at ${level}`] })
}
cases['npmlog'] = () => {
  const log = require('npmlog')
  log.stream = process.stdout
  log.level = 'silly'
  // npmlog writes each part of a line alone. Whether PM2 reads them together is up to the machine.
  return often(['warn', 'error']).map(level => {
    process.stdout.cork()
    log[level]('shop', `order at ${level}`)
    process.stdout.uncork()
    return [level, `order at ${level}`, { notime: true }]
  })
}
const tslogCase = type => () => {
  const { Logger } = require('tslog')
  const log = new Logger({ type, name: 'shop', stylePrettyLogs: false, hideLogPositionForProduction: true })
  return [...often(['silly']), ...six].map(level => { log[level](`order at ${level}`); return [level === 'silly' ? 'trace' : level, `order at ${level}`] })
}
cases['tslog-json'] = tslogCase('json')
cases['tslog-pretty'] = tslogCase('pretty')
cases['roarr'] = () => {
  process.env.ROARR_LOG = 'true'
  const { Roarr: log } = require('roarr')
  return six.map(level => { log[level]({ order: 17 }, `order at ${level}`); return [level, `order at ${level}`] })
}
cases['nest'] = async () => {
  const { ConsoleLogger } = await import('@nestjs/common')
  const log = new ConsoleLogger('OrdersService', { colors: false })
  return often([['debug', 'verbose'], ['debug', 'debug'], ['info', 'log'], ['warn', 'warn'], ['error', 'error'], ['fatal', 'fatal']]).map(([severity, level]) => { log[level](`order at ${level}`); return [severity, `order at ${level}`] })
}
cases['nest-colour'] = async () => {
  const { ConsoleLogger } = await import('@nestjs/common')
  const log = new ConsoleLogger('OrdersService', { colors: true })
  return often([['debug', 'verbose'], ['info', 'log'], ['warn', 'warn'], ['error', 'error'], ['fatal', 'fatal']]).map(([severity, level]) => { log[level](`order at ${level}`); return [severity, `order at ${level}`] })
}
cases['nest-json'] = async () => {
  const { ConsoleLogger } = await import('@nestjs/common')
  const log = new ConsoleLogger('OrdersService', { json: true, colors: false })
  const calls = often([['debug', 'verbose'], ['debug', 'debug'], ['info', 'log'], ['warn', 'warn'], ['error', 'error'], ['fatal', 'fatal']]).map(([severity, level]) => { log[level](`order at ${level}`); return [severity, `order at ${level}`] })
  log.error('payment failed', boom().stack)
  calls.push(['error', 'payment failed', error])
  return calls
}
cases['fastify'] = async () => {
  const app = require('fastify')({ logger: true })
  app.get('/orders', async () => 'ok')
  app.get('/boom', async () => { throw boom() })
  await app.inject('/orders'); await app.inject('/boom')
  return [['info', 'incoming request'], ['info', 'request completed'], ['info', 'incoming request'], ['error', 'card refused', error], ['info', 'request completed']]
}
cases['adonis'] = async () => {
  const { Logger } = await import('@adonisjs/logger')
  const log = new Logger({ enabled: true, level: 'trace', name: 'shop', destination: require('pino').destination({ sync: true }) })
  const calls = six.map(level => { log[level](`order at ${level}`); return [level, `order at ${level}`] })
  log.error({ err: boom() }, 'payment failed')
  calls.push(['error', 'payment failed', error])
  return calls
}
cases['strapi'] = () => {
  const { createLogger } = require('@strapi/logger')
  const log = createLogger({ level: 'silly' })
  return npmLevels.map(([severity, level]) => { log[level](`order at ${level}`); return [severity, `order at ${level}`] })
}
cases['pino-ecs'] = () => pinoCase(require('@elastic/ecs-pino-format').ecsFormat())()
cases['pino-google'] = () => {
  const { createGcpLoggingPinoConfig } = require('@google-cloud/pino-logging-gcp-config')
  return pinoCase({ ...createGcpLoggingPinoConfig({ serviceContext: { service: 'shop', version: '1' } }), level: 'trace' })().map(c => c[2] === error ? ['error', c[1], { error: true }] : c)
}
const morganCase = format => async () => {
  const http = require('node:http'), morgan = require('morgan')(format)
  const server = http.createServer((req, res) => morgan(req, res, () => { res.statusCode = req.url.startsWith('/boom') ? 500 : req.url.startsWith('/gone') ? 404 : 200; res.end('ok') }))
  await new Promise(done => server.listen(0, '127.0.0.1', done))
  for (const url of often(['/orders?id=1', '/gone', '/boom'])) await (await fetch(`http://127.0.0.1:${server.address().port}${url}`)).text()
  server.close(); server.closeAllConnections()
  const time = ['tiny', 'dev', 'short'].includes(format) ? { notime: true } : {}
  return often([['info', 'GET /orders?id=1', { ...time, status: 200 }], ['warn', 'GET /gone', { ...time, status: 404 }], ['error', 'GET /boom', { ...time, status: 500 }]])
}
for (const format of ['combined', 'common', 'short', 'tiny', 'dev']) cases[`morgan-${format}`] = morganCase(format)
cases['morgan-ecs'] = async () => (await morganCase(require('@elastic/ecs-morgan-format')())()).map(([severity, body]) => [severity === 'warn' ? 'info' : severity, body])
cases['logfmt'] = () => {
  const logfmt = require('logfmt')
  return often(['debug', 'info', 'warn', 'error', 'fatal']).map(level => { logfmt.log({ time: new Date().toISOString(), level, msg: `order at ${level}`, order: 17 }); return [level, `order at ${level}`] })
}
cases['console'] = () => {
  console.log({ order: 17, items: Array(8).fill({ sku: 'a'.repeat(20), price: 3 }) })
  console.error('payment failed', boom())
  console.log('plain')
  // The output of stderr comes after that of stdout.
  return [['', 'order: 17', { notime: true }], ['', 'plain', { notime: true }], ['', 'payment failed', { notime: true, error: true }]]
}

if (process.argv[2] === '--child') {
  const calls = await cases[process.argv[3]]()
  writeFileSync(process.argv[4], JSON.stringify(calls))
  // PM2 closes its files when a process exits, and loses what it has not written by then.
  if (process.env.pm_id !== undefined) setInterval(() => {}, 1e6)
} else {
  const out = process.argv[2]
  mkdirSync(out, { recursive: true })
  for (const name of Object.keys(cases).filter(n => !process.argv[3] || n === process.argv[3])) {
    const file = path.join(os.tmpdir(), `calls-${process.pid}.json`)
    const from = new Date()
    const run = spawnSync(process.execPath, [fileURLToPath(import.meta.url), '--child', name, file], { encoding: 'utf8', env: { ...process.env, FORCE_COLOR: /colou?r/.test(name) ? '1' : '0', NO_COLOR: undefined, NODE_ENV: 'production', TZ: 'UTC' } })
    if (run.status !== 0) { console.error(name, run.stderr.slice(-600)); continue }
    const { readFileSync } = await import('node:fs')
    const calls = JSON.parse(readFileSync(file))
    // Google's formatter writes a line about itself if the logger lives long enough.
    const text = (run.stdout.replace(/^.*"logging\.googleapis\.com\/diagnostic".*\n/gm, '') + run.stderr.replace(/^\(node:.*\n\(Use .*\n/gm, '')).replaceAll(here, '/srv/shop').replaceAll(os.hostname(), 'web-01')
    writeFileSync(path.join(out, `${name}.log`), text)
    writeFileSync(path.join(out, `${name}.want.json`), JSON.stringify({ from: from.toISOString(), to: new Date().toISOString(), records: calls.map(([severity, body, more = {}]) => ({ severity, body, ...more })) }, null, 1) + '\n')
  }
}
