'use strict';
// An application with the OpenTelemetry SDK that logs what JSON has no number for.
const { NodeSDK } = require('@opentelemetry/sdk-node');
const sdk = new NodeSDK({});
sdk.start();
const logger = require('@opentelemetry/api-logs').logs.getLogger('shop');
for (let i = 0; i < 10; i++) {
  logger.emit({ body: `good ${i}`, attributes: { i } });
  if (i === 2) logger.emit({ body: 'not a number', attributes: { ratio: 0 / 0 } });
  if (i === 5) logger.emit({ body: 'infinite', attributes: { ratio: -1 / 0 } });
  if (i === 7) logger.emit({ body: 'in a list', attributes: { ratios: [1, 0 / 0, 3] } });
}
sdk.shutdown().then(() => console.error('shut down'));
