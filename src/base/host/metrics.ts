// Instruments, one registry per daemon. Values are gathered in plain cells and read when Prometheus asks: telling prom-client
// each of them took microseconds, and a write has a dozen. Its text format is what is used of it.

import { type Metric, Registry } from "prom-client";
import type { Counter, Gauge, Histogram, Metrics } from "../metrics.js";

export interface MetricsRegistry extends Metrics {
  /** Everything in Prometheus' text format. */
  render(): Promise<string>;
  readonly contentType: string;
}

/** From a tenth of a millisecond to a minute. */
const buckets = [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

export function openMetrics(): MetricsRegistry {
  const registry = new Registry();
  const counters = new Map<string, Counter>();
  const gauges = new Map<string, Gauge>();
  const histograms = new Map<string, Histogram>();
  return {
    counter: (name, help, labels = []) =>
      madeOnce(counters, name, () => {
        const cells = new Cells(labels, () => ({ value: 0 }));
        register(registry, { name, help, type: "counter", values: () => cells.all(valueOf) });
        return {
          add: (amount = 1, values = {}) => {
            cells.of(values).value += amount;
          },
        };
      }),
    gauge: (name, help, labels = []) =>
      madeOnce(gauges, name, () => {
        const cells = new Cells(labels, () => ({ value: 0 }));
        register(registry, { name, help, type: "gauge", values: () => cells.all(valueOf) });
        return {
          set: (value, values = {}) => {
            cells.of(values).value = value;
          },
        };
      }),
    histogram: (name, help, labels = []) =>
      madeOnce(histograms, name, () => {
        const cells = new Cells(labels, newDistribution);
        const values = () => cells.all((cell, of) => distributionOf(name, cell, of));
        register(registry, { name, help, type: "histogram", values });
        return { observe: (seconds, values = {}) => observe(cells.of(values), seconds) };
      }),
    render: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

type Labels = Readonly<Record<string, string>>;

/** A line of the text format. */
interface Line {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  /** Where it is not the metric's own. */
  readonly metricName?: string;
}

/** What an instrument has gathered, by the values of its labels. */
class Cells<Cell> {
  readonly #names: readonly string[];
  readonly #newCell: () => Cell;
  readonly #cells = new Map<string, { readonly labels: Labels; readonly cell: Cell }>();

  constructor(names: readonly string[], newCell: () => Cell) {
    this.#names = names;
    this.#newCell = newCell;
    // Without labels there is one value, and it is there from the start.
    if (names.length === 0) this.of({});
  }

  of(labels: Labels): Cell {
    const key = this.#keyOf(labels);
    const known = this.#cells.get(key);
    if (known !== undefined) return known.cell;
    const cell = this.#newCell();
    this.#cells.set(key, { labels: { ...labels }, cell });
    return cell;
  }

  all(lines: (cell: Cell, labels: Labels) => readonly Line[]): readonly Line[] {
    return [...this.#cells.values()].flatMap(({ cell, labels }) => lines(cell, labels));
  }

  #keyOf(labels: Labels): string {
    let key = "";
    for (const name of this.#names) key += `${labels[name] ?? ""}\n`;
    return key;
  }
}

function valueOf({ value }: { readonly value: number }, labels: Labels): readonly Line[] {
  return [{ labels, value }];
}

interface Distribution {
  /** By the first bucket a value fits; the last is for those that fit none. */
  readonly counts: number[];
  sum: number;
}

function newDistribution(): Distribution {
  return { counts: [...buckets, 0].map(() => 0), sum: 0 };
}

function observe(distribution: Distribution, seconds: number): void {
  let at = 0;
  while (at < buckets.length && seconds > (buckets[at] ?? 0)) at += 1;
  distribution.counts[at] = (distribution.counts[at] ?? 0) + 1;
  distribution.sum += seconds;
}

function distributionOf(name: string, { counts, sum }: Distribution, labels: Labels): readonly Line[] {
  let total = 0;
  const lines: Line[] = counts.map((count, at) => {
    total += count;
    return { metricName: `${name}_bucket`, labels: { le: buckets[at] ?? "+Inf", ...labels }, value: total };
  });
  return [
    ...lines,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: total },
  ];
}

interface Described {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly values: () => readonly Line[];
}

/** All the registry wants of a metric is its name and `get`. */
function register(registry: Registry, { values, ...described }: Described): void {
  const metric = { ...described, get: () => Promise.resolve({ ...described, values: values() }) };
  registry.registerMetric(metric as unknown as Metric);
}

function madeOnce<T>(known: Map<string, T>, name: string, make: () => T): T {
  const found = known.get(name);
  if (found !== undefined) return found;
  const made = make();
  known.set(name, made);
  return made;
}
