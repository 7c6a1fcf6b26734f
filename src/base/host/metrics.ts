// Instruments on prom-client, one registry per daemon.

import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { Metrics } from "../metrics.js";

export interface MetricsRegistry extends Metrics {
  /** Everything in Prometheus' text format. */
  render(): Promise<string>;
  readonly contentType: string;
}

/** From a tenth of a millisecond to a minute. */
const buckets = [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

export function openMetrics(): MetricsRegistry {
  const registry = new Registry();
  const registers = [registry];
  return {
    counter(name, help, labels = []) {
      const counter = find(registry, name, Counter) ?? new Counter({ name, help, labelNames: [...labels], registers });
      return { add: (amount = 1, values = {}) => counter.inc(values, amount) };
    },
    gauge(name, help, labels = []) {
      const gauge = find(registry, name, Gauge) ?? new Gauge({ name, help, labelNames: [...labels], registers });
      return { set: (value, values = {}) => gauge.set(values, value) };
    },
    histogram(name, help, labels = []) {
      const histogram =
        find(registry, name, Histogram) ?? new Histogram({ name, help, labelNames: [...labels], buckets, registers });
      return { observe: (seconds, values = {}) => histogram.observe(values, seconds) };
    },
    render: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

function find<T>(registry: Registry, name: string, kind: new (...args: never[]) => T): T | undefined {
  const metric = registry.getSingleMetric(name);
  return metric instanceof kind ? metric : undefined;
}
