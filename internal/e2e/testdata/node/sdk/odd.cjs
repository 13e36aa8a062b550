'use strict';
// Log records, a span and metrics with numbers that JSON cannot write, or that JavaScript takes for integers.
const { NodeSDK } = require('@opentelemetry/sdk-node');
const sdk = new NodeSDK();
sdk.start();

const { trace, metrics } = require('@opentelemetry/api');
const { logs } = require('@opentelemetry/api-logs');

const odd = { nan: NaN, infinite: Infinity, minus: -Infinity, large: Number.MAX_VALUE, integer: 2 ** 63, small: Number.MIN_VALUE, fine: 1.5 };
const logger = logs.getLogger('shop');
for (let i = 0; i < 9; i++) logger.emit({ body: `fine ${i}` });
for (const [name, value] of Object.entries(odd)) {
  logger.emit({ body: name, attributes: { value, list: [1, value], map: { value } } });
}
logger.emit({ body: NaN, attributes: { kept: true } });

const tracer = trace.getTracer('shop');
tracer.startActiveSpan('odd', span => { span.setAttributes(odd); span.addEvent('odd', odd); span.end(); });

const meter = metrics.getMeter('shop');
meter.createHistogram('shop.ratio').record(0.5, odd);
meter.createObservableGauge('shop.gauge').addCallback(result => { result.observe(NaN, { kind: 'nan' }); result.observe(1.5, { kind: 'fine' }); });

sdk.shutdown().then(() => console.error('shut down'), err => { console.error(err); process.exit(1); });
