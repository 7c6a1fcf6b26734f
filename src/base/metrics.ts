// What the parts count, apart from how it is exported: the daemon binds this to Prometheus.

export interface Counter {
  add(amount?: number, labels?: Readonly<Record<string, string>>): void;
}

export interface Gauge {
  set(value: number, labels?: Readonly<Record<string, string>>): void;
}

export interface Histogram {
  /** Seconds, as Prometheus wants them. */
  observe(seconds: number, labels?: Readonly<Record<string, string>>): void;
}

/** Makes or finds an instrument. Names are `skep_<area>_<what>_<unit>`; label names are fixed at the first call. */
export interface Metrics {
  counter(name: string, help: string, labels?: readonly string[]): Counter;
  gauge(name: string, help: string, labels?: readonly string[]): Gauge;
  histogram(name: string, help: string, labels?: readonly string[]): Histogram;
}

const nothing = { add() {}, set() {}, observe() {} };

/** Counts nothing. */
export const silentMetrics: Metrics = {
  counter: () => nothing,
  gauge: () => nothing,
  histogram: () => nothing,
};
