'use strict';
// An application with the OpenTelemetry SDK, set up by OTEL_* variables alone: spans, metrics, log records of
// the logs API and log records that the instrumentation of pino takes from the application's own logger.
const { NodeSDK } = require('@opentelemetry/sdk-node');
const { PinoInstrumentation } = require('@opentelemetry/instrumentation-pino');
const sdk = new NodeSDK({ instrumentations: [new PinoInstrumentation()] });
sdk.start();

const { trace, metrics, SpanKind, SpanStatusCode } = require('@opentelemetry/api');
const { logs, SeverityNumber } = require('@opentelemetry/api-logs');
const log = require('pino')();

const orders = metrics.getMeter('shop').createCounter('shop.orders', { unit: '{order}' });
const took = metrics.getMeter('shop').createHistogram('shop.order.duration', { unit: 'ms' });
const logger = logs.getLogger('shop');
const tracer = trace.getTracer('shop');

(async () => {
  for (let i = 0; i < Number(process.env.ORDERS); i++) {
    tracer.startActiveSpan('order', { kind: SpanKind.SERVER, attributes: { 'order.id': i } }, span => {
      tracer.startActiveSpan('charge', child => { child.setStatus({ code: SpanStatusCode.OK }); child.end(); });
      orders.add(1, { channel: i % 2 ? 'web' : 'app' });
      took.record(i);
      log.warn({ order: i }, 'order %d taken', i);
      logger.emit({ severityNumber: SeverityNumber.ERROR, severityText: 'ERROR', body: `order ${i} shipped`, attributes: { order: i } });
      span.end();
    });
  }
  await sdk.shutdown();
  console.error('shut down');
})().catch(err => { console.error(err); process.exit(1); });
