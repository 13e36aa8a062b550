'use strict';
// An application that logs numbered lines with a Loki transport, as its README shows it: LIBRARY is winston-json,
// winston-protobuf or pino. It ends once the transport holds no lines any more, or after PATIENCE milliseconds. Its
// standard output is "done" or "lines are left".
const { LIBRARY, URL: host, KEY, LINES, INTERVAL = '0', PATIENCE = '20000', RETRY = '200', FIRST = '1700000000000' } = process.env;
const sleep = ms => new Promise(resolve => { setTimeout(resolve, ms); });

function viaWinston (json) {
  const winston = require('winston');
  const LokiTransport = require('winston-loki');
  const transport = new LokiTransport({
    host, json, interval: 0.1, replaceTimestamp: false, labels: { app: 'shop', job: 'winston', quoted: 'a "b" c' },
    basicAuth: `acme:${KEY}`, onConnectionError: err => console.error(String(err)),
  });
  transport.batcher.circuitBreakerInterval = Number(RETRY); // it waits a minute after a failure
  const logger = winston.createLogger({ transports: [transport] });
  return {
    log: (n, timestamp) => logger.log({ level: n % 2 ? 'warn' : 'info', message: `line ${n}`, timestamp, number: n, user: { name: 'ünï' } }),
    left: () => transport.batcher.batch.streams.length > 0 || transport.batcher.batchesSending > 0,
    close: () => transport.close(),
  };
}

function viaPino () {
  const { pinoLoki } = require('pino-loki');
  const transport = pinoLoki({
    host, labels: { app: 'shop', job: 'pino' }, propsToLabels: ['worker'], batching: { interval: 0.1 }, headers: { Authorization: `Bearer ${KEY}` },
  });
  let time = 0;
  const logger = require('pino')({ timestamp: () => `,"time":${time}` }, transport);
  return {
    log: (n, timestamp) => {
      time = timestamp;
      logger[n % 2 ? 'warn' : 'info']({ worker: 7, number: n, meta: { request: `r${n}`, big: n } }, `line ${n}`);
    },
    left: () => false, // it never retries
    close: () => new Promise(resolve => { transport.on('close', resolve); transport.end(); }),
  };
}

(async () => {
  const client = LIBRARY === 'pino' ? viaPino() : viaWinston(LIBRARY === 'winston-json');
  for (let n = 0; n < Number(LINES); n++) {
    client.log(n, Number(FIRST) + n);
    if (Number(INTERVAL)) await sleep(Number(INTERVAL));
  }
  await sleep(300); // longer than the interval of batches
  for (const end = Date.now() + Number(PATIENCE); client.left() && Date.now() < end;) await sleep(50);
  const left = client.left();
  console.log(left ? 'lines are left' : 'done');
  if (left) process.exit(0);
  await client.close(); // pino-loki may still send: the process ends by itself when it has
})().catch(err => { console.error(err); process.exit(1); });
